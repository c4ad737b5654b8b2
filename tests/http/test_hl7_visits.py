"""The life of visits, accounts and persons as a hospital system tells it, message by message."""

from typing import Any

import httpx2
import pytest

from hl7_bridge.er7 import parse
from tests.hl7_bridge.made import ER7, message, unique

pytestmark = pytest.mark.anyio

SYSTEM = "urn:hl7v2:authority:HOSP"


class Ward:
    """Sends ADT messages, a minute after the other, and looks at what became of them."""

    def __init__(self, fhir: httpx2.AsyncClient) -> None:
        self.fhir = fhir
        self.patient, self.visit = unique("WP"), unique("WV")
        self._minute = 0

    def pid(self, number: str = "", account: str = "") -> str:
        tail = "|" * 10 + f"{account}^^^HOSP^AN" if account else ""
        return f"PID|1||{number or self.patient}^^^HOSP^MR||DOE^JANE||19800101|F{tail}"

    def pv1(self, place: str = "W1^101^1^HOSP", number: str = "", **fields: str) -> str:
        known = {1: "1", 2: "I", 3: place, 19: f"{number or self.visit}^^^HOSP^VN"}
        known |= {int(name[1:]): text for name, text in fields.items()}
        return "PV1|" + "|".join(known.get(one, "") for one in range(1, max(known) + 1))

    async def send(self, event: str, *segments: str) -> None:
        self._minute += 1
        at = f"2024050110{self._minute:02}00+0000"
        parts = segments or (self.pid(), self.pv1())
        raw = message(f"EVN||{at}", *parts, type_=f"ADT^{event}", control_id=unique("W"), at=at, sender="WARD|HOSP")
        answer = await self.fhir.post("http://test/hl7/v2", content=raw, headers={"content-type": ER7})
        told = parse(answer.content).first("MSA")
        assert told is not None
        assert told.value(1) == "AA", answer.text

    async def one(self, type_: str, number: str) -> dict[str, Any]:
        found = (await self.fhir.get(f"/{type_}?identifier={SYSTEM}|{number}")).raise_for_status().json()
        (entry,) = found["entry"]
        resource: dict[str, Any] = entry["resource"]
        return resource

    async def encounter(self) -> dict[str, Any]:
        return await self.one("Encounter", self.visit)

    async def places(self, number: str = "") -> list[str]:
        visit = await self.one("Encounter", number or self.visit)
        return [place["location"]["display"] for place in visit["location"]]


@pytest.fixture
def ward(fhir: httpx2.AsyncClient) -> Ward:
    return Ward(fhir)


async def test_transfer_and_its_cancellation(ward: Ward) -> None:
    await ward.send("A01")
    await ward.send("A02", ward.pid(), ward.pv1("W2^202^1^HOSP"))
    assert await ward.places() == ["HOSP W2 202 1"]
    await ward.send("A12")
    assert await ward.places() == ["HOSP W1 101 1"]


async def test_discharge_and_its_cancellation(ward: Ward) -> None:
    await ward.send("A01", ward.pid(), ward.pv1(_44="202405010900+0000"))
    await ward.send("A03", ward.pid(), ward.pv1(_36="01^Home^HL70112", _45="202405011000+0000"))
    ended = await ward.encounter()
    assert (ended["status"], ended["period"]["end"][:10]) == ("finished", "2024-05-01")
    await ward.send("A13")
    again = await ward.encounter()
    assert again["status"] == "in-progress"
    assert again["period"].keys() == {"start"}
    assert "hospitalization" not in again


async def test_update_leaves_a_finished_visit_finished(ward: Ward) -> None:
    await ward.send("A01")
    await ward.send("A03")
    await ward.send("A08")
    assert (await ward.encounter())["status"] == "finished"


async def test_new_attending_doctor_leaves_the_referring_one(ward: Ward) -> None:
    await ward.send("A01", ward.pid(), ward.pv1(_7="1^HOUSE^GREG", _8="2^BERG^LISA"))
    await ward.send("A08", ward.pid(), ward.pv1(_7="3^WILSON^JAMES"))
    participants = (await ward.encounter())["participant"]
    assert {one["individual"]["display"] for one in participants} == {"LISA BERG", "JAMES WILSON"}


async def test_cancelled_admission_is_kept_as_cancelled(ward: Ward) -> None:
    await ward.send("A01")
    await ward.send("A11")
    assert (await ward.encounter())["status"] == "cancelled"
    assert (await ward.one("Patient", ward.patient))["name"][0]["family"] == "DOE"


