"""One MongoDB transaction: the only loop that starts it again or repeats its commit, for a bounded time.

Spec: https://www.mongodb.com/docs/manual/core/transactions-in-applications/, https://hl7.org/fhir/R4/http.html#trules
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pymongo
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from fhir_server.kernel.errors import Conflict, FhirError, Unavailable
from fhir_server.storage import translate

Client: TypeAlias = AsyncMongoClient[dict[str, Any]]
Work: TypeAlias = Callable[[AsyncClientSession], Awaitable[None]]

_TRANSIENT = "TransientTransactionError"
_UNKNOWN = "UnknownTransactionCommitResult"
_WRITE_CONFLICTS = 8
"""Attempts that may collide with other transactions before the caller hears of a Conflict."""

_FIRST_PAUSE_S = 0.002


async def run(client: Client, work: Work, *, time_limit_s: float, slow: type[FhirError] = Unavailable) -> None:
    """Do `work` in one transaction; all of it is stored, or none.

    Errors: Conflict when others keep changing the same documents, Unavailable when the database is away (the outcome
            of a commit may then be unknown), `slow` when the work itself needs longer than the limit
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + time_limit_s
    collisions = 0
    with translate.errors(slow=slow), pymongo.timeout(time_limit_s):
        while True:
            try:
                await _attempt(client, work, deadline)
            except PyMongoError as error:
                collisions += translate.code(error) == translate.WRITE_CONFLICT
                if not error.has_error_label(_TRANSIENT):
                    raise _in_doubt(error) from None
                if collisions >= _WRITE_CONFLICTS:
                    raise Conflict("other writers keep changing the same resources") from None
                if loop.time() >= deadline:
                    raise translate.unavailable() from None
                await asyncio.sleep(_FIRST_PAUSE_S * 2 ** min(collisions, 5) * (0.5 + random.random()))
            else:
                return


async def _attempt(client: Client, work: Work, deadline: float) -> None:
    async with client.start_session() as session:
        await session.start_transaction()
        try:
            await work(session)
            await _commit(session, deadline)
        except BaseException:
            if session.in_transaction:
                # In a task of its own, with no error in hand: MongoDB has mostly aborted already, so that the driver
                # gets an error here, drops it in a ring with its frames, and would leave ours and all documents there.
                await asyncio.create_task(session.abort_transaction())
            raise


async def _commit(session: AsyncClientSession, deadline: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            return await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label(_UNKNOWN) or loop.time() >= deadline:
                raise
            await asyncio.sleep(_FIRST_PAUSE_S)


def _in_doubt(error: PyMongoError) -> PyMongoError | Unavailable:
    """Return Unavailable for a commit whose outcome nobody knows, whatever the driver called it."""
    return translate.unavailable() if error.has_error_label(_UNKNOWN) else error
