from typing import Any

import pytest

from tests.hl7_bridge.maps.converted import PATIENT, at, codes, convert, segment

PRB = {2: "20240305101000+0100", 3: "44054006^Diabetes type 2^SCT", 4: "PB-1^EHR"}
GOL = {1: "AD", 3: "G1^Lower HbA1c^L", 4: "GL-1^EHR", 7: "20240305", 8: "20240905"}


def prb(action: str = "AD", **fields: str) -> str:
    """A PRB with fields by number: `prb(_9="20240401")`."""
    return segment("PRB", PRB | {1: action}, **fields)


def problem(action: str = "AD", event: str = "PC1", **fields: str) -> dict[str, Any]:
    return convert(f"PPR^{event}", PATIENT, prb(action, **fields)).one("Condition")


def test_problem_is_an_active_item_of_the_problem_list() -> None:
    found = problem(_16="20240201")
    assert codes(found["code"]) == ["44054006"]
    assert codes(found["category"][0]) == ["problem-list-item"]
    assert codes(found["clinicalStatus"]) == ["active"]
    assert found["onsetDateTime"] == "2024-02-01"


def test_problem_is_found_again_by_its_number() -> None:
    found = convert("PPR^PC2", PATIENT, prb("UP"))
    assert found.entry("Condition", "PB-1").key == "identifier=urn:hl7v2:authority:EHR|PB-1"


def test_problem_without_a_number_is_found_again_by_what_it_is() -> None:
    first, again = (problem(_4="", event=event)["identifier"] for event in ("PC1", "PC2"))
    assert first == again


@pytest.mark.parametrize(("field", "code"), [("_14", "Resolved"), ("_13", "RESOLVED")])
def test_life_cycle_is_the_clinical_status(field: str, code: str) -> None:
    assert codes(problem(**{field: code})["clinicalStatus"]) == ["resolved"]


def test_problem_that_has_an_end_is_resolved() -> None:
    found = problem("UP", "PC2", _9="20240401", _14="Active")
    assert found["abatementDateTime"] == "2024-04-01"
    assert codes(found["clinicalStatus"]) == ["resolved"]


def test_confirmation_is_the_verification_status() -> None:
    assert codes(problem(_13="C")["verificationStatus"]) == ["confirmed"]


@pytest.mark.parametrize(("action", "event"), [("DE", "PC2"), ("DE", "PC3"), ("", "PC3")])
def test_deleted_problem_stays_as_entered_in_error(action: str, event: str) -> None:
    found = convert(f"PPR^{event}", PATIENT, prb(action)).entry("Condition", "PB-1")
    assert codes(found.resource["verificationStatus"]) == ["entered-in-error"]
    assert "clinicalStatus" not in found.resource
    assert "clinicalStatus" in found.clears
    assert found.request()["method"] == "PUT"


def goal(**fields: str) -> dict[str, Any]:
    return convert("PPR^PC1", PATIENT, prb(), segment("GOL", GOL, **fields)).one("Goal")


@pytest.mark.parametrize(
    ("field", "text", "path", "value"),
    [
        ("_7", "20240301", "recordedDate", "2024-03-01"),
        ("_9", "20240401", "abatementDateTime", "2024-04-01"),
        ("_17", "last winter", "onsetString", "last winter"),
        ("_26", "24484000^Severe^SCT", "severity.coding.0.code", "24484000"),
    ],
)
def test_field_of_a_problem(field: str, text: str, path: str, value: str) -> None:
    assert at(problem(**{field: text}), path) == value


def test_problem_without_a_date_of_its_own_is_recorded_when_the_event_happened() -> None:
    assert problem()["recordedDate"] == "2024-03-05T10:10:00+01:00"


def test_text_beside_the_date_of_onset_is_a_note() -> None:
    assert at(problem(_16="20240201", _17="after a fall"), "note.0.text") == "after a fall"


def test_problem_belongs_to_the_visit() -> None:
    visit = "PV1|1|O|OPD" + "|" * 16 + "V1^^^CITYHOSP^VN"
    found = convert("PPR^PC1", PATIENT, visit, prb())
    assert found.referred(found.one("Condition")["encounter"])["identifier"][0]["value"] == "V1"


@pytest.mark.parametrize(
    ("field", "text", "path", "value"),
    [
        ("_3", "G2^Walk more^L", "description.text", "Walk more"),
        ("_4", "GL-2^EHR", "identifier.0.value", "GL-2"),
        ("_6", "1", "priority.text", "1"),
        ("_7", "20240306", "startDate", "2024-03-06"),
        ("_8", "20241231", "target.0.dueDate", "2024-12-31"),
        ("_9", "D^Dietary^L", "category.0.coding.0.code", "D"),
        ("_12", "20240401", "statusDate", "2024-04-01"),
        ("_16", "A^Achieved^L", "achievementStatus.coding.0.code", "A"),
        ("_17", "going well", "note.0.text", "going well"),
        ("_18", "On hold", "lifecycleStatus", "on-hold"),
        ("_19", "20240402", "statusDate", "2024-04-02"),
    ],
)
def test_field_of_a_goal(field: str, text: str, path: str, value: str) -> None:
    assert at(goal(**{field: text}), path) == value


def test_goal_is_active_unless_it_says_otherwise() -> None:
    assert goal()["lifecycleStatus"] == "active"


def test_goal_below_a_problem_addresses_it() -> None:
    other = prb(_4="PB-2^EHR")
    found = convert("PPR^PC1", PATIENT, other, prb(), segment("GOL", GOL))
    addressed = [found.referred(one)["identifier"][0]["value"] for one in found.one("Goal")["addresses"]]
    assert addressed == ["PB-1"]


def test_goal_above_problems_addresses_all_of_them() -> None:
    found = convert("PGL^PC6", PATIENT, segment("GOL", GOL), prb(), prb(_4="PB-2^EHR"))
    addressed = [found.referred(one)["identifier"][0]["value"] for one in found.one("Goal")["addresses"]]
    assert addressed == ["PB-1", "PB-2"]


@pytest.mark.parametrize(("action", "event"), [("DE", "PGL^PC7"), ("", "PGL^PC8")])
def test_deleted_goal_stays_as_entered_in_error(action: str, event: str) -> None:
    assert convert(event, PATIENT, segment("GOL", GOL, _1=action)).one("Goal")["lifecycleStatus"] == "entered-in-error"


def test_goal_without_a_number_is_found_again_by_what_it_is() -> None:
    first, again = (goal(_4="")["identifier"] for _ in range(2))
    assert first == again


def test_comment_on_a_goal_belongs_to_it() -> None:
    found = convert("PPR^PC1", PATIENT, prb(), segment("GOL", GOL), "NTE|1||Slowly")
    assert found.one("Goal")["note"] == [{"text": "Slowly"}]
    assert "note" not in found.one("Condition")


def test_comment_belongs_to_the_problem() -> None:
    found = convert("PPR^PC1", PATIENT, prb(), "NTE|1||Diet first").one("Condition")
    assert found["note"] == [{"text": "Diet first"}]