async def test_two_patients_swap_their_beds(ward: Ward, fhir: httpx2.AsyncClient) -> None:
    other = Ward(fhir)
    await ward.send("A01")
    await other.send("A01", other.pid(), other.pv1("W2^202^1^HOSP"))
    await ward.send("A17", ward.pid(), ward.pv1("W2^202^1^HOSP"), other.pid(), other.pv1())
    assert await ward.places() == ["HOSP W2 202 1"]
    assert await other.places() == ["HOSP W1 101 1"]


async def test_deleted_person_stays_inactive(ward: Ward) -> None:
    await ward.send("A28", ward.pid())
    await ward.send("A29", ward.pid())
    assert (await ward.one("Patient", ward.patient))["active"] is False


@pytest.mark.parametrize("renumbered", [False, True])
@pytest.mark.parametrize("named", [True, False])
async def test_moved_visit_takes_along_what_belongs_to_it(
    ward: Ward, fhir: httpx2.AsyncClient, named: bool, renumbered: bool
) -> None:
    former = Ward(fhir)
    if not renumbered:
        former.visit = ward.visit
    finding = "OBX|1|NM|8867-4^Heart rate^LN||72|/min^^UCUM|||||F|||20240501"
    await former.send("A01", former.pid(), former.pv1(), finding)
    await ward.send("A28", ward.pid())
    prior = f"{former.patient}^^^HOSP^MR" if named else ""
    await ward.send("A45", ward.pid(), f"MRG|{prior}||||{former.visit}^^^HOSP^VN", ward.pv1())
    owner = f"Patient/{(await ward.one('Patient', ward.patient))['id']}"
    visit = await ward.encounter()
    assert visit["subject"]["reference"] == owner
    found = (await fhir.get(f"/Observation?encounter=Encounter/{visit['id']}")).json()["entry"]
    assert [entry["resource"]["subject"]["reference"] for entry in found] == [owner]
    assert "active" not in await former.one("Patient", former.patient)


async def test_merged_visit_ends_and_its_findings_belong_to_the_survivor(ward: Ward) -> None:
    finding = "OBX|1|NM|8867-4^Heart rate^LN||72|/min^^UCUM|||||F|||20240501"
    prior = unique("WV")
    await ward.send("A01")
    await ward.send("A01", ward.pid(), ward.pv1(number=prior), finding)
    await ward.send("A42", ward.pid(), f"MRG|{ward.patient}^^^HOSP^MR||||{prior}^^^HOSP^VN", ward.pv1())
    survivor = await ward.encounter()
    found = (await ward.fhir.get(f"/Observation?encounter=Encounter/{survivor['id']}")).json()
    assert len(found["entry"]) == 1
    assert survivor["status"] == "in-progress"


async def test_merged_account_ends(ward: Ward) -> None:
    kept, prior = unique("WA"), unique("WA")
    await ward.send("A28", ward.pid(account=kept))
    await ward.send("A28", ward.pid(account=prior))
    await ward.send("A41", ward.pid(account=kept), f"MRG|{ward.patient}^^^HOSP^MR||{prior}^^^HOSP^AN")
    found = (await ward.fhir.get(f"/Account?identifier={SYSTEM}|{prior}")).json()["entry"]
    assert {entry["resource"]["status"] for entry in found} == {"inactive", "active"}


async def test_linked_patients_see_each_other_until_they_are_unlinked(ward: Ward, fhir: httpx2.AsyncClient) -> None:
    other = Ward(fhir)
    await ward.send("A28", ward.pid())
    await ward.send("A28", ward.pid(other.patient))
    await ward.send("A24", ward.pid(), ward.pid(other.patient))
    one, two = await ward.one("Patient", ward.patient), await ward.one("Patient", other.patient)
    assert [link["other"]["reference"] for link in one["link"]] == [f"Patient/{two['id']}"]
    assert [link["type"] for link in two["link"]] == ["seealso"]
    await ward.send("A37", ward.pid(), ward.pid(other.patient))
    assert "link" not in await ward.one("Patient", ward.patient)
    assert "link" not in await ward.one("Patient", other.patient)


async def test_order_goes_through_its_states(ward: Ward) -> None:
    number = unique("WO")
    states = []
    for control, status in (("NW", ""), ("SC", "IP"), ("XO", ""), ("HD", ""), ("XO", ""), ("CA", "")):
        ward._minute += 1
        at = f"2024050110{ward._minute:02}00+0000"
        raw = message(
            ward.pid(),
            f"ORC|{control}|{number}^HOSP|||{status}",
            f"OBR|1|{number}^HOSP||24323-8^Panel^LN",
            type_="OML^O21^OML_O21",
            control_id=unique("W"),
            at=at,
            sender="WARD|HOSP",
        )
        await ward.fhir.post("http://test/hl7/v2", content=raw, headers={"content-type": ER7})
        states.append((await ward.one("ServiceRequest", number))["status"])
    assert states == ["active", "active", "active", "on-hold", "on-hold", "revoked"]


