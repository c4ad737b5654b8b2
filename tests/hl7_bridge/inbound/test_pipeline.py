"""What the operator is told of a processed message."""

from hl7_bridge.inbound.pipeline import Processed


def test_a_sender_that_cannot_be_printed_is_named_by_what_can() -> None:
    told = Processed("LA\x1b[2JB\n\u202e|\x00HÔP", "ADT^A01", "accepted", 0.001, 10, "x")
    assert told.facts()["sender"] == "LA[2JB|HÔP"


def test_a_long_name_of_a_sender_is_cut() -> None:
    assert len(str(Processed("X" * 200, "ADT^A01", "accepted", 0.001, 10, "x").facts()["sender"])) == 80
