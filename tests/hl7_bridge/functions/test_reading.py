"""What functions take counts as taken, and is told where it went."""

from hl7_bridge.er7 import parse
from hl7_bridge.explain import explain
from tests.hl7_bridge.maps.converted import PATIENT, converter

HEADER = "MSH|^~\\&|CLINIC|CL|PAYER|PY|20240305||{event}|E1|P|2.6"


def told(event: str, *segments: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    message = parse("\r".join((HEADER.format(event=event), PATIENT, *segments)).encode())
    return {part.place: (part.outcome, part.targets) for part in explain(message, converter())}


def test_line_of_an_invoice_goes_to_the_item_of_the_claim() -> None:
    parts = told("EHC^E01", "IVC|1^CL|||OR|NORM|FS|20240304", "PSL|1||1|T1||P|97110^Exercise^C4||Exercise|20240210")
    assert parts["PSL-7.1"] == ("mapped", ("Claim.item",))
    assert parts["PSL-1.1"] == ("ignored", ())
    assert parts["PSL-4.1"] == ("unmapped", ())


def test_dosage_goes_to_the_prescription_and_a_rate_in_words_is_left() -> None:
    order = ("ORC|NW|1^EHR", "RXE|1^BID|1^Drug^L|5||mg" + "|" * 18 + "{rate}|mL/h", "RXR|IV")
    parts = told("RDE^O11", *(one.format(rate="titrate") for one in order))
    assert parts["RXE-3.1"] == ("mapped", ("MedicationRequest.dosageInstruction",))
    assert parts["RXR-1.1"] == ("mapped", ("MedicationRequest.dosageInstruction",))
    assert parts["RXE-23.1"][0] == "unmapped"
    parts = told("RDE^O11", *(one.format(rate="20") for one in order))
    assert parts["RXE-23.1"][0] == "mapped"


def test_eligibility_of_a_dose_goes_to_the_immunization() -> None:
    parts = told(
        "VXU^V04", "ORC|RE||1^REG", "RXA|0|1|20240301||208^X^CVX|1", "OBX|1|CE|64994-7^E^LN|1|V01^No^HL70064||||||F"
    )
    assert parts["OBX-5.1"] == ("mapped", ("Immunization.programEligibility",))
    assert parts["OBX-11.1"] == ("ignored", ())
