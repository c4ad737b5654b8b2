"""Merges, moves and links on stored resources, without a server: what the workspace says in the end."""

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from hl7_bridge.actions import Action, Link, Merge, Move, Reassign, Unlink
from hl7_bridge.convert import Entry
from hl7_bridge.inbound.actions import perform
from hl7_bridge.inbound.targets import Target
from hl7_bridge.inbound.workspace import New, Workspace
from hl7_bridge.ports import Question, Refused, Resource

pytestmark = pytest.mark.anyio


class Stored:
    """A FHIR server that holds some resources, in the place of a real one."""

    def __init__(self, *resources: Resource) -> None:
        self._resources = resources

    async def find(self, questions: Sequence[Question]) -> Sequence[Sequence[Resource]]:
        return [[] for _ in questions]

    async def read(self, references: Collection[str]) -> dict[str, Resource]:
        return {name(one): one for one in self._resources if name(one) in references}

    async def referring(self, reference: str) -> Sequence[Resource]:
        return [one for one in self._resources if f"'reference': '{reference}'" in repr(one)]

    async def later(self, references: Collection[str], moment: str) -> frozenset[str]:  # noqa: ARG002
        return frozenset()


def name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def resource(reference: str, **elements: Any) -> Resource:
    type_, _, id_ = reference.partition("/")
    return {"resourceType": type_, "id": id_, **elements}


def to(reference: str) -> dict[str, str]:
    return {"reference": reference}


OLD = resource("Patient/old", identifier=[{"system": "s", "value": "1"}, {"system": "s", "value": "2"}])
NEW = resource("Patient/new", identifier=[{"system": "s", "value": "2"}])
VISIT = resource("Encounter/v", subject=to("Patient/old"))
RESULT = resource("Observation/o", subject=to("Patient/old"), encounter=to("Encounter/v"))
AUDIT = resource("AuditEvent/a", entity=[{"what": to("Patient/old")}])


async def done(action: Action, *known: Resource, stored: Sequence[Resource] = ()) -> Workspace:
    """Do an action whose entries mean these resources; entries are named by the references themselves."""
    work = Workspace()
    for one in known:
        work.meet(one)
    made = [Target(Entry(one, name(one), "x", "upsert"), name(one), found=True, key="x") for one in known]
    await perform([action], made, Stored(*known, *stored), work)
    return work


async def test_a_merge_says_in_both_patients_what_became_of_them() -> None:
    work = await done(Merge("Patient/new", "Patient/old"), NEW, OLD)
    assert work["Patient/old"]["active"] is False
    assert work["Patient/old"]["link"] == [{"other": to("Patient/new"), "type": "replaced-by"}]
    assert work["Patient/new"]["link"] == [{"other": to("Patient/old"), "type": "replaces"}]


async def test_the_survivor_takes_over_identifiers_as_old_ones() -> None:
    work = await done(Merge("Patient/new", "Patient/old"), NEW, OLD)
    assert work["Patient/new"]["identifier"] == [
        {"system": "s", "value": "2"},
        {"system": "s", "value": "1", "use": "old"},
    ]


async def test_everything_that_refers_to_the_prior_one_refers_to_the_survivor_but_the_audit_trail() -> None:
    work = await done(Merge("Patient/new", "Patient/old"), NEW, OLD, stored=(VISIT, RESULT, AUDIT))
    assert work["Encounter/v"]["subject"] == to("Patient/new")
    assert work["Observation/o"]["subject"] == to("Patient/new")
    assert sorted(work.changed()) == ["Encounter/v", "Observation/o", "Patient/new", "Patient/old"]


async def test_a_merge_that_is_known_changes_nothing() -> None:
    work = await done(Merge("Patient/new", "Patient/new"), NEW)
    assert work.changed() == []


async def test_a_prior_patient_who_was_never_stored_is_made_as_one_that_was_replaced() -> None:
    work = Workspace()
    work.meet(NEW)
    work.create("urn:uuid:1", New({"resourceType": "Patient"}, "urn:uuid:1", "identifier=s|9", None))
    made = [
        Target(Entry(NEW, "Patient/new", "x", "upsert"), "Patient/new", found=True, key="x"),
        Target(Entry({"resourceType": "Patient"}, "urn:uuid:1", "y", "upsert"), "urn:uuid:1", found=False, key="y"),
    ]
    await perform([Merge("Patient/new", "urn:uuid:1")], made, Stored(), work)
    assert work["urn:uuid:1"]["active"] is False


@pytest.mark.parametrize(("type_", "element"), [("Encounter", "status"), ("Account", "status")])
async def test_merged_visits_and_accounts_end(type_: str, element: str) -> None:
    prior, survivor = resource(f"{type_}/old", status="active"), resource(f"{type_}/new", status="active")
    work = await done(Merge(f"{type_}/new", f"{type_}/old"), survivor, prior)
    assert work[f"{type_}/old"][element] != "active"
    assert work[f"{type_}/new"][element] == "active"


