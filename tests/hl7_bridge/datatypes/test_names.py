from hl7_bridge.datatypes.names import name_or_text, name_text, person_name
from hl7_bridge.mapping.context import Context
from tests.hl7_bridge.datatypes.fields import field


def test_name_has_family_given_prefix_suffix_and_use(context: Context) -> None:
    found = person_name(field("LINDQVIST^MARTA^E^JR^DR^MD^L"), context, None)
    assert found == {
        "family": "LINDQVIST",
        "given": ["MARTA", "E"],
        "prefix": ["DR"],
        "suffix": ["JR", "MD"],
        "use": "official",
    }


def test_parts_of_a_family_name_are_extensions_of_it(context: Context) -> None:
    found = person_name(field("van Beethoven&van&Beethoven^Ludwig"), context, None)
    assert found is not None
    assert found["family"] == "van Beethoven"
    assert [one["valueString"] for one in found["_family"]["extension"]] == ["van", "Beethoven"]


def test_validity_of_a_name_is_its_period(context: Context) -> None:
    new = person_name(field("A^B^^^^^^^^^^20200101^20210101"), context, None)
    old = person_name(field("A^B^^^^^^^^20200101&20210101"), context, None)
    assert new is not None
    assert old is not None
    assert new["period"] == old["period"] == {"start": "2020-01-01", "end": "2021-01-01"}


def test_null_component_is_no_name(context: Context) -> None:
    assert person_name(field("^^^^^^L"), context, None) is None


def test_name_written_as_one_text_is_a_text(context: Context) -> None:
    assert name_or_text(field("John Smith"), context, None) == {"text": "John Smith"}


def test_name_is_spoken_in_the_order_of_speech(context: Context) -> None:
    assert name_text(field("LINDQVIST^MARTA^E^^DR"), context, None) == "DR MARTA E LINDQVIST"
