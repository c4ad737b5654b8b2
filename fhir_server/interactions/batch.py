"""batch: independent interactions in one request; each succeeds or fails alone.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fhir_server.interactions.bundles import Entry, Room, bundle, error_entry, result_entry
from fhir_server.interactions.entries import checked_entries, entry_call
from fhir_server.interactions.env import Env
from fhir_server.kernel.call import WRITES, Call, Result
from fhir_server.kernel.errors import FhirError

Run = Callable[[Env, Call], Awaitable[Result]]

IN_FLIGHT = 32
"""Entries that run at once: they share reads and commits with each other, and leave room for other callers."""


async def batch(env: Env, call: Call, run: Run) -> Result:
    """Return the responses in the order of the entries; `run` is the one door that every interaction passes."""
    places, room = asyncio.Semaphore(IN_FLIGHT), Room(env.settings.max_bundle_answer_bytes)

    async def respond(index: int, entry: dict[str, Any]) -> Entry:
        async with places:
            try:
                inner = entry_call(env, call, index, entry)
                if inner.address.interaction in WRITES:
                    return result_entry(inner, await run(env, inner))
                room.check()
                result = await run(env, inner)
                room.take(result.body)
                return result_entry(inner, result)
            except FhirError as error:
                return error_entry(error)

    entries = checked_entries(env, call.body)
    # All come to their end, also when the code fails on one: nothing may go on behind the answer.
    ended = await asyncio.gather(
        *(respond(index, entry) for index, entry in enumerate(entries)), return_exceptions=True
    )
    return Result(200, body=bundle("batch-response", [_response(one) for one in ended]))


def _response(ended: Entry | BaseException) -> Entry:
    if isinstance(ended, BaseException):
        raise ended
    return ended
