"""The character set that a media type tells: understood, refused, or outdone by what the message says itself."""

import httpx2
import pytest

pytestmark = pytest.mark.anyio

URL = "http://test/hl7/v2/$convert"


def named(family: str, declared: str = "") -> str:
    header = f"MSH|^~\\&|LAB|HOSP|||20240501||ADT^A28|C1|P|2.5|||||{'|' if declared else ''}{declared}"
    return f"{header}\rPID|1||1^^^HOSP^MR||{family}^ANNA\r"


async def family_of(fhir: httpx2.AsyncClient, body: bytes, type_: str) -> str:
    answer = await fhir.post(URL, content=body, headers={"content-type": type_})
    assert answer.status_code == 200, answer.text
    resources = [entry["resource"] for entry in answer.json()["entry"]]
    family: str = next(one for one in resources if one["resourceType"] == "Patient")["name"][0]["family"]
    return family


@pytest.mark.parametrize("charset", ["klingon", "base64", '""'])
async def test_a_character_set_that_nobody_knows_is_refused_by_name(fhir: httpx2.AsyncClient, charset: str) -> None:
    answer = await fhir.post(
        URL, content=named("BERG").encode(), headers={"content-type": f"text/plain; charset={charset}"}
    )
    assert answer.status_code == 415
    assert "is not understood here" in answer.json()["issue"][0]["diagnostics"]


async def test_a_message_that_says_nothing_is_read_as_its_media_type_says(fhir: httpx2.AsyncClient) -> None:
    body = named("山田").encode("shift_jis")
    assert await family_of(fhir, body, "text/plain; charset=shift_jis") == "山田"


async def test_what_the_message_says_goes_before_its_media_type(fhir: httpx2.AsyncClient) -> None:
    body = named("SÖDERBERG", "UNICODE UTF-8").encode()
    assert await family_of(fhir, body, "text/plain; charset=iso-8859-1") == "SÖDERBERG"


async def test_text_that_is_not_in_the_named_character_set_is_refused(fhir: httpx2.AsyncClient) -> None:
    body = named("SÖDERBERG").encode("iso-8859-1")
    answer = await fhir.post(URL, content=body, headers={"content-type": "text/plain; charset=utf-8"})
    assert answer.status_code == 400
    assert "not in the character set utf-8" in answer.json()["issue"][0]["diagnostics"]
