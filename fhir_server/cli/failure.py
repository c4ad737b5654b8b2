"""How a verb says that it cannot go on: one line on stderr that says what to do, and exit status 2.

Spec: https://hl7.org/fhir/R4/http.html
"""

OK, FOUND, CANNOT = 0, 1, 2
"""Exit statuses: done; done, but something was rejected or found wrong; could not be done."""


class CommandError(Exception):
    """The verb cannot go on; the text is one line for the person at the terminal."""
