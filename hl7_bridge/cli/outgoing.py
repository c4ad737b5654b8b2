"""`hl7-bridge outgoing list | again`: messages to partners that wait, were refused or could not be made.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

import argparse
import asyncio
import sqlite3

from hl7_bridge.cli.failure import FOUND, OK, CommandError
from hl7_bridge.outbound.delivery import SqliteOutbox


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked; return 1 when there is no such message to send again.

    Errors: CommandError when there is no such queue
    """
    if arguments.what == "again" and not arguments.id:
        raise CommandError("outgoing again: say which one; `hl7-bridge outgoing list` lists them")
    if not arguments.outbox.is_file():
        raise CommandError(f"there is no queue at {arguments.outbox}")
    try:
        return asyncio.run(_do(arguments))
    except sqlite3.Error as error:
        raise CommandError(f"the queue cannot be read: {error}") from None


async def _do(arguments: argparse.Namespace) -> int:
    outbox = SqliteOutbox(arguments.outbox)
    try:
        if arguments.what == "again":
            return OK if await outbox.again(arguments.id) else FOUND
        await _list(outbox, arguments)
    finally:
        await outbox.close()
    return OK


async def _list(outbox: SqliteOutbox, arguments: argparse.Namespace) -> None:
    partners = [arguments.partner] if arguments.partner else await outbox.partners()
    for partner in partners:
        for one in await outbox.ended(partner, arguments.state, arguments.limit):
            parts = (one.control_id, one.partner, one.subject, f"{one.queued:%Y-%m-%dT%H:%M:%S%z}", one.reason)
            print("  ".join(filter(None, parts)))
