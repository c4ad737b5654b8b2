"""What can be wrong with a map, and what with a message that is converted by it.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

from hl7_bridge.er7 import MessageError


class MapError(ValueError):
    """A map file cannot be compiled; `place` is the path to what is wrong: `segments.PID.Patient[3].as`."""

    def __init__(self, place: str, text: str) -> None:
        super().__init__(f"{place}: {text}")
        self.place = place
        self.text = text


class ConversionError(MessageError):
    """A message that can be read but not converted.

    `code`: 100 segment sequence, 101 required field missing, 102 data type, 103 table value, 200 unsupported message
    type, 201 unsupported event, 204 unknown key.
    """
