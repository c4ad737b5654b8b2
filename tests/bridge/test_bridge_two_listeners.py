"""Two listening processes over one database: what one of them takes, the other cannot."""

import asyncio

import pytest

from fhir_server.bridge.bridge import Bridge, opened_bridge
from fhir_server.http.metrics import build_metrics
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import opened_env
from tests.hl7_bridge.made import message, unique

pytestmark = pytest.mark.anyio

_ROUNDS = 8


def booking(doctor: str) -> bytes:
    return message(
        f"SCH||{unique('A')}^PLAN|||||||30|min|^^^203004100900+0200",
        f"PID|1||{unique('P')}^^^HOSP^MR||DOE^JANE",
        "RGS|1",
        f"AIP|1||{doctor}^HOUSE^GREG^^^^^^HOSP",
        type_="SIU^S12^SIU_S12",
        control_id=unique("B"),
        sender="PLAN|HOSP",
    )


async def answer(bridge: Bridge, raw: bytes) -> bytes:
    [ack] = await bridge.inbound.handle(raw)
    return ack.partition(b"MSA|")[2][:2]


async def test_the_same_time_is_booked_once_whichever_process_hears_of_it(mongo_uri: str, database_name: str) -> None:
    settings = Settings(mongo=mongo_uri, database=f"{database_name}_listeners")
    async with opened_env(settings, build_metrics()) as one, opened_env(settings, build_metrics()) as other:
        async with opened_bridge(one, lambda _: None) as first, opened_bridge(other, lambda _: None) as second:
            for _ in range(_ROUNDS):
                doctor = unique("DR")
                # Both know the doctor: who is new can be taken by nobody.
                assert await answer(first, booking(doctor).replace(b"0410", b"0409")) == b"AA"
                outcomes = await asyncio.gather(*(answer(bridge, booking(doctor)) for bridge in (first, second)))
                assert sorted(outcomes) == [b"AA", b"AE"]
        await one.storage.database.client.drop_database(settings.database)
