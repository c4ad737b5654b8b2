"""Master files: staff (MFN M02), places (M05), tests with numeric results (M08)."""

from decimal import Decimal

import pytest

from tests.hl7_bridge.maps.converted import PATIENT, Converted, Resource, codes, convert

STF = (
    "STF|77|77^^^CITYHOSP^EI|ORDER^OLGA^^^Dr|P|F|19700101|A|CARD^Cardiology||^PRN^PH^^^46^555~^NET^Internet^olga@example.org|"
    "1 ROAD^^TOWN"
)
PRA = "PRA|77|GRP^Heart group|RES||Cardiology^Board^C|L-1^MD^SWE"


def record(event: str, *segments: str, action: str = "MAD") -> Converted:
    return convert(f"MFN^{event}", "MFI|PRA||UPD|||AL", f"MFE|{action}|C1|20240301|77|CWE", *segments)


def test_staff_member_is_a_practitioner_with_a_role() -> None:
    found = record("M02", STF, PRA)
    person, role = found.one("Practitioner"), found.one("PractitionerRole")
    assert person["name"][0] == {"family": "ORDER", "given": ["OLGA"], "prefix": ["Dr"]}
    assert (person["gender"], person["birthDate"], person["active"]) == ("female", "1970-01-01", True)
    assert [one["value"] for one in person["identifier"]] == ["77", "L-1"]
    assert {one["system"]: one["value"] for one in person["telecom"]}["email"] == "olga@example.org"
    assert found.referred(role["practitioner"]) == person
    assert found.referred(role["organization"])["name"] == "Heart group"
    assert [one["text"] for one in role["specialty"]] == ["Cardiology"]


def test_staff_member_is_the_one_whom_orders_name() -> None:
    order = convert("ORM^O01", PATIENT, "ORC|NW|1^EHR||||||||||77^ORDER^OLGA^^^^^^CITYHOSP", "OBR|1|1^EHR||1^X^LN")
    key = record("M02", STF).entry("Practitioner", "77").key
    assert order.entry("Practitioner", "77").key == key


@pytest.mark.parametrize("action", ["MDC", "MDL"])
def test_staff_member_who_leaves_becomes_inactive(action: str) -> None:
    found = record("M02", STF.replace("|A|", "||"), PRA, action=action)
    assert (found.one("Practitioner")["active"], found.one("PractitionerRole")["active"]) == (False, False)
    assert {entry.intent for entry in found.conversion.entries} <= {"upsert", "create", "reference"}


def test_each_record_is_a_practitioner_of_its_own() -> None:
    found = record("M02", STF, PRA, "MFE|MUP|C2||78", "STF|78||OTTER^OTTO", "PRA|78|GRP^Heart group")
    assert [one["name"][0]["family"] for one in found.all("Practitioner")] == ["ORDER", "OTTER"]
    roles = [found.referred(role["practitioner"])["name"][0]["family"] for role in found.all("PractitionerRole")]
    assert roles == ["ORDER", "OTTER"]


LOC = "LOC|W^1^B|Bed by the window|B|CITY HOSPITAL^^H1^^^CITYHOSP|1 ROAD^^TOWN|^WPN^PH^^^46^555"


def test_place_is_the_one_that_visits_name() -> None:
    master = record("M05", LOC)
    place = next(one for one in master.conversion.entries if one.resource.get("description") == "Bed by the window")
    visit = convert("ADT^A01", PATIENT, "PV1|1|I|W^1^B||||||||||||||||V-1")
    assert place.key in {one.key for one in visit.conversion.entries if one.resource["resourceType"] == "Location"}
    assert place.intent == "upsert"
    assert (place.resource["status"], codes(place.resource["physicalType"])) == ("active", ["bd"])
    assert place.resource["address"]["city"] == "TOWN"
    assert master.referred(place.resource["managingOrganization"])["name"] == "CITY HOSPITAL"


def bed(found: Converted) -> Resource:
    return next(one for one in found.all("Location") if one.get("description") == "Bed by the window")


def test_place_lies_in_its_parent_and_has_other_names() -> None:
    parent, alias = "LRL|W^1^B|A|1|PAR||W^1", "LRL|W^1^B|A|2|ALI||WINDOW"
    found = record("M05", LOC, parent, alias)
    assert found.referred(bed(found)["partOf"])["name"] == "W 1"
    assert "WINDOW" in bed(found)["alias"]


def test_place_that_is_taken_out_of_use_is_inactive() -> None:
    assert bed(record("M05", LOC, action="MDC"))["status"] == "inactive"
    assert bed(record("M05", LOC, "LDP|W^1^B|CARD|MED|||I"))["status"] == "inactive"


OM1 = (
    "OM1|1|2345-7^Glucose^LN^GLU^Glucose^L|NM|Y|LAB||GLU1^Sugar^L||Glucose in serum||||||||||||202401|||||||||||||||"
    "Fasting"
)
OM2 = "OM2|1|mg/dL^mg/dL^UCUM|1||||70.5&99^F^18&65~74&106^M|40&500"


def test_numeric_test_is_an_orderable_activity_with_its_ranges() -> None:
    test = record("M08", OM1, OM2.replace("||||70.5", "|||70.5")).one("ActivityDefinition")
    assert (test["status"], test["title"], test["kind"]) == ("active", "Glucose in serum", "ServiceRequest")
    assert codes(test["code"]) == ["2345-7", "GLU", "GLU1"]
    result = test["contained"][0]
    assert test["observationResultRequirement"] == [{"reference": "#result"}]
    assert result["permittedDataType"] == ["Quantity"]
    assert result["quantitativeDetails"]["decimalPrecision"] == 1
    unit = {"unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}
    first, second, critical = result["qualifiedInterval"]
    assert first["range"] == {"low": {"value": Decimal("70.5"), **unit}, "high": {"value": Decimal(99), **unit}}
    assert (first["gender"], first["age"]["low"]["value"], second["gender"]) == ("female", Decimal(18), "male")
    assert (critical["category"], critical["range"]["high"]["value"]) == ("critical", Decimal(500))


def test_test_is_found_again_by_its_code() -> None:
    assert record("M08", OM1).entry("ActivityDefinition", "2345-7").key == "identifier=http://loinc.org|2345-7"


def test_test_that_is_no_longer_done_is_retired() -> None:
    assert record("M08", OM1, action="MDC").one("ActivityDefinition")["status"] == "retired"
