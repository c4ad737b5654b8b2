import pytest

from hl7_bridge.datatypes.codes import code, codeable_concept, flag, mapped_only, one_concept, plain_coding, unless_yes
from hl7_bridge.mapping.context import Context
from tests.hl7_bridge.datatypes.fields import field


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("LN", "http://loinc.org"),
        ("SCT", "http://snomed.info/sct"),
        ("HL70078", "http://terminology.hl7.org/CodeSystem/v2-0078"),
        ("HL7203", "http://terminology.hl7.org/CodeSystem/v2-0203"),
        ("2.16.840.1.113883.6.1", "urn:oid:2.16.840.1.113883.6.1"),
        ("http://example.org/codes", "http://example.org/codes"),
        ("99LAB", "urn:hl7v2:codes:LAB%7CCLINIC:99LAB"),
    ],
)
def test_coding_system_is_a_uri(context: Context, name: str, system: str) -> None:
    found = codeable_concept(field(f"A^text^{name}"), context, None)
    assert found is not None
    assert found["coding"] == [{"system": system, "code": "A", "display": "text"}]


def test_concept_has_both_triplets_and_the_original_text(context: Context) -> None:
    found = codeable_concept(field("2345-7^Glucose^LN^GLU^Glucose serum^99LAB^2.73^1^Glucose, fasting"), context, None)
    assert found is not None
    assert [one["code"] for one in found["coding"]] == ["2345-7", "GLU"]
    assert found["coding"][0]["version"] == "2.73"
    assert found["text"] == "Glucose, fasting"


def test_table_puts_its_code_first_and_keeps_the_sent_one_where_it_differs(context: Context) -> None:
    found = codeable_concept(field("SPO^Spouse"), context, context.sender.tables["0063"])
    assert found is not None
    assert [one["code"] for one in found["coding"]] == ["SPS", "SPO"]
    assert found["coding"][1]["system"] == "http://terminology.hl7.org/CodeSystem/v2-0063"


def test_code_that_the_table_does_not_know_stays_with_the_tables_system(context: Context) -> None:
    found = codeable_concept(field("XYZ"), context, context.sender.tables["0063"])
    assert found == {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0063", "code": "XYZ"}]}


def test_name_without_code_is_a_text(context: Context) -> None:
    assert codeable_concept(field("^Peanuts"), context, None) == {"text": "Peanuts"}


def test_text_in_place_of_a_code_is_a_text(context: Context) -> None:
    assert one_concept(field("Home visit"), context, None) == {"text": "Home visit"}


def test_table_maps_a_code(context: Context) -> None:
    assert code(field("F"), context, context.sender.tables["0001"]) == "female"
    assert code(field("?"), context, context.sender.tables["0001"]) == "unknown"
    assert code(field("routine"), context, None) == "routine"


def test_coding_alone(context: Context) -> None:
    mapped = mapped_only(field("I"), context, context.sender.tables["0004"])
    assert mapped == {
        "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
        "code": "IMP",
        "display": "inpatient encounter",
    }
    assert plain_coding(field("A^b^LN"), context, None) == {"system": "http://loinc.org", "code": "A", "display": "b"}


def test_yes_and_no(context: Context) -> None:
    assert [flag(field(text), context, None) for text in ("Y", "N", "U")] == [True, False, None]
    assert unless_yes(field("Y"), context, None) is False
