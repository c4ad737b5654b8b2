"""Messages with faults: as many as wanted, the same for the same seed, each about things of its own."""

from itertools import islice

from bench.hl7_messages import TURN, day, question
from bench.hl7_mutations import individual, mutants
from hl7_bridge.er7 import parse

MESSAGES = list(islice(day("x"), TURN))


def test_the_same_seed_makes_the_same_messages_and_another_seed_others() -> None:
    first, again, other = (mutants(MESSAGES, run="r", seed=seed, count=60) for seed in (1, 1, 2))
    assert [one.raw for one in first] == [one.raw for one in again]
    assert {one.raw for one in first}.isdisjoint(one.raw for one in other)
    assert len(first) == len({one.control_id for one in first}) == 60


def test_most_messages_can_still_be_read() -> None:
    headed = [one.raw.startswith(b"MSH|^~\\&|") for one in mutants(MESSAGES, run="r", seed=3, count=100)]
    assert sum(headed) > 70


def test_a_message_is_about_a_patient_a_visit_and_an_order_of_its_own() -> None:
    [report] = [raw for raw in MESSAGES[:3] if b"ORU^R01" in raw]
    found = parse(individual(report, b"7"))
    segments = [found.first(name) for name in ("PID", "PV1", "ORC", "OBR")]
    places = [segment.value(place) for segment, place in zip(segments, (3, 19, 2, 3), strict=True) if segment]
    assert [found.control_id, *places] == ["C7", "PATIENT7", "ID7", "ID7", "ID7"]


def test_a_day_has_new_patients_and_repeats() -> None:
    assert MESSAGES[-1] == MESSAGES[-2]
    assert len(set(MESSAGES)) == TURN - 1
    admitted = {raw for raw in islice(day("x"), 3 * TURN) if b"ADT^A01" in raw}
    assert len({parse(raw).first("PID").value(3) for raw in admitted}) == 3  # type: ignore[union-attr]


def test_a_question_is_a_query() -> None:
    assert parse(question("Q1")).type == "QBP"
