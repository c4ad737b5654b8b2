"""Every reference that R4 allows to what can be merged is found: by a search parameter, or beside them."""

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.definitions import Element
from conformance.load import definitions
from fhir_server.kernel.layout import INDEX, UNSEARCHED
from fhir_server.resources.indexing import Indexer
from fhir_server.resources.unsearched import MERGED
from hl7_bridge.inbound.referring import reference_parameters

INDEXER = Indexer(definitions())
FOLDER, NAME = UNSEARCHED.removeprefix(f"{INDEX}.").split(".")


def places(type_: str, passed: tuple[str, ...] = ()) -> Iterator[tuple[list[tuple[str, bool]], Element]]:
    """Yield the steps (JSON property, is it an array?) to each Reference of a type; into a recursion once."""
    for element in definitions().types[type_].elements.values():
        for fhir_type in element.types:
            step = (element.json_name(fhir_type), element.is_array)
            definition = definitions().types[fhir_type]
            if fhir_type == "Reference":
                yield [step], element
            elif fhir_type not in (*passed, "Extension", "Resource") and definition.kind != "primitive-type":
                for steps, found in places(fhir_type, (*passed, fhir_type)):
                    yield [step, *steps], found


def holding(reference: str, steps: list[tuple[str, bool]]) -> dict[str, Any]:
    value: Any = {"reference": reference}
    for name, is_array in reversed(steps):
        value = {name: [value] if is_array else value}
    assert isinstance(value, dict)
    return value


def found(resource: dict[str, Any], target: str) -> bool:
    index = INDEXER.index(resource).index
    codes = {code for type_, code in reference_parameters(definitions(), target) if type_ == resource["resourceType"]}
    values = {**index, **index.get(FOLDER, {})}
    texts = [values[name] for name in (*codes, NAME) if name in values]
    return any(f"{target}/1" in ([text] if isinstance(text, str) else text) for text in texts)


@pytest.mark.parametrize("type_", sorted(definitions().resource_types))
def test_every_reference_to_what_can_be_merged_is_found(type_: str) -> None:
    lost = [
        ".".join(name for name, _ in steps)
        for steps, element in places(type_)
        for target in MERGED
        if not element.targets or {target, "Resource"} & set(element.targets)
        if not found({"resourceType": type_, "id": "x", **holding(f"{target}/1", steps)}, target)
    ]
    assert [] == lost


def index(**elements: Any) -> Any:
    return INDEXER.index({"id": "x", **elements}).index.get(FOLDER, {}).get(NAME)


def test_extensions_and_contained_resources_are_looked_into() -> None:
    coverage = {"resourceType": "Coverage", "id": "c", "beneficiary": {"reference": "Patient/2"}}
    extension = {"url": "http://example.org/x", "valueReference": {"reference": "Patient/1"}}
    assert ["Patient/1"] == index(resourceType="Location", extension=[{"url": "x", "extension": [extension]}])
    assert ["Patient/2"] == index(resourceType="Claim", contained=[coverage])


def test_a_recursion_is_followed_to_its_end() -> None:
    answer = {"item": [{"item": [{"item": [{"answer": [{"valueReference": {"reference": "Patient/1"}}]}]}]}]}
    assert ["Patient/1"] == index(resourceType="QuestionnaireResponse", **answer)


def test_what_cannot_be_merged_is_not_kept() -> None:
    extensions = [
        {"url": "http://example.org/x", "valueReference": {"reference": reference}}
        for reference in ("Practitioner/1", "#p", "urn:uuid:00000000-0000-4000-8000-000000000001")
    ]
    assert index(resourceType="Location", extension=extensions) is None


def test_what_search_parameters_find_is_not_kept_again() -> None:
    to = {"reference": "Patient/1"}
    assert index(resourceType="Observation", subject=to, performer=[to]) is None
