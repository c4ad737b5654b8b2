"""Made-up HL7 v2 messages for the benchmark: what a ward and a laboratory send all day.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

PATIENTS = 2_000
RESULTS = 25
"""OBX segments of a report: with header, patient, visit, order and notes it has 30 segments."""

_ROOMS = 40
_FAMILIES = ("RIVERA", "OKAFOR", "NOWAK", "TANAKA", "HAUSER", "SILVA", "DUBOIS", "LARSEN")
_STREETS = ("MAIN ST", "OAK AVE", "MILL LN", "LAKE RD", "HILL DR")


def updates(run: str) -> Iterator[bytes]:
    """Yield ADT^A08 without end: one patient after the other, each with another address than the last time."""
    for number in count():
        patient = number % PATIENTS
        yield _joined(
            _header("ADT^A08^ADT_A01", f"{run}U{number}"),
            f"EVN|A08|{_now()}",
            _patient(patient, street=f"{number} {_STREETS[number % 5]}"),
            f"NK1|1|{_FAMILIES[patient % 8]}^PAT|SPO|{patient} {_STREETS[patient % 5]}^^TOWN|5550{patient:04}",
            _visit(patient),
        )


def reports(run: str, results: int = RESULTS) -> Iterator[bytes]:
    """Yield ORU^R01 without end: each a new report with `results` values."""
    for number in count():
        patient = number % PATIENTS
        values = (
            f"OBX|{place}|NM|{1000 + place}-{place % 10}^Analyte {place}^LN||{(number + place) % 90}.5|mmol/L^^UCUM"
            f"|3.5-5.1|N|||F|||{_now()}"
            for place in range(1, results + 1)
        )
        yield _joined(
            _header("ORU^R01^ORU_R01", f"{run}R{number}"),
            _patient(patient, street=f"{patient} {_STREETS[patient % 5]}"),
            _visit(patient),
            f"ORC|RE|P{run}{number}^WARD|F{run}{number}^LAB",
            f"OBR|1|P{run}{number}^WARD|F{run}{number}^LAB|24323-8^Panel^LN|||{_now()}|||||||||1001^WELBY^M|||||||||F",
            *values,
        )


def day(run: str) -> Iterator[bytes]:
    """Yield what a hospital sends, without end: of twenty messages, one admits a new patient and one is a repeat.

    The others are nine changes, five reports, two orders, one appointment and one charge, about patients who are known.
    """
    last = b""
    for number in count():
        turn, place = divmod(number, TURN)
        if place < len(_TURN):
            last = _TURN[place](f"{run}D{number}", number, turn if place == 0 else number * 7 % (turn + 1))
        yield last


def question(control_id: str) -> bytes:
    """Return a query for a patient whom nobody knows: it is answered, and leaves no trace."""
    return _joined(
        _header("QBP^Q22^QBP_Q21", control_id),
        "QPD|Q22^Find Candidates^HL7|1|@PID.5.1^NOBODY",
        "RCP|I|1^RD",
    )


def _admission(id_: str, _number: int, patient: int) -> bytes:
    pid = _patient(patient, street=f"{patient} {_STREETS[patient % 5]}")
    return _joined(_header("ADT^A01^ADT_A01", id_), f"EVN|A01|{_now()}", pid, _visit(patient))


def _change(id_: str, number: int, patient: int) -> bytes:
    pid = _patient(patient, street=f"{number} {_STREETS[number % 5]}")
    return _joined(_header("ADT^A08^ADT_A01", id_), f"EVN|A08|{_now()}", pid, _visit(patient))


def _report(id_: str, number: int, patient: int) -> bytes:
    return _joined(
        _header("ORU^R01^ORU_R01", id_),
        _patient(patient, street=f"{patient} {_STREETS[patient % 5]}"),
        _visit(patient),
        f"ORC|RE|P{id_}^WARD|F{id_}^LAB",
        f"OBR|1|P{id_}^WARD|F{id_}^LAB|24323-8^Panel^LN|||{_now()}|||||||||1001^WELBY^M|||||||||F",
        *(
            f"OBX|{place}|NM|{1000 + place}-{place}^Analyte {place}^LN||{(number + place) % 90}.5|mmol/L|||||F"
            for place in range(1, 6)
        ),
    )


def _order(id_: str, number: int, patient: int) -> bytes:
    return _joined(
        _header("ORM^O01^ORM_O01", id_),
        _patient(patient, street=f"{patient} {_STREETS[patient % 5]}"),
        _visit(patient),
        f"ORC|NW|P{id_}^WARD|||||||{_now()}|||1001^WELBY^M",
        f"OBR|1|P{id_}^WARD||{50_000 + number % 50}-1^Panel {number % 50}^LN",
    )


def _booking(id_: str, number: int, patient: int) -> bytes:
    hour, room = divmod(number // TURN, _ROOMS)
    start = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    return _joined(
        _header("SIU^S12^SIU_S12", id_),
        f"SCH||A{id_}^PLAN|||||||30|min|^^^{start:%Y%m%d%H%M%S}+0000{'|' * 14}Booked",
        _patient(patient, street=f"{patient} {_STREETS[patient % 5]}"),
        "RGS|1",
        f"AIL|1||ROOM{room}^^^CLINIC",
    )


def _charge(id_: str, number: int, patient: int) -> bytes:
    return _joined(
        _header("DFT^P03^DFT_P03", id_),
        f"EVN|P03|{_now()}",
        _patient(patient, street=f"{patient} {_STREETS[patient % 5]}"),
        _visit(patient),
        f"FT1|1|T{id_}|B1|{_now()}||CG|99213^Office visit^C4|||1|{number % 200}|",
    )


_TURN = (
    *(_admission, _change, _report, _change, _order, _change, _report, _change, _booking, _change),
    *(_report, _change, _charge, _change, _report, _change, _order, _change, _report),
)
TURN = len(_TURN) + 1
"""Messages of a turn: these, and the last one of them another time."""


def _header(type_: str, control_id: str) -> str:
    return f"MSH|^~\\&|BENCH|CLINIC|FHIR|HOME|{_now()}||{type_}|{control_id}|P|2.5.1"


def _patient(number: int, *, street: str) -> str:
    born = f"19{40 + number % 60}{1 + number % 12:02}{1 + number % 28:02}"
    name = f"{_FAMILIES[number % 8]}^PAT{number}^A"
    return f"PID|1||B{number:06}^^^CLINIC^MR||{name}||{born}|F|||{street}^^TOWN^ST^12345||555{number:07}"


def _visit(number: int) -> str:
    return f"PV1|1|I|W1^{number % 40}^1^CLINIC||||1001^WELBY^M|||MED|||||||||V{number:06}^^^CLINIC^VN"


def _now() -> str:
    return f"{datetime.now(UTC):%Y%m%d%H%M%S}+0000"


def _joined(*segments: str) -> bytes:
    return ("\r".join(segments) + "\r").encode()
