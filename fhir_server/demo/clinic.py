"""The demo clinic as one transaction: all of it is stored, or nothing.

Pure and deterministic: the same seed and day give the same Bundle.
Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Iterator
from datetime import date
from random import Random

from fhir_server.demo.billing import bills
from fhir_server.demo.diary import diary
from fhir_server.demo.drafting import Dice, Drafted, vocabulary
from fhir_server.demo.people import person
from fhir_server.demo.record import record
from fhir_server.demo.staff import ORGANIZATION, staff
from fhir_server.kernel.types import Resource

__all__ = ["ORGANIZATION", "clinic"]

_PATIENTS = 20


def clinic(seed: int, today: date) -> Resource:
    """Return the clinic as a transaction Bundle; its entries refer to each other by `urn:uuid:`."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(row) for row in _drafted(seed, today)]}


def _drafted(seed: int, today: date) -> Iterator[Drafted]:
    dice = Dice(Random(seed), vocabulary())
    team = staff(dice, today)
    yield from team.drafted()
    people = [person(dice, team, today, number) for number in range(1, _PATIENTS + 1)]
    for one in people:
        history = record(dice, one, team.organization, today)
        yield from (one.patient, one.coverage)
        yield from history.drafted()
        yield from bills(dice, one, history, team.organization, today)
    yield from diary(dice, team, people, today)


def _entry(drafted: Drafted) -> Resource:
    request = {"method": "POST", "url": drafted.resource["resourceType"]}
    return {"fullUrl": drafted.url, "resource": drafted.resource, "request": request}
