"""Links of resources: visited by the types of elements, replaced without changing what was given."""

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from conformance import definitions
from conformance.reference_text import ReferenceText
from fhir_server.kernel.errors import Invalid
from fhir_server.resources.references import Links, parse_reference

SYNTHEA = Path(__file__).parents[3] / "shared" / "data" / "synthea"
OLD, NEW = "urn:uuid:1", "Patient/9"


@pytest.fixture(scope="module")
def links() -> Links:
    return Links(definitions())


def replace(text: str) -> str | None:
    return NEW if text == OLD else None


def linked(link: str, template: object) -> Any:
    """Return the template with each `...` replaced by the link."""
    if isinstance(template, dict):
        return {key: linked(link, child) for key, child in template.items()}
    if isinstance(template, list):
        return [linked(link, child) for child in template]
    return link if template is ... else template


@pytest.mark.parametrize(
    ("type_", "template"),
    [
        ("Observation", {"subject": {"reference": ...}}),
        ("Observation", {"performer": [{"reference": "x"}, {"reference": ..., "display": "d"}]}),
        ("Observation", {"component": [{"extension": [{"url": OLD, "valueReference": {"reference": ...}}]}]}),
        ("Patient", {"photo": [{"url": ...}]}),
        ("Patient", {"identifier": [{"system": ..., "value": OLD}]}),
        ("Patient", {"_birthDate": {"extension": [{"url": "u", "valueUri": ...}]}}),
        ("Patient", {"name": [{"_given": [None, {"extension": [{"url": "u", "valueUuid": ...}]}]}]}),
        ("Patient", {"extension": [{"url": "u", "extension": [{"url": "v", "valueOid": ...}]}]}),
        ("Patient", {"contained": [{"resourceType": "Group", "member": [{"entity": {"reference": ...}}]}]}),
        ("Bundle", {"entry": [{"fullUrl": ..., "resource": {"resourceType": "List", "subject": {"reference": ...}}}]}),
        ("Questionnaire", {"item": [{"item": [{"item": [{"definition": ...}]}]}]}),
        ("Communication", {"_language": {"id": "x"}, "instantiatesUri": ["x", ...]}),
    ],
)
def test_every_link_is_replaced(links: Links, type_: str, template: dict[str, Any]) -> None:
    resource = {"resourceType": type_, "id": "1", **linked(OLD, template)}
    before = copy.deepcopy(resource)
    assert links.rewrite(resource, replace) == {"resourceType": type_, "id": "1", **linked(NEW, template)}
    assert resource == before


def test_links_of_the_narrative_are_replaced(links: Links) -> None:
    resource = {"resourceType": "Patient", "text": {"div": f"<div><a href='{OLD}'>x</a></div>"}}
    assert links.rewrite(resource, replace)["text"] == {"div": f'<div><a href="{NEW}">x</a></div>'}


@pytest.mark.parametrize(
    ("type_", "content"),
    [
        ("Patient", {"name": [{"text": OLD, "family": OLD}]}),
        ("Patient", {"meta": {"profile": [OLD]}}),
        ("Patient", {"extension": [{"url": OLD, "valueCanonical": OLD}]}),
        ("Patient", {"generalPractitioner": [{"display": OLD, "identifier": {"value": OLD}}]}),
        ("Communication", {"instantiatesCanonical": [OLD]}),
        ("Nothing", {"subject": {"reference": OLD}}),
    ],
)
def test_what_is_no_link_stays_and_so_does_the_resource_itself(
    links: Links, type_: str, content: dict[str, Any]
) -> None:
    resource = {"resourceType": type_, **content}
    assert links.rewrite(resource, replace) is resource


def test_parts_that_did_not_change_are_not_copied(links: Links) -> None:
    resource = {"resourceType": "Observation", "code": {"coding": [{}]}, "subject": {"reference": OLD}}
    result = links.rewrite(resource, replace)
    assert result["code"] is resource["code"]
    assert list(result) == list(resource)


def test_references_are_listed_with_their_places(links: Links) -> None:
    resource = {
        "resourceType": "Bundle",
        "entry": [
            {
                "fullUrl": OLD,
                "resource": {
                    "resourceType": "Observation",
                    "subject": {"reference": "Patient/1", "identifier": {"assigner": {"reference": "Organization/2"}}},
                    "performer": [{"display": "d"}, {"reference": "#p"}],
                    "valueQuantity": {"extension": [{"url": "u", "valueReference": {"reference": "Device/3"}}]},
                    "contained": [{"resourceType": "Patient", "id": "p", "link": [{"other": {"reference": OLD}}]}],
                    "_issued": {"extension": [{"url": "u", "valueReference": {"reference": "Device/4"}}]},
                },
            }
        ],
    }
    place = "Bundle.entry[0].resource"
    assert links.references(resource) == [
        (f"{place}.subject.reference", "Patient/1"),
        (f"{place}.subject.identifier.assigner.reference", "Organization/2"),
        (f"{place}.performer[1].reference", "#p"),
        (f"{place}.value.extension[0].value.reference", "Device/3"),
        (f"{place}.contained[0].link[0].other.reference", OLD),
        (f"{place}.issued.extension[0].value.reference", "Device/4"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"subject": 1, "performer": "x", "text": [], "meta": [None, 1]},
        {"subject": {"reference": {"a": 1}}, "contained": {"resourceType": 1}, "component": [[[{}]]]},
        {"subject": [{"reference": ["urn:uuid:2"]}], "contained": [1, {"resourceType": []}], "text": {"div": 1}},
    ],
)
def test_resources_not_yet_validated_do_no_harm(links: Links, content: dict[str, Any]) -> None:
    resource = {"resourceType": "Observation", **content}
    assert links.rewrite(resource, replace) is resource
    assert links.references(resource) == []


def test_a_resource_too_deep_to_walk_is_400(links: Links) -> None:
    extension: dict[str, Any] = {}
    for _ in range(5000):
        extension = {"extension": [extension]}
    resource = {"resourceType": "Patient", **extension}
    with pytest.raises(Invalid):
        links.rewrite(resource, replace)
    with pytest.raises(Invalid):
        links.references(resource)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/1", ReferenceText("Patient", "1")),
        ("Patient/1/_history/2", ReferenceText("Patient", "1", None, "2")),
        ("http://me/fhir/Patient/1", ReferenceText("Patient", "1", "http://me/fhir")),
        ("http://other/fhir/Patient/1", None),
        ("#p", None),
        ("urn:uuid:1", None),
        ("Patient?identifier=1", None),
    ],
)
def test_references_to_this_server_have_parts(text: str, expected: ReferenceText | None) -> None:
    assert parse_reference(text, ("http://me/fhir",)) == expected


@pytest.mark.skipif(not SYNTHEA.exists(), reason="the Synthea bundles are not here")
def test_all_links_between_real_resources_are_found(links: Links) -> None:
    bundle = json.loads(gzip.decompress(min(SYNTHEA.glob("*.json.gz")).read_bytes()))
    names = {entry["fullUrl"]: f"{entry['resource']['resourceType']}/x" for entry in bundle["entry"]}
    resources = [entry["resource"] for entry in bundle["entry"]]
    text = json.dumps([links.rewrite(resource, names.get) for resource in resources])
    assert any(full_url in json.dumps(resources) for full_url in names)
    assert not any(full_url in text for full_url in names)
    assert all(links.references(resource) for resource in resources if "subject" in resource)
