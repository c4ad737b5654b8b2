"""Builders of small messages: segments by their fields, with identifiers that belong to one test alone."""

from itertools import count

_numbers = count(1)
ER7 = "x-application/hl7-v2+er7"


def unique(prefix: str) -> str:
    """Return a text that no other test of this process has."""
    return f"{prefix}{next(_numbers)}"


def message(
    *segments: str, type_: str, control_id: str, at: str = "20240501100000+0000", sender: str = "LAB|HOSP"
) -> bytes:
    """Return a message with a header and these segments."""
    header = f"MSH|^~\\&|{sender}|FHIR|HOME|{at}||{type_}|{control_id}|P|2.5.1"
    return "".join(f"{segment}\r" for segment in (header, *segments)).encode()


def admission(
    patient: str, *, control_id: str, at: str = "20240501100000+0000", trigger: str = "A01", **fields: str
) -> bytes:
    """Return an ADT of a patient (MR of HOSP); `name`, `born`, `address`, `visit`, `ward` fill PID and PV1."""
    name, born = fields.get("name", "DOE^JANE"), fields.get("born", "19800101")
    pid = f"PID|1||{patient}^^^HOSP^MR||{name}||{born}|F|||{fields.get('address', '')}"
    pv1 = (
        f"PV1|1|I|{fields.get('ward', 'W1^101^1^HOSP')}" + "|" * 16 + f"{fields.get('visit', f'V{patient}')}^^^HOSP^VN"
    )
    return message(f"EVN|{trigger}|{at}", pid, pv1, type_=f"ADT^{trigger}^ADT_A01", control_id=control_id, at=at)


def report(
    patient: str, order: str, value: str, *, control_id: str, status: str = "F", at: str = "20240501110000+0000"
) -> bytes:
    """Return an ORU with one numeric result."""
    return message(
        f"PID|1||{patient}^^^HOSP^MR||DOE^JANE||19800101|F",
        f"ORC|RE|{order}^WARD|F{order}^LAB",
        f"OBR|1|{order}^WARD|F{order}^LAB|2823-3^Potassium^LN|||{at}|||||||||||||||{at}|||{status}",
        f"OBX|1|NM|2823-3^Potassium^LN||{value}|mmol/L^^UCUM|3.5-5.1|N|||{status}|||{at}",
        type_="ORU^R01^ORU_R01",
        control_id=control_id,
        at=at,
    )


def merge(survivor: str, prior: str, *, control_id: str, at: str = "20240601100000+0000") -> bytes:
    """Return an A40: the prior patient is the survivor."""
    return message(
        f"EVN|A40|{at}",
        f"PID|1||{survivor}^^^HOSP^MR||DOE^JANE",
        f"MRG|{prior}^^^HOSP^MR",
        type_="ADT^A40^ADT_A39",
        control_id=control_id,
        at=at,
    )
