import weakref

from hl7_bridge.inbound.known import Known


def test_what_was_found_is_known_for_a_minute() -> None:
    now = [0.0]
    known = Known(lambda: now[0])
    known.put("Location", "identifier=a|1", "Location/1")
    now[0] = 59
    assert known.get("Location", "identifier=a|1") == "Location/1"
    now[0] = 61
    assert known.get("Location", "identifier=a|1") is None


def test_patients_and_visits_are_never_taken_from_memory() -> None:
    known = Known(lambda: 0.0)
    known.put("Patient", "identifier=a|1", "Patient/1")
    assert known.get("Patient", "identifier=a|1") is None


def test_memory_has_an_end() -> None:
    known = Known(lambda: 0.0)
    for number in range(20_001):
        known.put("Location", str(number), f"Location/{number}")
    assert known.get("Location", "0") is None
    assert known.get("Location", "20000") == "Location/20000"


def test_what_nobody_names_any_more_takes_no_memory() -> None:
    class Reference(str):
        """A text that can be watched."""

    now = [0.0]
    known = Known(lambda: now[0])
    known.put("Location", "identifier=a|1", reference := Reference("Location/1"))
    left = weakref.ref(reference)
    del reference
    now[0] = 61
    known.put("Location", "identifier=a|2", "Location/2")
    assert left() is None
