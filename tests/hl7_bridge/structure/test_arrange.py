"""Segments in their groups."""

from hypothesis import given
from hypothesis import strategies as st

from hl7_bridge.er7 import Message, Segment, parse
from hl7_bridge.structure import Group, arrange
from hl7_bridge.structure.arrange import Arrangement, every_group

NAMES = ["PID", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM", "TQ1", "DG1", "IN1", "FT1", "RXE", "RXR", "PSS", "PSG", "MSA"]


def message(nine: str, names: str) -> Message:
    return parse(f"MSH|^~\\&|||||||{nine}|1|P|2.5.1\r".encode() + "".join(f"{n}|1\r" for n in names.split()).encode())


def shape(group: Group) -> str:
    parts = [item.name if isinstance(item, Segment) else shape(item) for _, item in group.items]
    return f"{group.name}({' '.join(parts)})"


def arranged(nine: str, names: str) -> Arrangement:
    found = arrange(message(nine, names))
    assert found is not None
    return found


def test_segments_stand_in_the_groups_of_their_grammar() -> None:
    found = arranged("ORU^R01", "PID PV1 ORC OBR NTE OBX NTE OBX SPM OBX OBR OBX")
    assert shape(found.root) == (
        "ORU_R01(MSH PATIENT_RESULT(PATIENT(PID VISIT(PV1)) ORDER_OBSERVATION(ORC OBR NTE OBSERVATION(OBX NTE) "
        "OBSERVATION(OBX) SPECIMEN(SPM OBX)) ORDER_OBSERVATION(OBR OBSERVATION(OBX))))"
    )
    assert found.unexpected == ()


def test_a_second_patient_begins_the_outer_group_again() -> None:
    (first, second) = arranged("ORU^R01", "PID OBR OBX PID OBR").root.groups("PATIENT_RESULT")
    assert (shape(first), len(second.groups("ORDER_OBSERVATION"))) == (
        "PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR OBSERVATION(OBX)))",
        1,
    )


def test_a_second_order_is_not_taken_for_prior_results_of_the_first() -> None:
    found = arranged("OML^O21", "PID ORC TQ1 OBR DG1 SPM ORC OBR")
    assert len(found.root.groups("ORDER")) == 2


def test_prior_results_begin_with_a_patient() -> None:
    (order,) = arranged("OML^O21", "PID ORC OBR PID PV1 ORC OBR OBX").root.groups("ORDER")
    (request,) = order.groups("OBSERVATION_REQUEST")
    assert shape(request.groups("PRIOR_RESULT")[0]) == (
        "PRIOR_RESULT(PATIENT_PRIOR(PID) PATIENT_VISIT_PRIOR(PV1) ORDER_PRIOR(ORC OBR OBSERVATION_PRIOR(OBX)))"
    )


def test_a_choice_is_filled_once() -> None:
    found = arranged("ORM^O01", "PID ORC OBR ORC RXO")
    assert [len(group.groups("ORDER_DETAIL")) for group in found.root.groups("ORDER")] == [1, 1]


def test_another_alternative_begins_another_order() -> None:
    orders = arranged("ORM^O01", "PID ORC OBR RXO").root.groups("ORDER")
    assert [len(order.segments("ORC")) for order in orders] == [1, 0]


def test_segments_find_their_group_though_required_ones_are_missing() -> None:
    found = arranged("ORM^O01", "PID OBR OBX OBR")
    assert len(found.root.groups("ORDER")) == 2
    assert found.unexpected == ()


def test_a_segment_without_a_place_is_unexpected_but_no_z_segment() -> None:
    found = arranged("ADT^A08", "EVN PID PV1 ZPI OBR")
    assert [segment.name for segment in found.unexpected] == ["OBR"]


def test_a_message_without_grammar_is_not_arranged() -> None:
    assert arrange(message("ZZZ^Z01", "PID")) is None


@given(
    st.sampled_from(["ORU^R01", "OML^O21", "ADT^A01", "DFT^P03", "EHC^E01", "RDE^O11", "ORM^O01"]),
    st.lists(st.sampled_from(NAMES)),
)
def test_each_segment_stands_in_one_place_in_message_order(nine: str, names: list[str]) -> None:
    source = message(nine, " ".join(names))
    found = arrange(source)
    assert found is not None
    placed = [item for group in every_group(found.root) for _, item in group.items if isinstance(item, Segment)]
    assert sorted(s.place for s in (*placed, *found.unexpected)) == list(range(len(source.segments)))
    for group in every_group(found.root):
        numbers = [number for number, _ in group.items]
        assert numbers == sorted(numbers)
