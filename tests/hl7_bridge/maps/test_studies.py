"""CTI and BLG: the study and the account that an order or its results belong to."""

from tests.hl7_bridge.maps.converted import PATIENT, convert

OBR = "OBR|1|P1^WARD|F1^LAB|2823-3^Potassium^LN|||20240305090000+0100||||||||||||||||||F"
STUDY = "CTI|ONC-17^SPONSOR|2^Phase|W4^Week 4"


def test_results_of_a_study_refer_to_it() -> None:
    found = convert("ORU^R01", PATIENT, OBR, "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L|||||F", STUDY)
    (extension,) = found.one("DiagnosticReport")["extension"]
    assert extension["url"] == "http://hl7.org/fhir/StructureDefinition/workflow-researchStudy"
    study = found.referred(extension["valueReference"])
    assert (study["identifier"][0]["value"], study["status"]) == ("ONC-17", "active")
    assert extension["valueReference"]["display"] == "ONC-17, Phase, Week 4"
    assert not {"CTI-2", "CTI-3"} & set(found.conversion.unmapped)


def test_an_order_of_a_study_refers_to_it_also_when_no_phase_is_told() -> None:
    found = convert("OML^O21", PATIENT, "ORC|NW|P1^WARD", OBR, "CTI|ONC-17^SPONSOR")
    (extension,) = found.one("ServiceRequest")["extension"]
    assert found.referred(extension["valueReference"])["resourceType"] == "ResearchStudy"
    assert extension["valueReference"]["display"] == "ONC-17"


def test_a_study_that_is_stored_is_left_as_it_is() -> None:
    found = convert("ORU^R01", PATIENT, OBR, STUDY)
    (entry,) = (one for one in found.conversion.entries if one.resource["resourceType"] == "ResearchStudy")
    assert entry.intent == "create"


def test_an_order_tells_the_account_to_bill() -> None:
    found = convert("OML^O21", PATIENT, "ORC|NW|P1^WARD", OBR, "BLG|O|CH|A77^^^CITYHOSP")
    account = found.identified("Account", "A77")
    assert found.referred(account["subject"][0])["resourceType"] == "Patient"


def test_an_order_tells_when_and_how_it_is_charged() -> None:
    found = convert("OML^O21", PATIENT, "ORC|NW|P1^WARD", OBR, "BLG|O|GR")
    detail = [one["coding"][0] for one in found.one("ServiceRequest")["orderDetail"]]
    assert [(one["system"].rpartition("/")[2], one["code"]) for one in detail] == [("v2-0100", "O"), ("v2-0122", "GR")]
    assert not {"BLG-1", "BLG-2"} & set(found.conversion.unmapped)
