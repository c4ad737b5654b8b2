"""`hl7-bridge outgoing list | again | drop`: messages to partners that wait, were refused or could not be made.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

import argparse
import asyncio
import sqlite3
from collections.abc import Iterable, Mapping

import httpx2

from hl7_bridge.cli.failure import FOUND, OK, CommandError, unreached
from hl7_bridge.outbound.delivery import SqliteOutbox

_TIMEOUT_S = 60.0


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked of a server's queue, or of the file of a bridge that runs alone; return 1 when it has no such.

    Errors: CommandError when there is no such queue, or nobody answers
    """
    if arguments.what != "list" and not arguments.id:
        raise CommandError(f"outgoing {arguments.what}: say which one; `hl7-bridge outgoing list` lists them")
    if arguments.outbox and not arguments.outbox.is_file():
        raise CommandError(f"there is no queue at {arguments.outbox}")
    try:
        return asyncio.run(_by_file(arguments) if arguments.outbox else _by_http(arguments))
    except sqlite3.Error as error:
        raise CommandError(f"the queue cannot be read: {error}") from None
    except httpx2.ConnectError as error:
        raise CommandError(unreached(arguments.server, str(error), "--outbox")) from None
    except httpx2.HTTPError as error:
        raise CommandError(f"not done: {error}") from None


async def _by_http(arguments: argparse.Namespace) -> int:
    async with httpx2.AsyncClient(base_url=arguments.server.rstrip("/") + "/", timeout=_TIMEOUT_S) as client:
        if arguments.what != "list":
            answer = await client.post(f"outgoing/{arguments.id}/${arguments.what}")
            if answer.status_code == httpx2.codes.NOT_FOUND:
                return FOUND
            answer.raise_for_status()
            return OK
        asked = {"state": arguments.state, "_count": str(arguments.limit)}
        params = asked | ({"partner": arguments.partner} if arguments.partner else {})
        answer = (await client.get("outgoing", params=params)).raise_for_status()
        _print(answer.json()["outgoing"])
    return OK


async def _by_file(arguments: argparse.Namespace) -> int:
    outbox = SqliteOutbox(arguments.outbox)
    try:
        match arguments.what:
            case "again":
                return OK if await outbox.again(arguments.id) else FOUND
            case "drop":
                return OK if await outbox.drop(arguments.id) else FOUND
        partners = [arguments.partner] if arguments.partner else await outbox.partners()
        for partner in partners:
            found = await outbox.ended(partner, arguments.state, arguments.limit)
            _print(
                {"id": one.control_id, "partner": one.partner, "subject": one.subject,
                 "queued": one.queued.isoformat(), "reason": one.reason}
                for one in found
            )  # fmt: skip
    finally:
        await outbox.close()
    return OK


def _print(messages: Iterable[Mapping[str, str]]) -> None:
    for one in messages:
        parts = (one["id"], one["partner"], one["subject"], one["queued"], one["reason"])
        print("  ".join(filter(None, parts)))
