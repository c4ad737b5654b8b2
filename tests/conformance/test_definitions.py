"""The compiled definitions, held against facts of the published standard."""

import re

import pytest

from conformance import Definitions, definitions


@pytest.fixture(scope="module")
def r4() -> Definitions:
    return definitions()


def test_all_resource_types_of_r4_are_there(r4: Definitions) -> None:
    assert (r4.version, len(r4.resource_types)) == ("4.0.1", 146)
    assert {"Patient", "Appointment", "Observation", "MedicationRequest", "Claim", "Invoice"} <= r4.resource_types
    assert {"Resource", "DomainResource"}.isdisjoint(r4.resource_types)


def test_all_types_of_elements_are_defined(r4: Definitions) -> None:
    used = {name for type_ in r4.types.values() for element in type_.elements.values() for name in element.types}
    assert used - r4.types.keys() == set()


def test_every_kind_of_type_is_counted(r4: Definitions) -> None:
    kinds = [type_.kind for type_ in r4.types.values()]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "resource": 148,
        "complex-type": 41,
        "primitive-type": 20,
        "backbone": 473,
    }


def test_all_search_parameters_of_the_registry_are_there_on_each_of_their_types(r4: Definitions) -> None:
    own = {
        (parameter.base, parameter.code): parameter
        for parameters in r4.search_parameters.values()
        for parameter in parameters.values()
    }
    assert len(own) == 1706
    assert len({parameter.url for parameter in own.values()}) == 1375


