"""What can be wrong with a map, and what with a message that is converted by it.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""


class MapError(ValueError):
    """A map file cannot be compiled; `place` is the path to what is wrong: `segments.PID.Patient[3].as`."""

    def __init__(self, place: str, text: str) -> None:
        super().__init__(f"{place}: {text}")
        self.place = place
        self.text = text


class ConversionError(ValueError):
    """A message that cannot be converted; its parts are those of an ERR segment.

    `code` is of HL7 table 0357: 100 segment sequence, 101 required field missing, 102 data type, 103 table value,
    200 unsupported message type, 201 unsupported event, 204 unknown key.
    """

    def __init__(self, code: str, text: str, *, segment: str = "", field: int = 0, component: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.segment = segment
        self.field = field
        self.component = component

    @property
    def place(self) -> str:
        """Return where: `PID-7.1`, `PID`, or an empty text when the whole message is meant."""
        if not self.segment or not self.field:
            return self.segment
        return f"{self.segment}-{self.field}" + (f".{self.component}" if self.component else "")
