"""Rows of AL1, DG1, PR1, PD1, PV1, PV2, OBR and OBX that few messages fill, and the forms of old versions."""

import pytest

from tests.hl7_bridge.maps.converted import PATIENT, at, codes, convert

VISIT = "PV1|1|I|SURG^12^2||||||||||||||||V77"
BEFORE_2_3 = "2.1"


@pytest.mark.parametrize(("written", "gender"), [("Female", "female"), ("MALE", "male"), ("M", "male")])
def test_sex_in_words_is_a_gender(written: str, gender: str) -> None:
    patient = PATIENT.replace("|F", f"|{written}")

    assert convert("ADT^A08", patient).one("Patient")["gender"] == gender


def test_coding_method_of_old_versions_is_the_system_of_a_code_that_names_none() -> None:
    lines = ("DG1|1|I9|4280|CARDIAC FAILURE|19930501", "PR1|1|C4|93010|ELECTROCARDIOGRAM|19930501")

    found = convert("ADT^A01", PATIENT, VISIT, *lines, version=BEFORE_2_3)

    assert at(found.one("Condition"), "code.coding.0.system") == "http://hl7.org/fhir/sid/icd-9-cm"
    assert at(found.one("Procedure"), "code.coding.0.system") == "http://www.ama-assn.org/go/cpt"
    assert at(found.one("Condition"), "code.text") == "CARDIAC FAILURE"


def test_coding_method_does_not_touch_a_code_that_names_its_system() -> None:
    found = convert("ADT^A01", PATIENT, VISIT, "DG1|1|I9|I50.9^Heart failure^I10").one("Condition")

    assert at(found, "code.coding.0.system") == "http://hl7.org/fhir/sid/icd-10"


@pytest.mark.parametrize(
    ("start", "minutes", "performed"),
    [
        (
            "202403052350+0100",
            "45",
            {"performedPeriod": {"start": "2024-03-05T23:50:00+01:00", "end": "2024-03-06T00:35:00+01:00"}},
        ),
        ("20240305", "45", {"performedDateTime": "2024-03-05"}),
        ("202403052350+0100", "", {"performedDateTime": "2024-03-05T23:50:00+01:00"}),
        ("202403052350+0100", "long", {"performedDateTime": "2024-03-05T23:50:00+01:00"}),
        ("999912312350+0100", "45", {"performedDateTime": "9999-12-31T23:50:00+01:00"}),
    ],
)
def test_minutes_of_a_procedure_are_its_end_when_the_start_tells_the_time(
    start: str, minutes: str, performed: dict[str, object]
) -> None:
    found = convert("ADT^A08", PATIENT, f"PR1|1||76164006^Biopsy^SCT||{start}||{minutes}").one("Procedure")

    assert {name: value for name, value in found.items() if name.startswith("performed")} == performed


def test_procedure_is_part_of_the_parent_that_it_names() -> None:
    found = convert("ADT^A08", PATIENT, "PR1|1||76164006^Biopsy^SCT||20240305" + "|" * 20 + "PP9^THEATRE").one(
        "Procedure"
    )

    assert at(found, "partOf.0.identifier.value") == "PP9"
    assert at(found, "partOf.0.type") == "Procedure"


@pytest.mark.parametrize(("kind", "type_"), [("DA", "allergy"), ("MA", "allergy"), ("MC", None)])
def test_kind_of_allergen_tells_whether_it_is_an_allergy(kind: str, type_: str | None) -> None:
    found = convert("ADT^A08", PATIENT, f"AL1|1|{kind}|PEN^Penicillin^L|MO|Rash|20010203").one("AllergyIntolerance")

    assert found.get("type") == type_
    assert found["onsetDateTime"] == "2001-02-03"


@pytest.mark.parametrize(
    ("written", "manifestation"),
    [
        ("Produces hives", [{"text": "Produces hives"}]),
        ("HIVES~RASH", [{"text": "HIVES"}, {"text": "RASH"}]),
        (
            "247472004^Wheal^SCT",
            [
                {
                    "coding": [{"system": "http://snomed.info/sct", "code": "247472004", "display": "Wheal"}],
                    "text": "Wheal",
                }
            ],
        ),
    ],
)
def test_reaction_in_words_is_a_text_and_a_coded_one_a_code(
    written: str, manifestation: list[dict[str, object]]
) -> None:
    found = convert("ADT^A08", PATIENT, f"AL1|1|DA|PEN^Penicillin^L|MO|{written}").one("AllergyIntolerance")

    assert at(found, "reaction.0.manifestation") == manifestation


def test_disability_and_congregation_are_extensions_of_the_patient() -> None:
    found = convert("ADT^A31", PATIENT, "PD1||||||H^Hard of hearing^L||||||||St Anna^^77").one("Patient")

    values = {one["url"].rpartition("/")[2]: one for one in found["extension"]}
    assert codes(values["patient-disability"]["valueCodeableConcept"]) == ["H"]
    assert values["patient-congregation"]["valueString"] == "St Anna"


