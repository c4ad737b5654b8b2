"""POST /hl7/v2: messages do what they mean, once, and what cannot be processed waits for a person."""

import asyncio
from typing import Any

import httpx2
import pytest

from hl7_bridge.er7 import Message, parse
from tests.hl7_bridge.made import ER7, admission, merge, message, report, unique

pytestmark = pytest.mark.anyio

URL = "http://test/hl7/v2"
SYSTEM = "urn:hl7v2:authority:HOSP"


async def send(fhir: httpx2.AsyncClient, raw: bytes, url: str = URL) -> httpx2.Response:
    return await fhir.post(url, content=raw, headers={"content-type": ER7})


async def accepted(fhir: httpx2.AsyncClient, raw: bytes) -> Message:
    answer = await send(fhir, raw)
    assert answer.status_code == 200, answer.text
    ack = parse(answer.content)
    assert told(ack) == "AA", answer.text
    return ack


def told(ack: Message) -> str:
    segment = ack.first("MSA")
    assert segment is not None
    return segment.value(1)


async def found(fhir: httpx2.AsyncClient, query: str) -> list[dict[str, Any]]:
    bundle = (await fhir.get(f"/{query}")).raise_for_status().json()
    return [entry["resource"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"]


async def patient(fhir: httpx2.AsyncClient, value: str) -> dict[str, Any]:
    [one] = await found(fhir, f"Patient?identifier={SYSTEM}|{value}")
    return one


async def newest(fhir: httpx2.AsyncClient) -> object:
    """Return what was stored last; the number of all versions is not told when there are very many."""
    return (await fhir.get("/_history?_count=1")).raise_for_status().json().get("entry")


async def dead(fhir: httpx2.AsyncClient, control_id: str) -> list[dict[str, Any]]:
    letters = (await fhir.get(f"{URL}/dead-letters?_count=1000")).raise_for_status().json()["deadLetters"]
    return [letter for letter in letters if letter["controlId"] == control_id]


async def test_a_message_is_stored_and_acknowledged(fhir: httpx2.AsyncClient) -> None:
    id_, control = unique("st"), unique("C")
    ack = await accepted(fhir, admission(id_, control_id=control))
    assert ack.first("MSA").value(2) == control  # type: ignore[union-attr]  # told() has found it
    one = await patient(fhir, id_)
    assert one["birthDate"] == "1980-01-01"
    [encounter] = await found(fhir, f"Encounter?subject=Patient/{one['id']}")
    assert encounter["subject"]["reference"] == f"Patient/{one['id']}"


async def test_every_message_leaves_its_text_and_a_provenance_of_all_it_changed(fhir: httpx2.AsyncClient) -> None:
    id_ = unique("pr")
    raw = admission(id_, control_id=unique("C"))
    await accepted(fhir, raw)
    one = await patient(fhir, id_)
    [provenance] = await found(fhir, f"Provenance?target=Patient/{one['id']}")
    assert provenance["occurredDateTime"].startswith("2024-05-01T10:00:00")
    kept = (await fhir.get(f"/{provenance['entity'][0]['what']['reference']}")).raise_for_status().json()
    assert kept["content"][0]["attachment"]["size"] == len(raw)


async def test_a_repeated_message_gets_the_same_acknowledgement_and_changes_nothing(fhir: httpx2.AsyncClient) -> None:
    raw = admission(unique("rp"), control_id=unique("C"))
    first = await send(fhir, raw)
    before = await newest(fhir)
    again = await send(fhir, raw)
    assert again.content == first.content
    assert await newest(fhir) == before


async def test_the_same_control_id_with_another_body_is_processed_with_a_warning(fhir: httpx2.AsyncClient) -> None:
    id_, control = unique("ob"), unique("C")
    await accepted(fhir, admission(id_, control_id=control))
    ack = await accepted(fhir, admission(id_, control_id=control, name="DOE^JOAN", at="20240502100000+0000"))
    [warning] = ack.every("ERR")
    assert (warning.value(2), warning.value(2, 3), warning.value(4)) == ("MSH", "10", "W")
    assert (await patient(fhir, id_))["name"][0]["given"] == ["JOAN"]


async def test_absent_stays_and_null_deletes(fhir: httpx2.AsyncClient) -> None:
    id_ = unique("nl")
    await accepted(fhir, admission(id_, control_id=unique("C"), address="1 MAIN ST^^TOWN"))
    await accepted(fhir, admission(id_, control_id=unique("C"), born='""', at="20240502100000+0000", trigger="A08"))
    one = await patient(fhir, id_)
    assert "birthDate" not in one
    assert one["address"][0]["city"] == "TOWN"


async def test_an_older_event_does_not_overwrite_what_a_newer_one_said(fhir: httpx2.AsyncClient) -> None:
    id_ = unique("old")
    await accepted(fhir, admission(id_, control_id=unique("C"), name="DOE^NEW", at="20240503100000+0000"))
    ack = await accepted(fhir, admission(id_, control_id=unique("C"), name="DOE^OLD", at="20240502100000+0000"))
    assert (await patient(fhir, id_))["name"][0]["given"] == ["NEW"]
    assert ack.every("ERR")[0].value(4) == "W"


async def test_an_event_between_that_changed_nothing_counts_as_newer_too(fhir: httpx2.AsyncClient) -> None:
    id_ = unique("bt")
    for day, given in (("1", "A"), ("3", "A"), ("2", "B")):
        raw = admission(id_, control_id=unique("C"), name=f"DOE^{given}", at=f"2024050{day}100000+0000")
        await accepted(fhir, raw)
    one = await patient(fhir, id_)
    assert one["name"][0]["given"] == ["A"]
    assert one["meta"]["versionId"] == "1"


async def test_a_correction_makes_a_new_version_of_the_same_observation(fhir: httpx2.AsyncClient) -> None:
    id_, order = unique("co"), unique("O")
    await accepted(fhir, report(id_, order, "4.1", control_id=unique("C"), status="P"))
    corrected = report(id_, order, "4.4", control_id=unique("C"), status="C", at="20240501110000+0000")
    await accepted(fhir, corrected)
    one = await patient(fhir, id_)
    [observation] = await found(fhir, f"Observation?subject=Patient/{one['id']}")
    assert (observation["valueQuantity"]["value"], observation["meta"]["versionId"]) == (4.4, "2")


async def test_a_merge_retires_the_prior_patient_and_moves_all_that_refers_to_it(fhir: httpx2.AsyncClient) -> None:
    prior, survivor = unique("mp"), unique("ms")
    await accepted(fhir, admission(prior, control_id=unique("C")))
    await accepted(fhir, report(prior, unique("O"), "4.1", control_id=unique("C")))
    old = await patient(fhir, prior)
    await accepted(fhir, admission(survivor, control_id=unique("C")))
    new = await patient(fhir, survivor)
    await accepted(fhir, merge(survivor, prior, control_id=unique("C")))
    old, new = [(await fhir.get(f"/Patient/{one['id']}")).json() for one in (old, new)]
    assert old["active"] is False
    assert old["link"] == [{"other": {"reference": f"Patient/{new['id']}"}, "type": "replaced-by"}]
    assert new["link"] == [{"other": {"reference": f"Patient/{old['id']}"}, "type": "replaces"}]
    assert {"old"} == {one.get("use") for one in new["identifier"] if one["value"] == prior}
    for type_ in ("Encounter", "Observation", "DiagnosticReport"):
        assert await found(fhir, f"{type_}?subject=Patient/{old['id']}") == []
        assert await found(fhir, f"{type_}?subject=Patient/{new['id']}")


async def test_a_message_about_a_merged_patient_is_about_the_survivor(fhir: httpx2.AsyncClient) -> None:
    prior, survivor = unique("mp"), unique("ms")
    for id_ in (prior, survivor):
        await accepted(fhir, admission(id_, control_id=unique("C")))
    old = await patient(fhir, prior)
    for _ in range(2):  # the second time the store knows it already
        await accepted(fhir, merge(survivor, prior, control_id=unique("C")))
    await accepted(fhir, report(prior, unique("O"), "4.1", control_id=unique("C"), at="20240701100000+0000"))
    new = await patient(fhir, survivor)
    assert await found(fhir, f"Observation?subject=Patient/{new['id']}")
    assert (await fhir.get(f"/Patient/{old['id']}")).json()["active"] is False
    assert new.get("active") is not False


async def test_two_matches_are_quarantined_and_nothing_is_stored(fhir: httpx2.AsyncClient) -> None:
    id_, control = unique("am"), unique("C")
    for _ in range(2):
        twin = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": id_}]}
        (await fhir.post("/Patient", json=twin)).raise_for_status()
    before = await newest(fhir)
    answer = await send(fhir, admission(id_, control_id=control))
    ack = parse(answer.content)
    [error] = ack.every("ERR")
    assert (answer.status_code, told(ack)) == (422, "AE")
    assert (error.value(2), error.value(2, 3), error.value(3)) == ("PID", "3", "205")
    assert await newest(fhir) == before
    [letter] = await dead(fhir, control)
    assert (letter["code"], letter["place"]) == ("205", "PID-3")


async def test_a_dead_letter_can_be_read_corrected_and_replayed(fhir: httpx2.AsyncClient) -> None:
    id_, control = unique("dl"), unique("C")
    good = admission(id_, control_id=control)
    bad = b"\r".join(line for line in good.split(b"\r") if not line.startswith(b"PID"))
    answer = await send(fhir, bad)
    assert told(parse(answer.content)) == "AE"
    [letter] = await dead(fhir, control)
    url = f"{URL}/dead-letters/{letter['id']}"
    shown = (await fhir.get(url)).json()
    assert shown["message"].startswith("MSH|")
    assert "PID" not in shown["message"]
    assert (await fhir.get(url, headers={"accept": ER7})).content == bad
    again = await fhir.post(f"{url}/$replay")
    assert told(parse(again.content)) == "AE"
    assert (await fhir.put(url, content=good, headers={"content-type": ER7})).status_code == 204
    replayed = await fhir.post(f"{url}/$replay")
    assert (replayed.status_code, told(parse(replayed.content))) == (200, "AA")
    assert await dead(fhir, control) == []
    assert (await patient(fhir, id_))["birthDate"] == "1980-01-01"


async def test_the_sender_s_repetition_of_a_dead_letter_is_tried_again(fhir: httpx2.AsyncClient) -> None:
    id_, control = unique("rt"), unique("C")
    twins = []
    for _ in range(2):
        twin = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": id_}]}
        twins.append((await fhir.post("/Patient", json=twin)).raise_for_status().json()["id"])
    raw = admission(id_, control_id=control)
    assert told(parse((await send(fhir, raw)).content)) == "AE"
    (await fhir.delete(f"/Patient/{twins[0]}")).raise_for_status()
    await accepted(fhir, raw)
    assert await dead(fhir, control) == []


async def test_unknown_dead_letters_are_not_found(fhir: httpx2.AsyncClient) -> None:
    url = f"{URL}/dead-letters/none"
    answers = [
        await fhir.get(url),
        await fhir.put(url, content=b"MSH|", headers={"content-type": ER7}),
        await fhir.post(f"{url}/$replay"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


@pytest.mark.parametrize("count", ["0", "x", "1001", "-1"])
async def test_a_bad_count_of_dead_letters_is_named(fhir: httpx2.AsyncClient, count: str) -> None:
    answer = await fhir.get(f"{URL}/dead-letters?_count={count}")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["_count"]


async def test_an_unsupported_message_is_rejected(fhir: httpx2.AsyncClient) -> None:
    answer = await send(fhir, message(type_="XYZ^X01", control_id=unique("C")))
    assert (answer.status_code, told(parse(answer.content))) == (400, "AR")


@pytest.mark.parametrize("raw", [b"", b"hello", b"\x00\xff\x0b\x1c", b"MSH", b"MSH|", b"PID|1\r", b"{}"])
async def test_what_is_no_message_is_refused_and_kept(fhir: httpx2.AsyncClient, raw: bytes) -> None:
    answer = await send(fhir, raw)
    assert answer.status_code in (400, 422)
    assert told(parse(answer.content)) in ("AE", "AR", "CR")


async def test_concurrent_messages_about_a_new_patient_make_one_patient(fhir: httpx2.AsyncClient) -> None:
    id_ = unique("cc")
    raws = [report(id_, unique("O"), "4.1", control_id=unique("C")) for _ in range(20)]
    await asyncio.gather(*(accepted(fhir, raw) for raw in raws))
    one = await patient(fhir, id_)
    assert len(await found(fhir, f"Observation?subject=Patient/{one['id']}")) == 20


async def test_concurrent_messages_of_many_patients_make_one_of_what_they_share(fhir: httpx2.AsyncClient) -> None:
    for _ in range(3):
        ward = unique("WARD")
        raws = [admission(unique("sh"), control_id=unique("C"), ward=f"{ward}^1^1^HOSP") for _ in range(24)]
        await asyncio.gather(*(accepted(fhir, raw) for raw in raws))
        encounters = await found(fhir, f"Encounter?_count=100&location.name={ward}")
        places = {one["location"][0]["location"]["reference"] for one in encounters}
        assert (len(encounters), len(places)) == (24, 1)


async def test_a_message_that_arrives_twice_at_the_same_moment_is_processed_once(fhir: httpx2.AsyncClient) -> None:
    id_ = unique("tw")
    raw = admission(id_, control_id=unique("C"))
    acks = await asyncio.gather(*(accepted(fhir, raw) for _ in range(5)))
    assert len({ack.raw for ack in acks}) == 1
    one = await patient(fhir, id_)
    assert len(await found(fhir, f"Provenance?target=Patient/{one['id']}")) == 1


async def test_enhanced_mode_gets_what_it_asks_for(fhir: httpx2.AsyncClient) -> None:
    raw = admission(unique("em"), control_id=unique("C")).replace(b"|P|2.5.1\r", b"|P|2.5.1|||NE|NE\r")
    answer = await send(fhir, raw)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await send(fhir, raw)).status_code == 204


async def test_convert_answers_the_bundle_and_stores_nothing(fhir: httpx2.AsyncClient) -> None:
    before = await newest(fhir)
    answer = await send(fhir, admission(unique("cv"), control_id=unique("C")), f"{URL}/$convert")
    bundle = answer.raise_for_status().json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    assert answer.headers["content-type"] == "application/fhir+json"
    assert await newest(fhir) == before


async def test_a_converted_bundle_is_a_transaction_that_this_server_takes(fhir: httpx2.AsyncClient) -> None:
    id_ = unique("tx")
    bundle = (await send(fhir, admission(id_, control_id=unique("C")), f"{URL}/$convert")).json()
    (await fhir.post("", json=bundle)).raise_for_status()
    assert await patient(fhir, id_)


@pytest.mark.parametrize(
    ("raw", "status", "place"),
    [
        (b"hello", 400, "MSH"),
        (message(type_="XYZ^X01", control_id="1"), 422, "MSH-9"),
        (message("EVN|A01", type_="ADT^A01", control_id="1"), 422, "PID"),
        (admission("1", control_id="1", born="19801399"), 422, "PID-7"),
    ],
)
async def test_what_cannot_be_converted_is_told_with_its_place(
    fhir: httpx2.AsyncClient, raw: bytes, status: int, place: str
) -> None:
    answer = await send(fhir, raw, f"{URL}/$convert")
    assert answer.status_code == status
    [issue] = answer.json()["issue"]
    assert issue["expression"][0].startswith(place)
    assert "1399" not in answer.text


@pytest.mark.parametrize("path", ["", "/$convert"])
async def test_another_content_type_is_refused(fhir: httpx2.AsyncClient, path: str) -> None:
    answer = await fhir.post(f"{URL}{path}", content=b"{}", headers={"content-type": "application/json"})
    assert answer.status_code == 415


async def test_plain_text_is_taken(fhir: httpx2.AsyncClient) -> None:
    raw = admission(unique("pt"), control_id=unique("C"))
    answer = await fhir.post(URL, content=raw, headers={"content-type": "text/plain; charset=utf-8"})
    assert told(parse(answer.content)) == "AA"


async def test_a_message_over_the_limit_is_refused(fhir: httpx2.AsyncClient) -> None:
    answer = await send(fhir, b"MSH|" + b"x" * 10_000_001)
    assert answer.status_code == 413


async def test_messages_are_counted_by_sender_and_result(fhir: httpx2.AsyncClient) -> None:
    await accepted(fhir, admission(unique("mt"), control_id=unique("C")))
    figures = (await fhir.get("http://test/metrics")).text
    assert 'hl7_messages_total{result="accepted",sender="LAB|HOSP"}' in figures


async def test_a_result_that_could_not_be_obtained_at_first_has_its_value_in_the_end(fhir: httpx2.AsyncClient) -> None:
    id_, order = unique("na"), unique("NA")
    for value, status, at in (("QNS", "X", "20240501110000+0000"), ("4.1", "C", "20240501120000+0000")):
        raw = report(id_, order, value, control_id=unique("C"), status=status, at=at)
        await accepted(fhir, raw)
        [result] = await found(fhir, f"Observation?subject:Patient.identifier={SYSTEM}|{id_}")
        assert ("dataAbsentReason" in result, "valueQuantity" in result) == (value == "QNS", value == "4.1")
