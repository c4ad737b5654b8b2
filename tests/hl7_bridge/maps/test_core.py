"""PID, PD1, NK1, PV1, PV2, AL1, IAM, DG1, PR1 and NTE, as messages of all families have them."""

from typing import Any

import pytest

from hl7_bridge.mapping.errors import ConversionError
from tests.hl7_bridge.maps.converted import PATIENT, codes, convert


def person(**fields: str) -> dict[str, Any]:
    """The Patient of a PID with fields by number: `person(_8="F")`."""
    known = {1: "1", 3: "778899^^^CITYHOSP^MR", 5: "LINDQVIST^MARTA"} | {
        int(one[1:]): text for one, text in fields.items()
    }
    line = "PID|" + "|".join(known.get(number, "") for number in range(1, max(known) + 1))
    return convert("ADT^A31", line).one("Patient")


def test_identifiers_of_all_fields_are_kept() -> None:
    found = person(_2="55", _19="123-45-6789", _20="T1^NY")
    assert [one["value"] for one in found["identifier"]] == ["778899", "55", "123-45-6789", "T1"]


def test_birth_with_its_time() -> None:
    found = person(_7="197904120830+0100")
    assert found["birthDate"] == "1979-04-12"
    assert found["_birthDate"]["extension"][0]["valueDateTime"] == "1979-04-12T08:30:00+01:00"


def test_partial_birth_date_stays_partial() -> None:
    assert person(_7="1979")["birthDate"] == "1979"


def test_home_and_work_numbers_and_two_addresses() -> None:
    found = person(_11="1 A ST^^UPPSALA~2 B ST^^LUND^^^^O", _13="111~^^CP^^^^222", _14="333")
    assert [one["use"] for one in found["telecom"]] == ["home", "mobile", "work"]
    assert [one["city"] for one in found["address"]] == ["UPPSALA", "LUND"]


def test_death_is_a_date_or_a_flag() -> None:
    assert person(_29="20240301", _30="Y")["deceasedDateTime"] == "2024-03-01"
    assert person(_30="N")["deceasedBoolean"] is False


def test_twin_has_a_number_or_a_flag() -> None:
    assert person(_24="Y", _25="2")["multipleBirthInteger"] == 2
    assert person(_24="Y")["multipleBirthBoolean"] is True


def test_marital_status_language_and_religion() -> None:
    found = person(_15="swe^Swedish^ISO639", _16="M^Married", _17="LUT^Lutheran^HL70006")
    assert codes(found["maritalStatus"])[0] == "M"
    assert found["communication"][0]["language"]["text"] == "Swedish"
    assert [one["url"].rsplit("-", 1)[1] for one in found["extension"]] == ["religion"]


def test_race_ethnicity_and_citizenship_are_extensions() -> None:
    found = person(_10="2106-3^White^HL70005~XX^Other", _22="N^Not Hispanic", _26="SE^Sweden")
    by_url = {one["url"].rsplit("/", 1)[1]: one["extension"] for one in found["extension"]}
    assert by_url["us-core-race"][-1]["valueString"] == "White, Other"
    assert by_url["us-core-ethnicity"][0]["valueCoding"]["code"] == "2186-5"
    assert by_url["patient-citizenship"][0]["url"] == "code"


def test_null_deletes_and_absent_does_not() -> None:
    entry = convert("ADT^A31", 'PID|1||778899^^^CITYHOSP^MR||LINDQVIST^MARTA||""||||""').entry("Patient", "778899")
    assert entry.clears >= {"birthDate", "address"}
    assert "gender" not in entry.clears
    assert "gender" not in entry.resource


def test_account_number_makes_an_account_of_the_patient() -> None:
    found = convert("ADT^A01", PATIENT + "|" * 10 + "ACC9^^^CITYHOSP", "PV1|1|I|||||||||||||||||V1^^^CITYHOSP")
    account, visit = found.identified("Account", "ACC9"), found.one("Encounter")
    assert found.referred(account["subject"][0])["resourceType"] == "Patient"
    assert found.referred(visit["account"][0]) is account


