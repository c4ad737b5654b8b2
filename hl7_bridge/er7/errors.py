"""What is wrong with a message that cannot be read, and where, in the words of the ERR segment.

Spec: https://terminology.hl7.org/CodeSystem-v2-0357.html
"""

SEQUENCE_ERROR = "100"
REQUIRED_FIELD_MISSING = "101"
DATA_TYPE_ERROR = "102"


class Er7Error(Exception):
    """A message that cannot be read.

    Shape: `code` of table HL70357; `segment` is a name, `field` and `component` count from 1; None where not known
    """

    def __init__(
        self, code: str, text: str, *, segment: str = "", field: int | None = None, component: int | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.segment = segment
        self.field = field
        self.component = component
