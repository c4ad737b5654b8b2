from typing import Any

from hl7_bridge.convert import Entry
from tests.hl7_bridge.mapping.test_rules import run

IDENTIFIERS = [{"from": 3, "to": "identifier*", "as": "CX"}]


def entry(role: dict[str, Any], line: str, type_: str = "Patient") -> Entry:
    found = run(IDENTIFIERS, line, roles={"Patient": role}).entries
    return next(one for one in found if one.resource["resourceType"] == type_)


def test_key_is_the_preferred_identifier() -> None:
    found = entry({"prefer": ["MR", "PI"], "avoid": ["SS"]}, "PID|||9^^^USSSA^SS~1^^^H^PI~2^^^H^MR")
    assert found.key == "identifier=urn:hl7v2:authority:H|2"


def test_key_is_fit_for_a_url() -> None:
    assert entry({}, r"PID|||A B,1\F\&2^^^H^MR").key == "identifier=urn:hl7v2:authority:H|A%20B%5C%2C1%5C%7C"


def test_derived_identifier_is_added_and_is_the_same_for_the_same_facts() -> None:
    role = {"avoid": ["SS"], "derive": ["PID-5.1", "PID-7"]}
    first, again, other = (
        entry(role, f"PID|||9^^^USSSA^SS||{name}||{born}")
        for name, born in (("A", "1979"), ("A", "1979"), ("A", "1980"))
    )
    assert first.key == again.key != other.key
    assert f"identifier=urn:ietf:rfc:3986|{first.resource['identifier'][-1]['value']}" == first.key


def test_role_without_facts_is_new_each_time() -> None:
    found = entry({"derive": ["PID-5.1"]}, "PID|1")
    assert found.key is None
    assert found.request() == {"method": "POST", "url": "Patient"}


def test_same_facts_twice_are_two_resources() -> None:
    segments = {"NK1": {"RelatedPerson": []}, "PID": {"Patient": IDENTIFIERS}}
    kin = {"starts": ["NK1"], "segments": {"NK1": ["RelatedPerson"]}}
    groups = {"patient": {"starts": ["PID"], "segments": {"PID": ["Patient"]}, "groups": {"kin": kin}}}
    conversion = run(
        IDENTIFIERS,
        "PID|||1^^^H",
        "NK1|1|A",
        "NK1|2|A",
        segments=segments,
        messages={"M": {"triggers": ["ADT^A01"], "groups": groups}},
        roles={"RelatedPerson": {"derive": ["Patient", "NK1-2"], "key": "derived"}},
    )
    keys = [one.key for one in conversion.entries if one.resource["resourceType"] == "RelatedPerson"]
    assert len(set(keys)) == 2


def test_default_is_for_a_new_resource_only() -> None:
    found = entry({"defaults": {"active": True}}, "PID|||1^^^H")
    assert found.resource["active"] is True
    assert found.merge == {"active": "keep"}


def test_link_fills_an_element_that_no_rule_filled() -> None:
    conversion = run(
        IDENTIFIERS,
        "PID|||1^^^H",
        "PV1|1",
        roles={"Encounter": {"links": {"subject": "Patient", "partOf": "Encounter"}}},
    )
    visit = next(one for one in conversion.entries if one.resource["resourceType"] == "Encounter")
    assert "partOf" not in visit.resource
    assert visit.resource["subject"] == {"reference": conversion.entries[0].full_url}


def test_intent_decides_the_request() -> None:
    line = "PID|||1^^^H"
    key = "identifier=urn:hl7v2:authority:H|1"
    assert entry({}, line).request() == {"method": "PUT", "url": f"Patient?{key}"}
    assert entry({"intent": "create"}, line).request() == {"method": "POST", "url": "Patient", "ifNoneExist": key}
    assert entry({"intent": "delete"}, line).request() == {"method": "DELETE", "url": f"Patient?{key}"}