async def test_the_state_of_a_bed_changes_nothing_else_of_it(ward: Ward) -> None:
    place = f"W9^{unique('R')}^1^HOSP"
    await ward.send("A01", ward.pid(), ward.pv1(place, _40="O"))
    (assigned,) = (await ward.encounter())["location"]
    path = f"/{assigned['location']['reference']}"
    before = (await ward.fhir.get(path)).raise_for_status().json()
    named = {**before, "name": "Room with a view"}
    (await ward.fhir.put(path, json=named)).raise_for_status()
    await ward.send("A20", f"NPU|{place}|K")
    after = (await ward.fhir.get(path)).raise_for_status().json()
    assert (before["operationalStatus"]["code"], after["operationalStatus"]["code"]) == ("O", "K")
    assert after["name"] == "Room with a view"


async def test_a_number_of_the_wrong_person_moves_with_its_visits_and_both_stay(ward: Ward) -> None:
    number, wrong, right = ward.patient, unique("WRONG"), unique("RIGHT")

    def pid(person: str) -> str:
        return f"PID|1||{number}^^^HOSP^MR~{person}^^^HOSP^PI||DOE^JANE"

    await ward.send("A01", pid(wrong), ward.pv1())
    await ward.send("A43", pid(right), f"MRG|{number}^^^HOSP^MR~{wrong}^^^HOSP^PI")
    owner, former = await ward.one("Patient", number), await ward.one("Patient", wrong)
    assert (await ward.encounter())["subject"]["reference"] == f"Patient/{owner['id']}"
    assert owner["id"] == (await ward.one("Patient", right))["id"] != former["id"]
    assert {one["value"] for one in former["identifier"]} == {wrong}
    assert {"active", "link"}.isdisjoint(former)
    # The same again, as another message, finds it done.
    await ward.send("A43", pid(right), f"MRG|{number}^^^HOSP^MR~{wrong}^^^HOSP^PI")
    assert (await ward.one("Patient", number))["meta"]["versionId"] == owner["meta"]["versionId"]


async def test_null_in_one_field_leaves_numbers_and_doctors_that_came_with_others(ward: Ward) -> None:
    await ward.send("A01", ward.pid() + "|" * 11 + "111223333", ward.pv1(_7="1^HOUSE", _8="2^WILSON"))
    await ward.send("A08", ward.pid() + "|" * 11 + '""', ward.pv1(_8='""'))
    patient, visit = await ward.one("Patient", ward.patient), await ward.encounter()
    assert [one["value"] for one in patient["identifier"]] == [ward.patient]
    assert [one["type"][0]["coding"][0]["code"] for one in visit["participant"]] == ["ATND"]
    assert visit["participant"][0]["individual"]["display"] == "HOUSE"


async def test_a_number_at_work_leaves_that_at_home(ward: Ward) -> None:
    await ward.send("A01", ward.pid() + "|" * 5 + "555-1", ward.pv1())
    await ward.send("A08", ward.pid() + "|" * 6 + "555-2", ward.pv1())
    numbers = {(one["use"], one["value"]) for one in (await ward.one("Patient", ward.patient))["telecom"]}
    assert numbers == {("home", "555-1"), ("work", "555-2")}


async def test_a_merge_that_is_told_again_changes_nothing(ward: Ward) -> None:
    prior = unique("WM")
    await ward.send("A01", ward.pid(prior), ward.pv1())
    for _ in range(2):
        await ward.send("A40", ward.pid(), f"MRG|{prior}^^^HOSP^MR")
    survivor = await ward.one("Patient", ward.patient)
    assert [link["type"] for link in survivor["link"]] == ["replaces"]
    assert survivor["meta"]["versionId"] == "1"


@pytest.mark.parametrize("event", ["A42", "A50", "A45", "A06"])
async def test_old_number_of_a_merged_visit_means_the_survivor(ward: Ward, event: str) -> None:
    prior = unique("WV")
    await ward.send("A01", ward.pid(), ward.pv1(number=prior))
    merge = (ward.pid(), f"MRG|{ward.patient}^^^HOSP^MR||||{prior}^^^HOSP^VN", ward.pv1())
    await ward.send(event, *merge)
    await ward.send(event, *merge)
    await ward.send("A08", ward.pid(), ward.pv1(place="W2^202^1^HOSP", number=prior))
    assert await ward.places() == ["HOSP W2 202 1"]
