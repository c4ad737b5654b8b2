"""ServiceRequest → OML O21 or ORM O01."""

import pytest

from hl7_bridge.outbound import Event
from tests.hl7_bridge.outbound.scene import CONDITION, ORDER, er7, told, without


def test_an_order_is_told_with_all_that_belongs_to_it() -> None:
    message = told(ORDER)
    assert [one.name for one in message.segments] == (
        ["MSH", "PID", "PD1", "PV1", "ORC", "TQ1", "OBR", "NTE", "DG1", "OBX", "NTE", "SPM"]
    )
    assert er7(message, "ORC") == (
        "ORC|NW|P55^^1.2.3.8^ISO||GRP-1^CITY|IP||||20240304100000+0000|||1234567893^House^Greg^^^^^^NPI^L"
    )
    assert er7(message, "TQ1") == "TQ1|1||||||20240305||S^stat^HL70485"
    assert er7(message, "OBR") == (
        "OBR|1|P55^^1.2.3.8^ISO||24323-8^Panel^LN||||||||||||1234567893^House^Greg^^^^^^NPI^L|||||||||||||||^tired"
    )
    assert er7(message, "DG1") == "DG1|1||I10^Hypertension^I10||2020|W"


def test_a_receiver_of_the_old_message_gets_it_with_the_timing_in_its_old_place() -> None:
    message = told(ORDER, orders="ORM")
    assert message.header.raw(9) == "ORM^O01^ORM_O01"
    assert message.every("ORC")[0].raw(7) == "^^^20240305^^S"
    assert [one.name for one in message.segments[-5:]] == ["OBR", "NTE", "DG1", "OBX", "NTE"]


@pytest.mark.parametrize(
    ("event", "status", "control", "order_status"),
    [
        ("create", "active", "NW", "IP"),
        ("update", "active", "XO", "IP"),
        ("update", "revoked", "CA", "CA"),
        ("update", "on-hold", "HD", "HD"),
        ("update", "completed", "SC", "CM"),
        ("delete", "active", "CA", "IP"),
    ],
)
def test_what_is_asked_for_is_the_order_control(event: Event, status: str, control: str, order_status: str) -> None:
    (common,) = told({**ORDER, "status": status}, event=event).every("ORC")
    assert (common.value(1), common.value(5)) == (control, order_status)


def test_an_order_without_number_is_known_by_its_id() -> None:
    assert told(without(ORDER, "identifier")).every("OBR")[0].raw(2) == "q1^CITY"


def test_amount_and_callback_number_are_told() -> None:
    extension = {
        "url": "http://hl7.org/fhir/StructureDefinition/servicerequest-order-callback-phone-number",
        "valueContactPoint": {"system": "phone", "use": "work", "value": "1"},
    }
    amount = {"value": 3, "unit": "mL"}
    message = told({**ORDER, "extension": [extension], "quantityQuantity": amount})
    assert message.every("TQ1")[0].raw(2) == "3^mL&mL"
    assert message.every("OBR")[0].raw(17) == "1^WPN^PH^^^^^^^^^1"


def test_a_period_has_start_and_end() -> None:
    period = {"start": "2024-03-05", "end": "2024-03-06"}
    (timing,) = told({**without(ORDER, "occurrenceDateTime"), "occurrencePeriod": period}).every("TQ1")
    assert (timing.value(7), timing.value(8)) == ("20240305", "20240306")


def test_a_condition_without_onset_has_the_date_of_its_record() -> None:
    condition = {**without(CONDITION, "onsetDateTime"), "recordedDate": "2021-01-01"}
    assert told(ORDER, condition).every("DG1")[0].value(5) == "20210101"
