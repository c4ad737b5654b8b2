"""The standard's terminology content."""

import pytest

from conformance import definitions
from conformance.terminology import Terminology, terminology


@pytest.fixture(scope="module")
def r4() -> Terminology:
    return terminology()


def test_all_code_systems_value_sets_and_concept_maps_are_there(r4: Terminology) -> None:
    assert (len(r4.code_systems), len(r4.value_sets), len(r4.concept_maps)) == (1062, 1316, 76)


def test_nested_concepts_know_what_is_above_them(r4: Terminology) -> None:
    clinical = r4.code_systems["http://terminology.hl7.org/CodeSystem/condition-clinical"]
    parents = {concept.code: concept.parents for concept in clinical.concepts}
    assert parents["recurrence"] == ("active",)
    assert parents["active"] == ()


def test_a_system_says_whether_case_matters(r4: Terminology) -> None:
    assert r4.code_systems["http://hl7.org/fhir/administrative-gender"].case_sensitive is True


def test_concepts_keep_their_display_and_properties(r4: Terminology) -> None:
    v2 = r4.code_systems["http://terminology.hl7.org/CodeSystem/v2-0001"]
    assert next(concept.display for concept in v2.concepts if concept.code == "F") == "Female"
    types = r4.code_systems["http://terminology.hl7.org/CodeSystem/v3-ActCode"]
    assert any(("notSelectable", True) in concept.properties for concept in types.concepts)


def test_a_concept_map_maps_between_systems(r4: Terminology) -> None:
    gender = r4.concept_maps["http://hl7.org/fhir/ConceptMap/cm-administrative-gender-v2"]
    rows = {row.source: row.target for group in gender.groups for row in group.rows}
    assert rows["male"] == "M"


def test_every_required_value_set_is_among_the_value_sets_by_its_rules(r4: Terminology) -> None:
    assert definitions().value_sets.keys() <= r4.value_sets.keys()
