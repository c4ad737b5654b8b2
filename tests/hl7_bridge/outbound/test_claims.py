"""Claim → EHC E01, EHC E02 or DFT P03."""

from decimal import Decimal

import pytest

from hl7_bridge.outbound import OutboundError
from tests.hl7_bridge.outbound.scene import CLAIM, er7, told, without


def test_an_invoice_is_told_with_its_lines() -> None:
    message = told(CLAIM)
    assert message.header.raw(9) == "EHC^E01^EHC_E01"
    assert [one.name for one in message.segments] == (["MSH", "IVC", "PSS", "PSG", "PID", "IN1", "DG1", "PSL", "PSL"])
    assert er7(message, "IVC") == (
        "IVC|INV-1^^1.2.7^ISO|||OR|NORM|FS|20240304|512.40&USD||Healthfund^^^^^NAIC^^^^PAY01|"
        "Healthfund^^^^^NAIC^^^^PAY01||||||||||||||UNK"
    )
    assert er7(message, "PSL") == (
        "PSL|1||1|||P|99213^^C4|||20240301|||312.40&USD|||312.40&USD|||||N||||||||1234567893^House^Greg^^^^^^NPI^L"
    )
    assert er7(message, "PSL", 2) == "PSL|2||2|||P|LAB^^L|||||2|100.00&USD|||200.00&USD|||||N"


def test_a_cancelled_claim_cancels_its_invoice() -> None:
    message = told({**CLAIM, "status": "cancelled"}, event="update")
    assert message.header.raw(9) == "EHC^E02^EHC_E02"
    assert message.every("IVC")[0].value(4) == "CN"
    assert er7(message, "PYE") == "PYE|1|ORG||Healthfund^^^^^NAIC^^^^PAY01"


def test_a_receiver_of_charges_gets_them() -> None:
    message = told(CLAIM, claims="DFT")
    assert message.header.raw(9) == "DFT^P03^DFT_P03"
    assert [one.name for one in message.segments] == ["MSH", "EVN", "PID", "FT1", "FT1", "DG1", "IN1"]
    assert er7(message, "FT1") == (
        "FT1|1|INV-1-1|INV-1|20240301|20240304|CG|99213^^C4||||312.40&USD|312.40&USD|||||||I10^Hypertension^I10|"
        "1234567893^House^Greg^^^^^^NPI^L|||||99213^^C4"
    )
    assert er7(message, "FT1", 2) == "FT1|2|INV-1-2|INV-1|20240304|20240304|CG|LAB^^L|||2|200.00&USD|100.00&USD"


def test_charges_of_a_cancelled_claim_are_credits() -> None:
    message = told({**CLAIM, "status": "cancelled"}, event="update", claims="DFT")
    assert {one.value(6) for one in message.every("FT1")} == {"CD"}


def test_the_total_of_the_claim_counts_more_than_the_sum() -> None:
    claim = {**CLAIM, "total": {"value": Decimal("500.00"), "currency": "USD"}}
    assert told(claim).every("IVC")[0].raw(8) == "500.00&USD"


def test_lines_in_two_currencies_have_no_sum() -> None:
    lines = [dict(line) for line in CLAIM["item"]]
    lines[1]["unitPrice"] = {"value": Decimal(1), "currency": "EUR"}
    with pytest.raises(OutboundError, match="IVC_8: what is required is missing"):
        told({**CLAIM, "item": lines})


def test_a_claim_without_items_is_not_told() -> None:
    with pytest.raises(OutboundError, match=r"Claim\.item"):
        told(without(CLAIM, "item"))


def test_diagnoses_and_responsible_people_need_no_references() -> None:
    claim = {
        **CLAIM,
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": {"text": "cough"}}],
        "careTeam": [{"sequence": 9, "responsible": True, "provider": {"display": "Dr Who"}}],
        "provider": {"display": "Some clinic"},
        "insurer": {"display": "Some insurer"},
    }
    message = told(claim)
    assert message.every("DG1")[0].raw(3) == "^cough"
    assert message.every("PSL")[0].raw(29) == "^Dr Who^^^^^^^^L"
    assert (message.every("IVC")[0].raw(10), message.every("IVC")[0].raw(11)) == ("Some clinic", "Some insurer")


def test_the_visit_of_a_line_is_told() -> None:
    line = {**CLAIM["item"][0], "encounter": [{"reference": "Encounter/e1"}]}
    assert told({**CLAIM, "item": [line]}).every("PV1")[0].raw(19) == "V1^^^CITY^VN"
