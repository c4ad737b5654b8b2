"""Two groups of one message that name the same resource."""

from tests.hl7_bridge.maps.converted import PATIENT, convert

RESULT = "OBX|1|NM|{code}^Test^LN||5|mmol/L|||||F"


def test_report_that_two_orders_share_has_the_results_of_both() -> None:
    found = convert(
        "ORU^R01^ORU_R01",
        PATIENT,
        "OBR|1||F1^LAB|24323-8^Panel^LN|||20240305090000+0100|20240305091000+0100||||||||||||||||||F",
        RESULT.format(code="2345-7"),
        "OBR|2||F1^LAB|24323-8^Panel^LN|||20240305090000+0100||||||||||||||||||F",
        RESULT.format(code="2951-2"),
    )
    report = found.one("DiagnosticReport")
    assert len(report["result"]) == 2
    assert "effectivePeriod" in report
    assert "effectiveDateTime" not in report
