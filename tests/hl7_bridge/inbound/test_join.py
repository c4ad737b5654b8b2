from typing import Any

import pytest

from conformance.load import definitions
from hl7_bridge.inbound.join import Joiner, same

JOINER = Joiner(definitions())

STORED = {
    "resourceType": "Patient",
    "id": "1",
    "meta": {"versionId": "3", "tag": [{"code": "a"}]},
    "identifier": [{"system": "s", "value": "1"}, {"system": "s", "value": "2"}],
    "name": [{"family": "Old"}],
    "birthDate": "1980",
    "deceasedBoolean": False,
    "communication": [{"language": {"text": "de"}, "preferred": True}],
}


def joined(
    stored: dict[str, Any] = STORED, clears: tuple[str, ...] = (), rules: Any = None, **sent: Any
) -> dict[str, Any]:
    return JOINER.joined(stored, {"resourceType": stored["resourceType"], **sent}, clears=clears, rules=rules)


def test_what_is_absent_stays_and_what_is_present_replaces() -> None:
    result = joined(name=[{"family": "New"}])
    assert result["name"] == [{"family": "New"}]
    assert result["birthDate"] == "1980"


def test_the_stored_resource_is_not_changed() -> None:
    before = repr(STORED)
    joined(name=[{"family": "New"}], identifier=[{"system": "t", "value": "9"}], clears=("birthDate",))
    assert repr(STORED) == before


def test_identifiers_are_united_by_system_and_value() -> None:
    result = joined(identifier=[{"system": "s", "value": "2", "use": "usual"}, {"system": "t", "value": "1"}])
    assert result["identifier"] == [
        {"system": "s", "value": "1"},
        {"system": "s", "value": "2", "use": "usual"},
        {"system": "t", "value": "1"},
    ]


@pytest.mark.parametrize("path", ["birthDate", "deceased[x]", "deceasedBoolean", "name", "communication.preferred"])
def test_a_deleted_element_goes(path: str) -> None:
    result = joined(clears=(path,))
    assert path.partition(".")[0].replace("[x]", "Boolean") not in result or result["communication"] == [
        {"language": {"text": "de"}}
    ]


def test_an_object_of_which_nothing_is_left_goes_as_well() -> None:
    assert "maritalStatus" not in joined({**STORED, "maritalStatus": {"text": "x"}}, clears=("maritalStatus.text",))


def test_another_form_of_a_choice_displaces_the_stored_one() -> None:
    result = joined(deceasedDateTime="2024-01-01")
    assert "deceasedBoolean" not in result
    assert result["deceasedDateTime"] == "2024-01-01"


def test_a_value_displaces_the_explanation_of_its_absence() -> None:
    stored = {**STORED, "_birthDate": {"extension": [{"url": "u", "valueString": "x"}]}}
    assert "_birthDate" not in joined(stored, birthDate="1990")


def test_rules_unite_keep_and_replace() -> None:
    stored = {
        "resourceType": "Encounter",
        "status": "finished",
        "diagnosis": [{"rank": 1}],
        "identifier": [{"value": "1"}],
    }
    rules = {"status": "keep", "diagnosis": "union", "identifier": "replace"}
    result = joined(
        stored, rules=rules, status="planned", diagnosis=[{"rank": 1}, {"rank": 2}], identifier=[{"value": "2"}]
    )
    assert result["status"] == "finished"
    assert result["diagnosis"] == [{"rank": 1}, {"rank": 2}]
    assert result["identifier"] == [{"value": "2"}]


def test_keep_takes_the_message_s_value_where_nothing_is_stored() -> None:
    assert joined({"resourceType": "Encounter"}, rules={"status": "keep"}, status="planned")["status"] == "planned"


def test_tags_are_united_and_what_the_store_owns_stays() -> None:
    result = joined(id="other", meta={"tag": [{"code": "b"}], "source": "urn:x"})
    assert result["id"] == "1"
    assert result["meta"] == {"versionId": "3", "tag": [{"code": "a"}, {"code": "b"}], "source": "urn:x"}


def test_resources_that_differ_in_their_version_only_are_the_same() -> None:
    assert same(STORED, {**STORED, "meta": {"versionId": "4", "lastUpdated": "x", "tag": [{"code": "a"}]}})
    assert not same(STORED, {**STORED, "meta": {}})


def test_parts_of_an_object_are_united_where_the_map_says_so() -> None:
    stored = {"resourceType": "Encounter", "id": "1", "period": {"start": "2024-05-01", "end": "2024-05-02"}}
    sent: dict[str, Any] = {"period": {"end": "2024-05-03"}}
    assert joined(stored, rules={"period": "union"}, **sent)["period"] == {"start": "2024-05-01", "end": "2024-05-03"}
    assert joined(stored, **sent)["period"] == {"end": "2024-05-03"}


def test_participants_of_a_type_take_the_place_of_those_of_the_same_type() -> None:
    def participant(type_: str, who: str) -> dict[str, Any]:
        return {"type": [{"text": type_}], "individual": {"display": who}}

    stored = {
        "resourceType": "Encounter",
        "id": "1",
        "participant": [participant("ATND", "A"), participant("REF", "R")],
    }
    sent: dict[str, Any] = {"participant": [participant("ATND", "B")]}
    result = joined(stored, rules={"participant": "union"}, **sent)["participant"]
    assert [one["individual"]["display"] for one in result] == ["R", "B"]
    assert joined(stored, **sent)["participant"] == sent["participant"]


def test_items_of_a_list_are_removed_by_what_they_hold() -> None:
    stored = {**STORED, "name": [{"family": "Old"}, {"given": ["Nick"], "use": "nickname"}]}
    assert joined(stored, clears=('name?{"use": "nickname"}',))["name"] == [{"family": "Old"}]


def test_what_an_item_holds_is_found_in_its_lists_too() -> None:
    numbers = [{"type": {"coding": [{"system": "s", "code": "SS"}]}, "value": "9"}, {"value": "1"}]
    clear = 'identifier?{"type": {"coding": [{"code": "SS"}]}}'
    assert joined({**STORED, "identifier": numbers}, clears=(clear,))["identifier"] == [{"value": "1"}]


def test_a_list_of_which_nothing_is_left_goes() -> None:
    assert "name" not in joined(clears=('name?{"family": "Old"}',))


def test_numbers_of_one_use_take_the_place_of_those_of_that_use_only() -> None:
    stored = {**STORED, "telecom": [{"value": "1", "use": "home"}, {"value": "2", "use": "work"}]}
    result = joined(stored, rules={"telecom": "union"}, telecom=[{"value": "3", "use": "work"}])
    assert result["telecom"] == [{"value": "1", "use": "home"}, {"value": "3", "use": "work"}]