def test_search_parameters_of_all_resources_are_inherited(r4: Definitions) -> None:
    inherited = {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_content", "_query"}
    assert all(inherited <= parameters.keys() for parameters in r4.search_parameters.values())
    assert "_text" in r4.search_parameters["Patient"]
    assert "_text" not in r4.search_parameters["Bundle"]


def test_a_search_parameter_keeps_only_the_branches_of_its_type(r4: Definitions) -> None:
    parameters = r4.search_parameters
    assert parameters["Observation"]["code"].expression == "Observation.code"
    assert parameters["MedicationRequest"]["code"].expression == "(MedicationRequest.medication as CodeableConcept)"
    assert (
        parameters["AllergyIntolerance"]["code"].expression
        == "AllergyIntolerance.code | AllergyIntolerance.reaction.substance"
    )


def test_each_expression_starts_at_its_base_type(r4: Definitions) -> None:
    strays = [
        (base, parameter.code)
        for base, parameters in r4.search_parameters.items()
        for parameter in parameters.values()
        for branch in (parameter.expression or parameter.base).split(" | ")
        if re.match(r"\(*\w+", branch)[0].lstrip("(") != parameter.base  # type: ignore[index]  # always matches
    ]
    assert strays == []


def test_each_component_of_a_composite_is_a_search_parameter(r4: Definitions) -> None:
    urls = {parameter.url for parameters in r4.search_parameters.values() for parameter in parameters.values()}
    composites = [p for ps in r4.search_parameters.values() for p in ps.values() if p.type == "composite"]
    assert len(composites) > 40
    assert {part.definition for composite in composites for part in composite.components} - urls == set()


def test_a_backbone_element_is_a_type_named_by_its_path(r4: Definitions) -> None:
    assert r4.types["Patient"].elements["contact"].types == ("Patient.contact",)
    assert r4.types["Patient.contact"].kind == "backbone"
    assert r4.types["Patient.contact"].constraints == ("pat-1",)


def test_a_content_reference_leads_to_the_path_that_it_refers_to(r4: Definitions) -> None:
    assert r4.types["Questionnaire.item"].elements["item"].types == ("Questionnaire.item",)
    assert r4.types["Observation.component"].elements["referenceRange"].types == ("Observation.referenceRange",)


def test_the_id_of_a_resource_is_an_id_though_the_snapshots_say_string(r4: Definitions) -> None:
    assert {r4.types[name].elements["id"].types for name in r4.resource_types} == {("id",)}
    assert r4.types["HumanName"].elements["id"].types == ("string",)


@pytest.mark.parametrize(
    ("type_name", "json_name", "found"),
    [
        ("Patient", "deceasedBoolean", ("deceased[x]", "boolean")),
        ("Observation", "valueCodeableConcept", ("value[x]", "CodeableConcept")),
        ("Patient", "birthDate", ("birthDate", "date")),
        ("Patient", "deceased[x]", None),
        ("Patient", "deceased", None),
        ("Patient", "deceasedQuantity", None),
        ("Patient", "_birthDate", None),
    ],
)
def test_a_json_property_leads_to_its_element_and_type(
    r4: Definitions, type_name: str, json_name: str, found: tuple[str, str] | None
) -> None:
    match = r4.element(type_name, json_name)
    assert (match and (match[0].name, match[1])) == found


def test_a_type_is_what_it_derives_from(r4: Definitions) -> None:
    assert r4.is_a("Age", "Quantity")
    assert r4.is_a("Patient", "Resource")
    assert not r4.is_a("Quantity", "Age")
    assert not r4.is_a("Bundle", "DomainResource")


def test_a_reference_names_its_targets_and_none_when_any_is_allowed(r4: Definitions) -> None:
    assert r4.types["Patient"].elements["generalPractitioner"].targets == (
        "Organization",
        "Practitioner",
        "PractitionerRole",
    )
    assert r4.types["Observation"].elements["focus"].targets == ()


def test_required_bindings_are_expanded_but_for_codes_from_outside(r4: Definitions) -> None:
    gender = r4.value_sets["http://hl7.org/fhir/ValueSet/administrative-gender"]
    assert gender == {
        "http://hl7.org/fhir/administrative-gender": frozenset({"male", "female", "other", "unknown"}),
    }
    bound = {e.value_set for t in r4.types.values() for e in t.elements.values() if e.value_set}
    assert bound == r4.value_sets.keys() | r4.unexpandable.keys()
    assert sorted(url.rpartition("/")[2] for url in r4.unexpandable) == [
        "LL379-9",
        "currencies",
        "mimetypes",
        "ucum-units",
    ]


def test_every_constraint_is_an_invariant(r4: Definitions) -> None:
    keys = {key for type_ in r4.types.values() for key in type_.constraints}
    keys |= {key for type_ in r4.types.values() for e in type_.elements.values() for key in e.constraints}
    assert keys == r4.invariants.keys() - {"ele-1", "ext-1"}


def test_a_key_used_for_different_rules_is_told_apart(r4: Definitions) -> None:
    assert "inv-1@Task" in r4.types["Task"].constraints
    assert "lastModified" in r4.invariants["inv-1@Task"].expression
    assert "part.exists()" in r4.invariants["inv-1@Parameters"].expression


def test_the_erratum_of_the_appointment_status_is_applied(r4: Definitions) -> None:
    assert "'noshow'" in r4.invariants["app-4"].expression


def test_compartments_name_search_parameters_that_exist(r4: Definitions) -> None:
    assert sorted(r4.compartments) == ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"]
    assert r4.compartments["Patient"]["Observation"] == ("subject", "performer")
    unknown = {
        (compartment, type_name, code)
        for compartment, types in r4.compartments.items()
        for type_name, codes in types.items()
        for code in codes
        if code not in r4.search_parameters[type_name]
    }
    assert unknown == set()


def test_operations_tell_where_they_are_invoked(r4: Definitions) -> None:
    assert len(r4.operations) == 46
    everything = next(o for o in r4.operations if o.url.endswith("Patient-everything"))
    assert (everything.code, everything.resources, everything.system, everything.type, everything.instance) == (
        "everything",
        ("Patient",),
        False,
        True,
        True,
    )
    assert [parameter.name for parameter in everything.parameters] == [
        "start",
        "end",
        "_since",
        "_type",
        "_count",
        "return",
    ]


def test_parts_of_a_parameter_are_parameters(r4: Definitions) -> None:
    lookup = next(o for o in r4.operations if o.url.endswith("CodeSystem-lookup"))
    designation = next(p for p in lookup.parameters if p.name == "designation")
    assert (designation.type, designation.max) == (None, None)
    assert [part.name for part in designation.parts] == ["language", "use", "value"]
