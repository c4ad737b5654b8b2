from tests.hl7_bridge.maps.converted import PATIENT, at, codes, convert

VISIT = "PV1|1|E|ER^1|||||||||||||||||V1^^^CITYHOSP^VN"


def test_accident_is_an_observation_of_the_visit() -> None:
    accident = "ACC|202403040830+0100|MV^Motor vehicle^HL70050|Route 50|VA|N|N||Hit a tree"
    found = convert("ADT^A04", PATIENT, VISIT, accident)
    seen = found.one("Observation")
    assert (codes(seen["code"]), seen["valueString"]) == (["11374-6"], "Hit a tree")
    assert seen["effectiveDateTime"] == "2024-03-04T08:30:00+01:00"
    assert found.referred(seen["encounter"])["resourceType"] == "Encounter"
    told = {one["code"]["text"]: one for one in seen["component"]}
    assert codes(told["kind of accident"]["valueCodeableConcept"]) == ["MV"]
    assert told["job related"]["valueBoolean"] is False


def test_disability_that_has_ended_is_inactive() -> None:
    found = convert("ADT^A04", PATIENT, VISIT, "DB1|1|PT|D1^^^GOV|Y|20210830|20210930").one("Condition")
    assert (found["onsetDateTime"], found["abatementDateTime"]) == ("2021-08-30", "2021-09-30")
    assert codes(found["clinicalStatus"]) == ["inactive"]
    assert at(found, "identifier.0.value") == "D1"


def test_disability_whose_end_is_to_come_goes_on() -> None:
    found = convert("ADT^A04", PATIENT, VISIT, "DB1|1|PT||Y|20210830|20290930").one("Condition")
    assert "abatementDateTime" not in found
    assert codes(found["clinicalStatus"]) == ["active"]


def test_disability_of_somebody_else_is_none_of_the_patient() -> None:
    assert convert("ADT^A04", PATIENT, VISIT, "DB1|1|GT||Y|20210830").all("Condition") == []


def test_restriction_is_of_the_person_before_the_visit_and_of_the_visit_after_it() -> None:
    found = convert("ADT^A04", PATIENT, "ARV|1|A|DEM", VISIT, "ARV|2|A|LOC||no visitors")
    assert [one["code"] for one in found.one("Patient")["meta"]["security"]] == ["DEM"]
    assert found.one("Encounter")["meta"]["security"][1] == {"display": "no visitors"}


def test_restriction_that_is_taken_away_adds_no_label() -> None:
    assert "meta" not in convert("ADT^A08", PATIENT, "ARV|1|D|DEM").one("Patient")


def test_participant_of_a_result_is_its_performer_device_and_place() -> None:
    device = "PRT||AD||EQUIP^Equipment^HL70912|||||LAB^2|DEV7^NORTH||||||00643169001763||20270712|LOT9|SN8"
    found = convert(
        "ORU^R01", PATIENT, "OBR|1||F1|GLU^Glucose", "OBX|1|NM|GLU^Glucose||5.1||||||F", device,
        "PRT||AD||RO^Responsible observer^HL70912|77^BERG^LISA", version="2.8",
    )  # fmt: skip
    seen = found.one("Observation")
    instrument = found.referred(seen["device"])
    assert (instrument["lotNumber"], instrument["serialNumber"]) == ("LOT9", "SN8")
    assert instrument["udiCarrier"] == [{"deviceIdentifier": "00643169001763"}]
    assert seen["extension"][0]["url"] == "http://hl7.org/fhir/StructureDefinition/event-location"
    assert found.referred(seen["performer"][0])["name"][0]["family"] == "BERG"


def test_participant_of_a_report_is_its_interpreter_or_performer_by_its_role() -> None:
    people = ("PRT||AD||PI^Interpreter^HL70912|77^BERG^LISA", "PRT||AD||TN^Technician^HL70912|78^DAHL^UNO")
    found = convert("ORU^R01", PATIENT, "OBR|1||F1|GLU^Glucose", *people, version="2.8")
    report = found.one("DiagnosticReport")
    families = [found.referred(report[name][0])["name"][0]["family"] for name in ("resultsInterpreter", "performer")]
    assert families == ["BERG", "DAHL"]


def test_result_that_cannot_be_obtained_says_so() -> None:
    found = convert("ORU^R01", PATIENT, "OBR|1||F1|GLU^Glucose", "OBX|1||GLU^Glucose||||||||X")
    assert codes(found.one("Observation")["dataAbsentReason"]) == ["cannot-be-obtained"]


def test_timing_of_a_report_is_that_of_the_order_that_it_answers() -> None:
    found = convert("ORU^R01", PATIENT, "ORC|RE|P1", "OBR|1|P1|F1|GLU^Glucose", "TQ1|1||||||||S^Stat^HL70485")
    assert found.identified("ServiceRequest", "P1")["priority"] == "stat"


def test_diagnosis_names_the_one_that_it_is_due_to() -> None:
    found = convert("ADT^A08", PATIENT, VISIT, "DG1|1||E11.9^Diabetes^I10|||W" + "|" * 16 + "D0^LOCAL").one("Condition")
    due = next(one for one in found["extension"] if one["url"].endswith("condition-dueTo"))
    assert due["valueReference"]["identifier"]["value"] == "D0"


DEATH = "PDA|I21.9^Myocardial infarction^I10~I50.9^Heart failure^I10|ICU^1^1|Y|20240305|77^DEATH^DORA|N|||N"


def test_what_is_told_of_a_death() -> None:
    found = convert("ADT^A03", PATIENT, VISIT, DEATH)
    assert found.one("Patient")["deceasedBoolean"] is True
    seen = found.one("Observation")
    assert codes(seen["valueCodeableConcept"]) == ["I21.9"]
    causes = [one["valueCodeableConcept"] for one in seen["component"] if one["code"]["text"] == "cause of death"]
    assert [codes(cause) for cause in causes] == [["I21.9"], ["I50.9"]]
    told = {one["code"]["text"]: one for one in seen["component"]}
    assert (told["certified"]["valueBoolean"], told["autopsy"]["valueBoolean"]) == (True, False)
    assert found.referred(seen["performer"][0])["name"][0]["family"] == "DEATH"


def test_the_time_of_death_of_the_person_stays() -> None:
    died = PATIENT + "|" * 21 + "202403041200+0100|Y"
    found = convert("ADT^A03", died, VISIT, DEATH)
    person = found.one("Patient")
    assert person["deceasedDateTime"] == "2024-03-04T12:00:00+01:00"
    assert "deceasedBoolean" not in person
    assert found.one("Observation")["effectiveDateTime"] == "2024-03-04T12:00:00+01:00"