def test_general_practitioner_is_person_or_organization() -> None:
    found = convert("ADT^A31", PATIENT, "PD1|||North Clinic^^123|88^HIPPO^HAROLD").one("Patient")
    assert [one["display"] for one in found["generalPractitioner"]] == ["North Clinic", "HAROLD HIPPO"]


def test_next_of_kin_is_a_related_person() -> None:
    line = "NK1|1|LINDQVIST^ERIK|SPO^Spouse^HL70063|4 BIRCH RD^^UPPSALA|111|222|C^Emergency^HL70131|20200101"
    found = convert("ADT^A31", PATIENT, line)
    kin = found.one("RelatedPerson")
    assert [codes(one)[0] for one in kin["relationship"]] == ["SPS", "C"]
    assert found.referred(kin["patient"])["resourceType"] == "Patient"
    assert [one["use"] for one in kin["telecom"]] == ["home", "work"]
    assert kin["period"] == {"start": "2020-01-01"}


def test_same_next_of_kin_has_the_same_key_in_the_next_message() -> None:
    first, second = (
        convert("ADT^A31", PATIENT, f"NK1|1|LINDQVIST^ERIK|SPO^Spouse||{phone}").conversion for phone in ("111", "222")
    )
    keys = [
        [one.key for one in found.entries if one.resource["resourceType"] == "RelatedPerson"]
        for found in (first, second)
    ]
    assert keys[0] == keys[1]


def test_visit_has_class_period_place_and_people() -> None:
    line = "PV1|1|E|ED^1^2^CITYHOSP|U|||55^HOUSE^GREG|56^CUDDY^LISA||CAR||||7|||57^WILSON^JAMES||V1^^^CITYHOSP^VN"
    line += "|" * 17 + "01^Home" + "|" * 8 + "20240305083000+0100|202403061200+0100"
    found = convert("ADT^A03", PATIENT, line)
    visit = found.one("Encounter")
    assert visit["class"]["code"] == "EMER"
    assert visit["status"] == "finished"
    assert visit["period"] == {"start": "2024-03-05T08:30:00+01:00", "end": "2024-03-06T12:00:00+01:00"}
    assert [codes(one["type"][0])[0] for one in visit["participant"]] == ["ATND", "REF", "ADM"]
    assert found.referred(visit["location"][0]["location"])["name"] == "CITYHOSP ED 1 2"
    assert codes(visit["hospitalization"]["dischargeDisposition"]) == ["01"]


def test_visit_without_number_is_known_by_patient_and_admission() -> None:
    first, second = (
        convert("ADT^A08", PATIENT, f"PV1|1|I|{ward}" + "|" * 41 + "20240305").conversion for ward in ("EAST", "WEST")
    )
    keys = [
        next(one.key for one in found.entries if one.resource["resourceType"] == "Encounter")
        for found in (first, second)
    ]
    assert keys[0] == keys[1] is not None


def test_event_without_state_leaves_a_stored_status_alone() -> None:
    line = "PV1|1|I|||||||||||||||||V1^^^CITYHOSP"
    assert convert("ADT^A08", PATIENT, line).entry("Encounter", "V1").merge["status"] == "keep"
    assert "status" not in convert("ADT^A01", PATIENT, line).entry("Encounter", "V1").merge


def test_allergy_has_category_criticality_and_reaction() -> None:
    found = convert("ADT^A31", PATIENT, "AL1|1|DA|70618^Penicillin^RXNORM|SV|Anaphylaxis~Hives|2010").one(
        "AllergyIntolerance"
    )
    assert found["category"] == ["medication"]
    assert found["criticality"] == "high"
    assert found["reaction"] == [
        {
            "manifestation": [{"text": "Anaphylaxis"}, {"text": "Hives"}],
            "severity": "severe",
        }
    ]


