"""_summary and _elements."""

from typing import Any

import pytest

from conformance.load import definitions
from fhir_server.kernel.fhir_json import decode, encode
from fhir_server.search import Search
from fhir_server.search.shape import SUBSETTED, unknown_elements

SEARCH = Search(definitions())
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "meta": {"versionId": "1", "tag": [{"code": "kept"}]},
    "text": {"status": "generated", "div": "<div/>"},
    "active": True,
    "name": [{"family": "F", "given": ["G"]}],
    "birthDate": "2000",
    "_birthDate": {"id": "b"},
    "deceasedBoolean": False,
    "contact": [{"name": {"text": "c"}}],
    "communication": [{"language": {"text": "de"}}],
    "link": [{"other": {"reference": "Patient/x"}, "type": "seealso"}],
}


def shaped(resource: dict[str, Any], *params: tuple[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = decode(SEARCH.shape(encode(resource), params))
    return found


def test_elements_are_those_asked_for_and_the_mandatory_ones() -> None:
    assert set(shaped(PATIENT, ("_elements", "name,Patient.birthDate"))) == {
        *("resourceType", "id", "meta", "name", "birthDate", "_birthDate"),
    }
    observation = {"resourceType": "Observation", "id": "o", "status": "final", "code": {}, "issued": "x"}
    assert set(shaped(observation, ("_elements", "subject"))) == {"resourceType", "id", "meta", "status", "code"}


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        ("resourceType,name,birthDate,id,meta,text,contained", []),
        ("name.family,Patient.name.given,deceased,deceasedBoolean,Patient.deceasedDateTime", []),
        ("naem,name,Patient.naem", ["naem", "Patient.naem"]),
        ("status", ["status"]),
        ("Observation.status,Observation.valueQuantity,Observation.value", []),
        (
            "Observation.naem,Nothing.status,deceasedQuantity",
            ["Observation.naem", "Nothing.status", "deceasedQuantity"],
        ),
    ],
)
def test_elements_that_no_type_has_are_told(names: str, unknown: list[str]) -> None:
    assert unknown_elements(names.split(","), ["Patient"], definitions()) == unknown


@pytest.mark.parametrize("name", ["deceased", "deceasedBoolean", "Patient.deceasedBoolean", "Patient.deceased"])
def test_choice_is_asked_for_by_its_name_with_or_without_type(name: str) -> None:
    assert "deceasedBoolean" in shaped(PATIENT, ("_elements", name))
    assert "deceasedBoolean" not in shaped(PATIENT, ("_elements", f"{name}x"))


def test_summary_keeps_the_elements_marked_so() -> None:
    found = set(shaped(PATIENT, ("_summary", "true")))
    assert {"name", "birthDate", "active", "link", "deceasedBoolean"} <= found
    assert not {"text", "contact", "communication"} & found


def test_summary_keeps_only_marked_parts_of_backbone_elements() -> None:
    statement = {
        "resourceType": "CapabilityStatement",
        "id": "c",
        "status": "active",
        "rest": [{"mode": "server", "documentation": "long", "resource": [{"type": "Patient", "versioning": "x"}]}],
    }
    rest = shaped(statement, ("_summary", "true"))["rest"][0]
    assert rest["mode"] == "server"
    assert "documentation" not in rest
    assert rest["resource"] == [{"type": "Patient"}]


def test_text_summary_keeps_narrative_and_mandatory_elements() -> None:
    assert set(shaped(PATIENT, ("_summary", "text"))) == {"resourceType", "id", "meta", "text"}


def test_data_summary_drops_the_narrative_alone() -> None:
    assert set(PATIENT) - set(shaped(PATIENT, ("_summary", "data"))) == {"text"}


@pytest.mark.parametrize("params", [(("_summary", "true"),), (("_elements", "name"),), (("_summary", "data"),)])
def test_part_of_a_resource_is_marked(params: tuple[tuple[str, str], ...]) -> None:
    assert shaped(PATIENT, *params)["meta"]["tag"] == [{"code": "kept"}, SUBSETTED]


@pytest.mark.parametrize("params", [(), (("_summary", "false"),), (("_summary", "count"),), (("_pretty", "true"),)])
def test_whole_resource_is_the_same_text(params: tuple[tuple[str, str], ...]) -> None:
    text = encode(PATIENT)
    assert SEARCH.shape(text, params) is text
