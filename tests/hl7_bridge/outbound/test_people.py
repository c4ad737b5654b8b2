"""References to people, organizations and places."""

from typing import Any

import pytest

from hl7_bridge.outbound.people import organization, person, person_within, place
from hl7_bridge.outbound.setting import Setting
from tests.hl7_bridge.outbound.scene import PATIENT, known, partner

ROLE = {"resourceType": "PractitionerRole", "id": "x1", "practitioner": {"reference": "#me"}}
ROLE |= {"contained": [{"resourceType": "Practitioner", "id": "me", "name": [{"text": "Dr No"}]}]}
BED = {"resourceType": "Location", "id": "b1", "name": "2", "physicalType": {"coding": [{"code": "bd"}]}}
BED |= {"partOf": {"reference": "Location/r1"}}
LOOP = {"resourceType": "Location", "id": "l1", "name": "Moebius", "partOf": {"reference": "Location/l1"}}
MACHINE = {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:0"}
SITE = {"resourceType": "Location", "id": "m1", "name": "Site", "identifier": [MACHINE]}

SETTING = Setting(PATIENT, "create", "", known(ROLE, BED, LOOP, SITE), partner())


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "PractitionerRole/x1"}, ("", "Dr No")),
        ({"display": "Somebody"}, ("", "Somebody")),
        ({"identifier": {"value": "7"}}, ("7", "")),
        ({"reference": "Practitioner/away"}, ()),
        (None, ()),
    ],
)
def test_people_are_told_by_what_is_known_of_them(reference: Any, expected: tuple[str, ...]) -> None:
    assert person(reference, SETTING)[:2] == expected


def test_nobody_is_nobody_within_another_field_too() -> None:
    assert person_within(None, SETTING) == ()
    assert organization({"reference": "Organization/away"}, SETTING) == ()


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "Location/b1"}, ("Ward 7", "R3", "2")),
        ({"reference": "Location/l1"}, ("Moebius", "", "")),
        ({"reference": "Location/m1"}, ("Site", "", "")),
        ({"display": "Lobby"}, ("Lobby", "", "")),
        ({"reference": "Location/away"}, ()),
    ],
)
def test_places_are_told_from_the_outside_to_the_inside(reference: Any, expected: tuple[str, ...]) -> None:
    assert place(reference, SETTING)[:3] == expected
