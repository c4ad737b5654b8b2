"""Which SearchParameters can be used, and why others cannot: each refusal names its place."""

from typing import Any

import pytest

from conformance.load import definitions
from fhir_server.kernel.types import Resource
from fhir_server.resources.indexing import Indexer
from fhir_server.search.custom import Unusable, defined, in_force, is_asked_for
from fhir_server.search.custom.definition import MOST_OF_A_TYPE
from fhir_server.search.registry import Parameter, registry
from tests.operations.custom_parameters import parameter

DEFINITIONS = definitions()
OWN = registry(DEFINITIONS)


def of(resource: Resource) -> dict[str, Parameter]:
    return dict(defined({"id": "x", **resource}, OWN, DEFINITIONS))


def refused(**elements: Any) -> list[str | None]:
    with pytest.raises(Unusable) as caught:
        of(parameter("nickname", **elements))
    assert 422 == caught.value.status
    return [issue.expression for issue in caught.value.issues]


@pytest.mark.parametrize("code", ["name", "_id", "_tag", "a.b", "a:b", "a b", "", "9", "a" * 65, "a~b", "a$b"])
def test_a_name_that_is_taken_or_that_no_url_can_hold_is_refused(code: str) -> None:
    assert ["SearchParameter.code"] == refused(code=code)


@pytest.mark.parametrize(
    "expression",
    [
        None,
        "",
        "Patient.",
        "Patient.name..given",
        "Patient.nickname",
        "Practitioner.name.given",
        "Patient.birthDate.ofType(Quantity)",
        "Patient.name.matches('a')",
        "Patient.link.other.resolve().name",
        "Patient.contact",
        "Patient.active",
        "Patient.extension.value.extension.value",
        "(" * 500 + "Patient.name" + ")" * 500,
        " | ".join(["Patient.name.given"] * 501),
        "Patient.name.given" + " " * 5_000,
    ],
)
def test_an_expression_that_gives_this_kind_nothing_is_refused(expression: str | None) -> None:
    elements = {} if expression is None else {"expression": expression}
    resource = parameter("nickname")
    del resource["expression"]
    with pytest.raises(Unusable) as caught:
        of({**resource, **elements})
    assert ["SearchParameter.expression"] == [issue.expression for issue in caught.value.issues]


def test_every_base_needs_a_branch_of_its_own() -> None:
    both = ["Patient", "Practitioner"]
    assert ["SearchParameter.expression"] == refused(base=both, expression="Patient.name.given")
    expression = "Patient.name.given | Practitioner.name.given"
    assert both == list(of(parameter("called", base=both, expression=expression)))


def test_an_abstract_base_is_every_type_that_derives_from_it() -> None:
    everywhere = of(parameter("words", base=["Resource"], expression="Resource.language"))
    assert DEFINITIONS.resource_types == everywhere.keys()
    domain = of(parameter("words", base=["DomainResource"], expression="DomainResource.text.status"))
    assert {"Bundle", "Binary", "Parameters"} == DEFINITIONS.resource_types - domain.keys()


def test_a_type_has_room_for_so_many_and_those_with_the_first_ids_are_in_force() -> None:
    some = [{**parameter(f"n{number}"), "id": f"id{number:03}"} for number in range(MOST_OF_A_TYPE + 1)]
    result = in_force(reversed(some), (), OWN, DEFINITIONS)
    assert {f"SearchParameter/id{MOST_OF_A_TYPE}"} == result.refused.keys()
    (issue,) = result.refused[f"SearchParameter/id{MOST_OF_A_TYPE}"].issues
    assert ("too-costly", "SearchParameter.base") == (issue.code, issue.expression)
    assert issue.diagnostics.startswith(f"Patient has {MOST_OF_A_TYPE} search parameters of users already")
    edited = {**some[0], "expression": "Patient.name.text"}
    assert {"Patient"} == defined(edited, result.registry, DEFINITIONS).keys()


def test_what_is_special_cannot_be_defined() -> None:
    assert ["SearchParameter.type"] == refused(type="special")


@pytest.mark.parametrize(
    ("components", "place"),
    [
        ([], "component"),
        ([("individual-gender", "gender")], "component"),
        ([("individual-gender", "gender"), ("no-such", "active")], "component[1].definition"),
        ([("individual-gender", "gender"), ("Resource-id", "id")], "component[1].definition"),
        ([("individual-gender", "gender"), ("Patient-active", "acitve")], "component[1].expression"),
        ([("individual-birthdate", "gender"), ("Patient-active", "active")], "component[0].expression"),
    ],
)
def test_a_composite_needs_components_that_are_there_and_fit(components: list[tuple[str, str]], place: str) -> None:
    made = [
        {"definition": f"http://hl7.org/fhir/SearchParameter/{name}", "expression": expression}
        for name, expression in components
    ]
    found = refused(type="composite", expression="Patient", component=made)
    assert [f"SearchParameter.{place}"] == found


def test_one_of_r4s_own_and_what_is_not_active_is_a_resource_like_any_other() -> None:
    assert is_asked_for(parameter("nickname"), DEFINITIONS)
    assert not is_asked_for(parameter("nickname", status="draft"), DEFINITIONS)
    own = "http://hl7.org/fhir/SearchParameter/individual-gender"
    assert not is_asked_for(parameter("gender", url=own), DEFINITIONS)
    assert not is_asked_for(parameter("gender", derivedFrom=own), DEFINITIONS)
    assert is_asked_for(parameter("sex", derivedFrom=own), DEFINITIONS)


def test_another_meaning_is_stored_under_another_name_and_the_same_one_under_the_same() -> None:
    names = {
        of(parameter("nickname", **elements))["Patient"].field.path
        for elements in (
            {},
            {"description": "told better"},
            {"expression": "Patient.name.text"},
            {"type": "token"},
            {"id": "y"},
        )
    }
    assert 4 == len(names)
    assert all(path.startswith("index.rare.nickname~") for path in names)


def test_of_two_that_claim_one_name_the_first_id_has_it_in_every_process() -> None:
    two = [{"id": id_, **parameter("nickname", url=f"urn:{id_}")} for id_ in ("b", "a")]
    for resources in (two, two[::-1]):
        found = in_force(resources, (), OWN, DEFINITIONS)
        assert "SearchParameter/a" == found.registry["Patient"]["nickname"].source
        assert ["SearchParameter/b"] == list(found.refused)


def test_values_of_other_types_are_left_out() -> None:
    resource = {"id": "x", **parameter("nickname", expression="Patient.extension.value")}
    indexer = Indexer(DEFINITIONS, in_force([resource], (), OWN, DEFINITIONS).registry)
    values = [{"valueString": "Ann"}, {"valueQuantity": {"value": 1}}, {"valueBoolean": True}, {"valueCode": "b"}]
    extensions = [{"url": "urn:x", **value} for value in values]
    index = indexer.index({"resourceType": "Patient", "id": "p", "extension": extensions}).index
    (stored,) = (found for name, found in index["rare"].items() if name.startswith("nickname~"))
    assert ["ann", "b"] == sorted(stored)
