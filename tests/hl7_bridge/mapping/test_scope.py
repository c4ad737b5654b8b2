from hl7_bridge.mapping.context import Draft
from hl7_bridge.mapping.scope import Scope
from tests.hl7_bridge.mapping.scopes import scope
from tests.hl7_bridge.mapping.test_groups import PATIENT


def made(*names: str) -> Scope:
    return scope({"patient": PATIENT}, *(f"{name}|{number}" for number, name in enumerate(names)))


def draft(of: Scope, role: str) -> Draft:
    entry = Draft(role, f"urn:uuid:{role}-{id(of)}")
    of.add(role, entry)
    return entry


def test_nearest_entry_outwards_is_found() -> None:
    patient = made("PID", "OBR", "OBX").children[0]
    order = patient.children[0]
    result = order.children[0]
    person, report = draft(patient, "Patient"), draft(order, "DiagnosticReport")
    assert result.find("Patient") is person
    assert result.find("DiagnosticReport") is report
    assert result.find("Encounter") is None


def test_entry_beside_is_found_but_not_that_of_another_instance() -> None:
    first, second = made("PID", "OBR", "OBX", "OBR", "OBX", "SPM").children[0].children
    specimen = draft(second.children[1], "Specimen")
    assert second.children[0].find("Specimen") is specimen
    assert first.children[0].find("Specimen") is None


def test_nearer_entry_that_was_added_later_is_found_by_those_that_looked_before() -> None:
    patient = made("PID", "OBR", "OBX").children[0]
    result = patient.children[0].children[0]
    far = draft(patient, "Patient")
    assert result.find("Patient") is far
    near = draft(patient.children[0], "Patient")
    assert result.find("Patient") is near


def test_only_patient_is_found_wherever_it_stands() -> None:
    early, late = made("OBR", "PID").children
    person = draft(late, "Patient")
    assert early.find("Patient") is person


def test_entries_within_are_in_message_order() -> None:
    patient = made("PID", "OBR", "OBX", "OBX", "OBR", "OBX").children[0]
    first, second = patient.children
    drafts = [draft(one, "Observation") for one in (*first.children, *second.children)]
    assert list(first.every("Observation")) == drafts[:2]
    assert list(patient.every("Observation")) == drafts


def test_nearest_segment_is_found_and_all_within() -> None:
    patient = made("PID", "OBR", "OBX", "OBR", "OBX").children[0]
    second = patient.children[1]
    found = second.children[0].segment("OBR")
    assert found is not None
    assert found.sequence == 2
    assert [one.sequence for one in patient.every_segment("OBX")] == [1, 2]
    assert second.segment("PV1") is None


def test_outermost_finds_the_first_entry_wherever_it_stands() -> None:
    message = made("PID", "OBR", "OBX", "OBR", "OBX")
    orders = message.children[0].children
    first, _ = [draft(order, "DiagnosticReport") for order in orders]
    assert message.find("DiagnosticReport") is first


def test_a_group_finds_what_lies_in_it_before_what_lies_beside_it() -> None:
    patient = made("PID", "OBR", "OBX", "SPM", "OBR", "OBX", "SPM").children[0]
    first, second = patient.children
    specimens = [draft(order.children[1], "Specimen") for order in (first, second)]
    assert [order.find("Specimen") for order in (first, second)] == specimens
    assert [order.children[0].find("Specimen") for order in (first, second)] == specimens