def test_deleted_allergy_is_entered_in_error_and_has_no_clinical_status() -> None:
    found = convert("ADT^A60", PATIENT, "IAM|1|FA|N^Nuts|MI||D^Delete")
    allergy = found.one("AllergyIntolerance")
    assert codes(allergy["verificationStatus"]) == ["entered-in-error"]
    assert "clinicalStatus" not in allergy


def test_diagnosis_is_linked_from_the_visit_with_role_and_rank() -> None:
    line = "DG1|1||I21.9^Infarction^I10|Heart attack|20240305|A" + "|" * 9 + "1"
    found = convert("ADT^A01", PATIENT, "PV1|1|I|||||||||||||||||V1^^^CITYHOSP", line)
    (link,) = found.one("Encounter")["diagnosis"]
    condition = found.referred(link["condition"])
    assert codes(link["use"]) == ["AD"]
    assert link["rank"] == 1
    assert condition["code"]["text"] == "Heart attack"
    assert condition["code"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-10"


def test_procedure_has_performers_and_time() -> None:
    found = convert("ADT^A08", PATIENT, "PR1|1||76164006^Biopsy^SCT||202001251140+0100|P||1210^SLEEP^ANN|||55^CUT^ANDY")
    procedure = found.one("Procedure")
    assert procedure["performedDateTime"] == "2020-01-25T11:40:00+01:00"
    assert [codes(one["function"])[0] for one in procedure["performer"]] == ["AN", "PPRF"]


def test_animal_has_species_and_breed() -> None:
    (found,) = person(_35="125097000^Goat^SCT", _36="132950007^Angora goat^SCT")["extension"]
    assert [part["url"] for part in found["extension"]] == ["species", "breed"]


def test_visit_knows_its_episode_and_what_it_is_for() -> None:
    line = "PV1|1|O||||||||||||||||WALK^Walk-in^99LAB|V1^^^CITYHOSP" + "|" * 35 + "E9^^^CITYHOSP"
    found = convert("ADT^A04", PATIENT, line, "PV2|" + "|" * 11 + "Health check").one("Encounter")
    assert codes(found["type"][0]) == ["WALK"]
    assert found["episodeOfCare"][0]["identifier"]["value"] == "E9"
    assert found["reasonCode"] == [{"text": "Health check"}]


NULL = '""'


@pytest.mark.parametrize(
    ("segment", "type_", "clears"),
    [
        (f"PID|1||1^^^H^MR||A^B{'|' * 14}{NULL}", "Patient", {'identifier?{"type": {"coding": [{"code": "SS"}]}}'}),
        (f"PID|1||1^^^H^MR||A^B{'|' * 4}{NULL}", "Patient", {'name?{"use": "nickname"}'}),
        (f"PID|1||1^^^H^MR||A^B{'|' * 9}{NULL}", "Patient", {'telecom?{"use": "work"}'}),
        (f"PID|1|{NULL}|1^^^H^MR||A^B", "Patient", set()),
        (f"PID|1||1^^^H^MR||A^B{'|' * 6}{NULL}", "Patient", {"address"}),
    ],
    ids=["PID-19", "PID-9", "PID-14", "PID-2", "PID-11"],
)
def test_null_deletes_what_its_own_field_has_put_there(segment: str, type_: str, clears: set[str]) -> None:
    assert (
        next(
            one for one in convert("ADT^A08", segment).conversion.entries if one.resource["resourceType"] == type_
        ).clears
        == clears
    )


def test_null_for_one_kind_of_doctor_leaves_the_others() -> None:
    found = convert("ADT^A08", PATIENT, f"PV1|1|I|{'|' * 4}|{NULL}{'|' * 11}V1").entry("Encounter", "V1")
    (clear,) = found.clears
    assert clear.startswith("participant?")
    assert '"REF"' in clear


def test_null_for_the_religion_leaves_other_extensions() -> None:
    (found,) = [
        one for one in convert("ADT^A08", f"PID|1||1^^^H^MR||A^B{'|' * 12}{NULL}").conversion.entries if one.clears
    ]
    assert found.clears == {'extension?{"url": "http://hl7.org/fhir/StructureDefinition/patient-religion"}'}


def test_null_for_the_race_deletes_its_extension() -> None:
    (found,) = [
        one for one in convert("ADT^A08", f"PID|1||1^^^H^MR||A^B{'|' * 5}{NULL}").conversion.entries if one.clears
    ]
    assert found.clears == {'extension?{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"}'}


def test_blank_field_is_not_listed_as_unmapped() -> None:
    assert convert("ADT^A08", PATIENT + "|" * 19 + " |").conversion.unmapped == ()


def test_year_of_two_digits_is_no_date_of_a_far_future() -> None:
    with pytest.raises(ConversionError) as refused:
        convert("ADT^A08", "PID|1||1^^^H^MR||A^B||450101")
    assert refused.value.place == "PID-7.1"


def test_name_tells_in_which_script_it_is_written() -> None:
    names = "山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P"
    found = convert("ADT^A08", f"PID|1||1^^^H^MR||{names}").one("Patient")["name"]
    assert [one["extension"][0]["valueCode"] for one in found] == ["IDE", "SYL"]


def test_number_of_the_mother_is_that_of_the_one_whom_the_message_names() -> None:
    child = PATIENT + "|" * 13 + "556^^^CITYHOSP^MR"
    mother = convert("ADT^A28", child, "NK1|1|LINDQVIST^INGRID|MTH").one("RelatedPerson")
    assert mother["name"][0]["given"] == ["INGRID"]
    assert "556" in {one["value"] for one in mother["identifier"]}


@pytest.mark.parametrize("digits", ["9" * 5_000, "²"])
@pytest.mark.parametrize(
    ("event", "segments"),
    [
        ("DFT^P03", ("FT1|1|T1||20240301||CG|A", "IN1|1|A|B|C" + "|" * 18 + "{}")),
        ("EHC^E01", ("IVC|INV1|||OR", "PSL|1||{}|||P|A")),
        ("RDE^O11", ("ORC|NW|P1", "RXE|^^^^^^^^^^^{}|A^a^L|1")),
    ],
    ids=["IN1-22", "PSL-3", "RXE-1.12"],
)
def test_number_beyond_all_bounds_is_no_number(event: str, segments: tuple[str, ...], digits: str) -> None:
    assert convert(event, PATIENT, *(one.format(digits) for one in segments)).all("Patient")


def key(*identifiers: str, internal: str = "") -> str | None:
    found = convert("ADT^A08", f"PID|1|{internal}|{'~'.join(identifiers)}||DOE^JANE||19800101|F").conversion.entries
    (patient,) = (one.key for one in found if one.resource["resourceType"] == "Patient")
    return patient


def test_the_number_of_the_record_finds_the_patient_whatever_pid_2_holds() -> None:
    assert key("55^^^HOSP^MRN") == key("55^^^HOSP^MRN", internal="77")
    assert key("55^^^HOSP") == key("55^^^HOSP", internal="77")


def test_a_number_of_which_only_the_end_is_told_identifies_nobody() -> None:
    person = convert("ADT^A08", PATIENT + "|" * 11 + "xxx-xx-6789").one("Patient")
    assert [one["value"] for one in person["identifier"]] == ["778899"]


def test_the_address_of_birth_is_no_address_of_the_person() -> None:
    home, birth = "3 RUE X^^LYON^^69002^FRA^H", "^^PARIS^^75001^FRA^BDL"
    found = convert("ADT^A08", PATIENT + f"|||{home}~{birth}").one("Patient")
    assert [one["city"] for one in found["address"]] == ["LYON"]
    (extension,) = found["extension"]
    assert extension["url"] == "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
    assert extension["valueAddress"]["city"] == "PARIS"