@pytest.mark.parametrize("former", ["Patient/old", ""])
async def test_a_moved_visit_takes_what_refers_to_both_along(former: str) -> None:
    other = resource("Observation/p", subject=to("Patient/old"))
    work = await done(Move("Encounter/v", "Patient/new", former), NEW, OLD, VISIT, stored=(RESULT, other))
    assert work["Encounter/v"]["subject"] == to("Patient/new")
    assert work["Observation/o"]["subject"] == to("Patient/new")
    assert sorted(work.changed()) == ["Encounter/v", "Observation/o"]


async def test_the_former_owner_is_the_stored_one_whatever_the_message_says_of_the_visit() -> None:
    work = Workspace()
    for one in (NEW, OLD, VISIT):
        work.meet(one)
    work.put("Encounter/v", {**VISIT, "subject": to("Patient/new")})
    entries = [Target(Entry(one, name(one), "x", "upsert"), name(one), found=True, key="x") for one in (NEW, VISIT)]
    await perform([Move("Encounter/v", "Patient/new", "")], entries, Stored(VISIT, RESULT), work)
    assert work["Observation/o"]["subject"] == to("Patient/new")


async def test_links_are_made_on_both_sides_once_and_taken_away_again() -> None:
    work = await done(Link("Patient/new", "Patient/old"), NEW, OLD)
    assert work["Patient/new"]["link"] == [{"other": to("Patient/old"), "type": "seealso"}]
    both = (work["Patient/new"], work["Patient/old"])
    again = await done(Link("Patient/new", "Patient/old"), *both)
    assert again.changed() == []
    apart = await done(Unlink("Patient/new", "Patient/old"), *both)
    assert "link" not in apart["Patient/new"]
    assert "link" not in apart["Patient/old"]


HOLDER = resource("Patient/holder", identifier=[{"system": "s", "value": "mr"}, {"system": "epi", "value": "p1"}])
OWNER = resource("Patient/owner", identifier=[{"system": "epi", "value": "p2"}, {"system": "s", "value": "mr"}])
NAMED = frozenset({("s", "mr"), ("epi", "p1")})


async def test_a_number_leaves_the_wrong_patient_with_all_that_refers_to_them() -> None:
    visit = resource("Encounter/v", subject=to("Patient/holder"))
    work = await done(Reassign("Patient/owner", "Patient/holder", NAMED), OWNER, HOLDER, stored=[visit])
    assert work["Patient/holder"]["identifier"] == [{"system": "epi", "value": "p1"}]
    assert work["Encounter/v"]["subject"] == to("Patient/owner")
    assert all("link" not in work[one] for one in ("Patient/owner", "Patient/holder"))


async def test_numbers_whose_records_cannot_be_told_from_others_do_not_move() -> None:
    mixed = {**HOLDER, "identifier": [*HOLDER["identifier"], {"system": "other", "value": "7"}]}
    with pytest.raises(Refused, match="a person must say"):
        await done(Reassign("Patient/owner", "Patient/holder", NAMED), OWNER, mixed)


async def test_a_number_under_which_nobody_keeps_records_does_not_hinder_a_move() -> None:
    ssn = {"type": {"coding": [{"code": "SS"}]}, "system": "other", "value": "7"}
    known = {**HOLDER, "identifier": [*HOLDER["identifier"], ssn]}
    work = await done(Reassign("Patient/owner", "Patient/holder", NAMED), OWNER, known)
    assert ssn in work["Patient/holder"]["identifier"]


async def test_a_move_that_the_store_knows_of_changes_nothing() -> None:
    work = await done(Reassign("Patient/owner", "Patient/owner"), OWNER)
    assert work.changed() == []


async def test_nothing_moves_from_somebody_who_is_not_stored() -> None:
    work = Workspace()
    work.meet(OWNER)
    work.create("urn:uuid:new", New({"resourceType": "Patient"}, "urn:uuid:new", None, None))
    made = [
        Target(Entry(OWNER, "a", "x", "upsert"), "Patient/owner", found=True, key="x"),
        Target(Entry({"resourceType": "Patient"}, "b", "y", "reference"), "urn:uuid:new", found=False, key="y"),
    ]
    with pytest.raises(Refused, match="nobody is stored"):
        await perform([Reassign("a", "b")], made, Stored(), work)


async def test_a_merge_that_the_store_knows_of_links_the_survivor_to_nobody_anew() -> None:
    before = [{"type": "replaces", "other": to("Patient/old")}]
    told = {**NEW, "link": [*before, {"type": "replaces", "other": to("Patient/new")}]}
    work = await done(Merge("Patient/new", "Patient/new"), told)
    assert work["Patient/new"]["link"] == before
