"""What is wrong with a message, and where, in the words of the ERR segment.

Spec: https://terminology.hl7.org/CodeSystem-v2-0357.html
"""

SEQUENCE_ERROR = "100"
REQUIRED_FIELD_MISSING = "101"
DATA_TYPE_ERROR = "102"


class MessageError(ValueError):
    """A message that cannot be taken as it is; its parts are those of an ERR segment.

    Shape: `code` of table HL70357; `segment` is a name, `field` and `component` count from 1; "" and 0 where not known
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


class Er7Error(MessageError):
    """A message that cannot be read."""