def test_planned_start_and_mode_of_arrival_are_extensions_of_the_visit() -> None:
    lines = (
        VISIT + "|" * 25 + "202403051000+0100",
        "PV2" + "|" * 8 + "202403050900+0100" + "|" * 30 + "A^Ambulance^HL70430",
    )

    found = convert("ADT^A01", PATIENT, *lines).one("Encounter")

    values = {one["url"].rpartition("/")[2]: one for one in found["extension"]}
    assert values["extension-Encounter.plannedStartDate"]["valueDateTime"] == "2024-03-05T09:00:00+01:00"
    assert values["encounter-modeOfArrival"]["valueCoding"]["code"] == "A"
    assert at(found, "period.start") == "2024-03-05T10:00:00+01:00"
    assert "hospitalization" not in found


def test_user_defined_codes_of_the_visit_have_their_tables_as_systems() -> None:
    found = convert("ADT^A03", PATIENT, "PV1|1|I|SURG^12^2|||||||CAR|||R||A1" + "|" * 21 + "01").one("Encounter")

    prefix = "http://terminology.hl7.org/CodeSystem/v2-"
    assert at(found, "serviceType.coding.0") == {"system": prefix + "0069", "code": "CAR"}
    assert at(found, "hospitalization.reAdmission.coding.0.system") == prefix + "0092"
    assert at(found, "hospitalization.specialArrangement.0.coding.0.system") == prefix + "0009"
    assert at(found, "hospitalization.dischargeDisposition.coding.0.system") == prefix + "0112"


def test_source_of_a_specimen_in_the_order_tells_collection_and_site() -> None:
    order = (
        "OBR|1|P1|F1|GLU^Glucose^L|||202403050800+0100|202403050810+0100|5^mL|77^TAPPER^ANN||||202403050900+0100|"
        "SER&Serum&HL70070^CLOT^venipuncture^LA&Left arm"
    )

    found = convert("ORU^R01", PATIENT, order, "OBX|1|NM|GLU^Glucose^L||5.1|mmol/L|||||F")

    specimen = found.one("Specimen")
    assert at(specimen, "collection.collectedPeriod.start") == "2024-03-05T08:00:00+01:00"
    assert at(specimen, "collection.collectedPeriod.end") == "2024-03-05T08:10:00+01:00"
    assert at(specimen, "collection.quantity.unit") == "mL"
    assert at(specimen, "collection.method.text") == "venipuncture"
    assert codes(at(specimen, "collection.bodySite")) == ["LA"]
    assert codes(at(specimen, "container.0.additiveCodeableConcept")) == ["CLOT"]
    collector = found.referred(at(specimen, "collection.collector"))
    assert at(collector, "name.0.family") == "TAPPER"


ORDER = "OBR|1|P1|F1|GLU^Glucose^L|||202403050800+0100"


def test_document_of_which_only_the_data_is_known_leaves_a_valid_result() -> None:
    found = convert("ORU^R01", PATIENT, ORDER, "OBX|1|ED|HIST^Histogram^L||^^^Base64^AAECAwQFBgcICQoL||||||F")

    assert at(found.one("DiagnosticReport"), "presentedForm.0.data") == "AAECAwQFBgcICQoL"
    assert "extension" not in found.one("Observation")


@pytest.mark.parametrize(
    ("rest", "reason"),
    [("||||||N", "not-asked"), ("||||||F", None), ("||||||F" + "|" * 21 + "NAV^Not available^L", "NAV")],
)
def test_reason_of_an_absent_value_is_kept(rest: str, reason: str | None) -> None:
    value = "" if reason else "5.1"

    found = convert("ORU^R01", PATIENT, ORDER, f"OBX|1|NM|GLU^Glucose^L||{value}{rest}").one("Observation")

    assert codes(found.get("dataAbsentReason")) == ([reason] if reason else [])


def test_nature_of_an_abnormal_test_and_time_of_analysis_are_extensions() -> None:
    line = "OBX|1|NM|GLU^Glucose^L||5.1|mmol/L||||A|F" + "|" * 8 + "202403050930+0100"

    found = convert("ORU^R01", PATIENT, ORDER, line).one("Observation")

    values = {one["url"].rpartition("/")[2]: one for one in found["extension"]}
    assert codes(values["observation-nature-of-abnormal-test"]["valueCodeableConcept"]) == ["A"]
    assert values["observation-analysis-date-time"]["valueDateTime"] == "2024-03-05T09:30:00+01:00"


def test_performing_laboratory_has_its_address_and_its_medical_director() -> None:
    laboratory = "Northern Laboratory^^55|1 Mill Lane^^UPPSALA|66^CHIEF^EDDA"

    found = convert("ORU^R01", PATIENT, ORDER, "OBX|1|NM|GLU^Glucose^L||5.1|mmol/L|||||F" + "|" * 12 + laboratory)

    role, organization = (found.referred(one) for one in found.one("Observation")["performer"])
    assert codes(at(role, "code.0")) == ["MDIR"]
    assert at(found.referred(role["practitioner"]), "name.0.family") == "CHIEF"
    assert found.referred(role["organization"]) == organization
    assert at(organization, "address.0.city") == "UPPSALA"


