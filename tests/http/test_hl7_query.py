"""QBP over HTTP: patients are found, and nothing is changed or kept."""

import httpx2
import pytest

from hl7_bridge.er7 import Message, parse
from tests.hl7_bridge.made import ER7, admission, message, unique

pytestmark = pytest.mark.anyio

URL = "http://test/hl7/v2"


async def send(fhir: httpx2.AsyncClient, raw: bytes) -> Message:
    return parse((await fhir.post(URL, content=raw, headers={"content-type": ER7})).content)


def query(trigger: str, asked: str, limit: str = "") -> bytes:
    segments = (f"QPD|{trigger}^x|T1|{asked}", f"RCP|I|{limit}")
    return message(*segments, type_=f"QBP^{trigger}^QBP_Q21", control_id=unique("Q"))


def value(answer: Message, segment: str, *place: int) -> str:
    found = answer.first(segment)
    assert found is not None
    return found.value(*place)


async def test_a_person_is_found_by_identifier(fhir: httpx2.AsyncClient) -> None:
    id_ = unique("qi")
    await send(fhir, admission(id_, control_id=unique("C")))
    answer = await send(fhir, query("Q21", f"{id_}^^^HOSP^MR"))
    assert (answer.type, answer.trigger) == ("RSP", "K21")
    assert (value(answer, "MSA", 1), value(answer, "QAK", 2), value(answer, "QAK", 4)) == ("AA", "OK", "1")
    assert (value(answer, "PID", 3), value(answer, "PID", 5), value(answer, "PID", 7)) == (id_, "DOE", "19800101")


async def test_an_unknown_person_is_an_error_and_no_dead_letter(fhir: httpx2.AsyncClient) -> None:
    raw = query("Q23", f"{unique('qn')}^^^HOSP^MR")
    answer = await send(fhir, raw)
    assert (value(answer, "MSA", 1), value(answer, "ERR", 3)) == ("AE", "204")
    letters = (await fhir.get(f"{URL}/dead-letters?_count=1000")).json()["deadLetters"]
    assert parse(raw).control_id not in {letter["controlId"] for letter in letters}


async def test_persons_are_found_by_demographics_up_to_a_limit(fhir: httpx2.AsyncClient) -> None:
    family = unique("QUERYNAME")
    for _ in range(3):
        await send(fhir, admission(unique("qd"), control_id=unique("C"), name=f"{family}^A"))
    answer = await send(fhir, query("Q22", f"@PID.5.1^{family}", limit="2^RD"))
    assert [one.value(5) for one in answer.every("PID")] == [family, family]
    nobody = await send(fhir, query("Q22", f"@PID.5.1^{unique('NOBODY')}"))
    assert (value(nobody, "MSA", 1), value(nobody, "QAK", 2)) == ("AA", "NF")


async def test_a_query_that_cannot_be_understood_names_the_place(fhir: httpx2.AsyncClient) -> None:
    answer = await send(fhir, query("Q22", "@PID.99.1^X"))
    assert (value(answer, "MSA", 1), value(answer, "ERR", 2), value(answer, "ERR", 2, 3)) == ("AE", "QPD", "3")
    other = await send(fhir, message("QPD|Z99^x|T1", type_="QBP^Z99", control_id=unique("Q")))
    assert value(other, "MSA", 1) == "AR"
