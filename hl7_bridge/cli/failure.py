"""How a verb says that it cannot go on: one line on stderr that says what to do, and exit status 2.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

OK, FOUND, CANNOT = 0, 1, 2
"""Exit statuses: done; done, but something was refused; could not be done."""


class CommandError(Exception):
    """The verb cannot go on; the text is one line for the person at the terminal."""


def unreached(server: str, why: str, file: str) -> str:
    """Return the line for a server that does not answer; `file` is the flag of a bridge that runs alone."""
    return f"nobody answers at {server} ({why}); name the server with --server URL, or a file with {file}"