def test_comment_on_a_person_is_a_note_of_the_patient_and_ends_no_group() -> None:
    lines = ("NTE|1|P|Hard of hearing~Call the daughter", VISIT, ORDER, "OBX|1|NM|GLU^Glucose^L||5.1|mmol/L|||||F")

    found = convert("ORU^R01", PATIENT, *lines)

    (note,) = found.one("Patient")["extension"]
    assert note["url"] == "http://hl7.org/fhir/StructureDefinition/note"
    assert note["valueAnnotation"]["text"] == "Hard of hearing\nCall the daughter"
    assert found.referred(found.one("Observation")["encounter"]) == found.one("Encounter")


def test_comment_on_a_whole_message_makes_no_resource() -> None:
    found = convert("ORU^R01", "NTE|1|P|Laboratory", PATIENT, ORDER)

    assert not found.all("Observation")
    assert "extension" not in found.one("Patient")
    assert "NTE-3" in found.conversion.unmapped


@pytest.mark.parametrize("event", ["ORM^O01", "OML^O21"])
def test_timing_of_a_laboratory_order_orders_no_medicine(event: str) -> None:
    found = convert(event, PATIENT, "ORC|NW|P1", "TQ1|1||||||202403060800+0100||S", "OBR|1|P1||GLU^Glucose^L")

    assert found.one("ServiceRequest")["priority"] == "stat"
    assert not found.all("MedicationRequest")


def test_timing_of_a_medicine_in_the_same_message_is_that_of_the_medicine() -> None:
    found = convert("ORM^O01", PATIENT, "ORC|NW|P1", "TQ1|1||||||202403060800+0100||S", "RXO|ASA^Aspirin^L|1||TAB")

    assert found.one("MedicationRequest")["priority"] == "stat"
    assert not found.all("ServiceRequest")


def test_county_without_an_address_is_one() -> None:
    found = convert("ADT^A08", PATIENT + "||||Uppland").one("Patient")

    assert found["address"] == [{"district": "Uppland"}]


@pytest.mark.parametrize(
    ("street", "line"),
    [
        ("Mill Lane 28&Mill Lane&28", "Mill Lane 28"),
        ("&Mill Lane&28", "28 Mill Lane"),
        ("Mill Lane&&28", "Mill Lane 28"),
    ],
)
def test_parts_of_a_street_address_are_not_said_twice(street: str, line: str) -> None:
    found = convert("ADT^A08", PATIENT + f"|||{street}^^UPPSALA").one("Patient")

    assert at(found, "address.0.line") == [line]


@pytest.mark.parametrize(("written", "rank"), [("1", 1), ("0", None), ("99999999999", None), ("first", None)])
def test_priority_of_a_diagnosis_is_its_rank_when_it_can_be_one(written: str, rank: int | None) -> None:
    line = "DG1|1||I50.9^Heart failure^I10|||W" + "|" * 9 + written

    assert at(convert("ADT^A01", PATIENT, VISIT, line).one("Encounter"), "diagnosis.0").get("rank") == rank


def test_statement_without_a_date_is_no_education() -> None:
    lines = ("RXA|0|1|20240305||140^Influenza^CVX|0.5|mL", "OBX|1|TS|29768-9^Date published^LN||  ||||||F")

    assert "education" not in convert("VXU^V04", PATIENT, "ORC|RE||F1", *lines).one("Immunization")


def test_diagnosis_of_a_german_sender_names_its_classification() -> None:
    condition = convert("ADT^A01", PATIENT, "DG1|1||S72.01^Schenkelhalsfraktur^I10G2024").one("Condition")
    assert condition["code"]["coding"][0]["system"] == "http://fhir.de/CodeSystem/bfarm/icd-10-gm"


@pytest.mark.parametrize(("action", "status"), [("D", ""), ("D", "C"), ("U", "E")])
def test_allergy_that_was_an_error_has_no_clinical_status(action: str, status: str) -> None:
    allergy = convert("ADT^A60", PATIENT, allergen(action, status)).one("AllergyIntolerance")
    assert codes(allergy["verificationStatus"])[0] == "entered-in-error"
    assert "clinicalStatus" not in allergy


def test_clinical_status_of_an_allergy_knows_no_codes_of_the_senders_own() -> None:
    allergy = convert("ADT^A60", PATIENT, allergen("A", "X")).one("AllergyIntolerance")
    assert (codes(allergy["clinicalStatus"]), "verificationStatus" in allergy) == (["active"], False)


def allergen(action: str, status: str) -> str:
    """An allergy with action code (IAM-6) and clinical status (IAM-17)."""
    return f"IAM|1|FA|NUT^Peanut^L||Hives|{action}|I9^CITYHOSP||||||||||{status}"
