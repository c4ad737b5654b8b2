"""Coverage → IN1."""

from tests.hl7_bridge.outbound.scene import CLAIM, COVERAGE, er7, told, without


def test_a_coverage_is_told_with_payer_plan_and_insured() -> None:
    assert er7(told(CLAIM, claims="DFT"), "IN1") == (
        "IN1|1|GOLD^Gold Plan|PAY01^^^NAIC|Healthfund^^^^^NAIC^^^^PAY01||||GRP-22||||20240101|20241231|||"
        "Berg \\T\\ Söhne^Eva^Maria^^Dr^^L~Lind^^^^^^M|SEL|197904|4 Birch Rd^c/o Lind^Uppsala^^75310^^H"
        "|||||||||||||||||POL-1|||||||F"
    )


def test_what_must_not_be_empty_has_something_in_it() -> None:
    bare = {**without(COVERAGE, "class", "payor", "subscriber", "subscriberId"), "identifier": [{"value": "N-7"}]}
    (segment,) = told(CLAIM, bare, claims="DFT").every("IN1")
    assert (segment.raw(2), segment.raw(3), segment.raw(4), segment.raw(36)) == ("UNK", "unknown", "unknown", "N-7")


def test_the_kind_of_coverage_stands_in_for_the_plan() -> None:
    coverage = {**without(COVERAGE, "class"), "type": {"coding": [{"code": "EHCPOL"}], "text": "extended"}}
    assert told(CLAIM, coverage, claims="DFT").every("IN1")[0].raw(2) == "EHCPOL^extended"


def test_coverages_come_in_the_order_of_the_claim() -> None:
    second = {**COVERAGE, "id": "k2", "subscriberId": "POL-2"}
    insurance = [
        {"sequence": 2, "coverage": {"reference": "Coverage/k1"}},
        {"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/k2"}},
    ]
    message = told({**CLAIM, "insurance": insurance}, second, claims="DFT")
    assert [one.value(36) for one in message.every("IN1")] == ["POL-2", "POL-1"]
