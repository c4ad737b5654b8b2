"""Which visit is meant where PV1 gives neither a number nor a start."""

from tests.hl7_bridge.maps.converted import PATIENT, Converted, convert

VISIT = "PV1|1|O|CARD^^^CITYHOSP"


def visit(type_: str, *lines: str, at: str, pid: str = PATIENT) -> str:
    """The key of the visit of a message that gives it neither number nor start."""
    found = convert(type_, f"EVN||{at}", pid, VISIT, *lines).conversion.entries
    (key,) = (one.key for one in found if one.resource["resourceType"] == "Encounter")
    assert key is not None
    return key


def test_a_visit_without_number_is_that_of_the_order() -> None:
    first = visit("ORU^R01", "OBR|1|P1|F1|K^Potassium^L|||||||||||||||||||||P", at="20240305090000")
    corrected = visit("ORU^R01", "OBR|1|P1|F1|K^Potassium^L|||||||||||||||||||||C", at="20240305110000")
    other = visit("ORU^R01", "OBR|1|P2|F2|K^Potassium^L|||||||||||||||||||||F", at="20240305110000")
    assert (first == corrected, first == other) == (True, False)


def test_a_visit_without_number_is_that_of_the_document() -> None:
    document = "TXA|1|DS|TX|||||||||D1"
    first = visit("MDM^T02", f"{document}|||||DO", at="20240305090000")
    assert first == visit("MDM^T08", f"{document}|||||AU", at="20240306090000")


def test_a_visit_without_number_is_that_of_the_account() -> None:
    account = PATIENT + "|" * 10 + "A1^^^CITYHOSP^AN"
    first = visit("ADT^A01", at="20240305090000", pid=account)
    assert first == visit("ADT^A03", at="20240306090000", pid=account)


def test_a_visit_of_an_account_stays_the_same_when_its_start_is_corrected() -> None:
    account = PATIENT + "|" * 10 + "A1^^^CITYHOSP^AN"
    first, corrected = (stay(account, "I", start) for start in ("20240305090000", "20240305083000"))
    assert first == corrected == visit("ADT^A03", at="20240306090000", pid=account)


def test_visits_of_a_recurring_patient_share_an_account_and_are_told_apart_by_their_start() -> None:
    account = PATIENT + "|" * 10 + "A1^^^CITYHOSP^AN"
    first, second = (stay(account, "R", start) for start in ("20240305090000", "20240312090000"))
    assert first != second
    assert first == stay(account, "R", "20240305090000")


def stay(pid: str, kind: str, start: str) -> str | None:
    """The key of a visit of some class (PV1-2) that began at a time (PV1-44)."""
    found = convert("ADT^A08", pid, f"PV1|1|{kind}" + "|" * 42 + start)
    return next(one.key for one in found.conversion.entries if one.resource["resourceType"] == "Encounter")


def test_a_visit_without_anything_is_that_of_the_message() -> None:
    assert visit("ADT^A04", at="20240305090000") != visit("ADT^A04", at="20240306090000")


def test_a_visit_that_is_only_booked_is_planned() -> None:
    booked = convert("SIU^S12", "SCH|A1^CAL|||||||||20240310090000+0100", PATIENT, VISIT)
    assert booked.one("Encounter")["status"] == "planned"


def test_the_event_may_stand_in_evn_alone() -> None:
    assert "period.end" not in clears(convert("ADT", "EVN|A01|20240305", PATIENT, VISIT, version="2.1"))
    assert "period.end" in clears(convert("ADT", "EVN|A13|20240305", PATIENT, VISIT, version="2.1"))


def clears(found: Converted) -> frozenset[str]:
    (entry,) = (one for one in found.conversion.entries if one.resource["resourceType"] == "Encounter")
    return entry.clears
