"""`hl7-bridge dead list | show | edit | replay`: dead letters of a server, or of a bridge that runs alone.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, error handling)
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any, TextIO

import httpx2

from hl7_bridge.alone import opened
from hl7_bridge.cli.failure import FOUND, OK, CommandError, unreached
from hl7_bridge.inbound.folder import code_of
from hl7_bridge.journal import SqliteJournal
from hl7_bridge.ports import Journal, StoreError
from hl7_bridge.replay import DeadLetters, readable, summary
from hl7_bridge.settings import Settings

_ER7 = "x-application/hl7-v2+er7"
_TIMEOUT_S = 60.0


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked; return 1 when a replayed message failed again.

    Errors: CommandError when there is no such letter, or nobody answers
    """
    if arguments.what in ("show", "edit") and not arguments.id:
        raise CommandError(f"dead {arguments.what}: say which one; `hl7-bridge dead list` lists them")
    if arguments.what == "edit" and arguments.file is None:
        raise CommandError("dead edit ID FILE: name the file that holds the corrected message")
    try:
        return asyncio.run(_by_file(arguments) if arguments.journal else _by_http(arguments))
    except httpx2.ConnectError as error:
        raise CommandError(unreached(arguments.server, str(error), "--journal")) from None
    except (httpx2.HTTPError, StoreError) as error:
        raise CommandError(f"not done: {error}") from None
    except OSError as error:
        raise CommandError(f"a file cannot be read: {error.strerror}") from None


async def _by_http(arguments: argparse.Namespace) -> int:
    async with httpx2.AsyncClient(base_url=arguments.server.rstrip("/") + "/", timeout=_TIMEOUT_S) as client:
        path = f"dead-letters/{arguments.id}"
        match arguments.what:
            case "list":
                _print_list(await _listed(client, arguments))
            case "show":
                letter = (await _asked(client, "GET", path)).json()
                print(letter.pop("message"))
                _print_list([letter], sys.stderr)
            case "edit":
                await _asked(client, "PUT", path, content=arguments.file.read_bytes(), headers={"Content-Type": _ER7})
            case _:
                ids = [arguments.id] if arguments.id else [one["id"] for one in await _listed(client, arguments)]
                answers = [await client.post(f"dead-letters/{id_}/$replay") for id_ in ids]
                return _replayed(ids, [answer.content for answer in answers])
    return OK


async def _listed(client: httpx2.AsyncClient, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    params = {"_count": "1000", **({"sender": arguments.sender} if arguments.sender else {})}
    found: list[dict[str, Any]] = (await _asked(client, "GET", "dead-letters", params=params)).json()["deadLetters"]
    return found


async def _asked(client: httpx2.AsyncClient, method: str, path: str, **more: Any) -> httpx2.Response:
    answer = await client.request(method, path, **more)
    if answer.status_code == httpx2.codes.NOT_FOUND:
        raise CommandError("there is no such dead letter")
    answer.raise_for_status()
    return answer


async def _by_file(arguments: argparse.Namespace) -> int:
    if arguments.what == "replay":
        return await _replay_alone(arguments)
    journal = SqliteJournal(_existing(arguments.journal))
    try:
        return await _read_or_edit(journal, arguments)
    finally:
        await journal.close()


async def _read_or_edit(journal: Journal, arguments: argparse.Namespace) -> int:
    match arguments.what:
        case "list":
            letters = await journal.dead_letters(sender=arguments.sender, limit=1000)
            _print_list([summary(letter) for letter in letters])
        case "show":
            letter = await journal.get(arguments.id)
            if letter is None:
                raise CommandError("there is no such dead letter")
            print(readable(letter))
            _print_list([summary(letter)], sys.stderr)
        case _:
            if not await journal.edit(arguments.id, arguments.file.read_bytes()):
                raise CommandError("there is no such dead letter")
    return OK


async def _replay_alone(arguments: argparse.Namespace) -> int:
    if not arguments.fhir:
        raise CommandError("dead replay --journal FILE: name the FHIR server with --fhir URL")
    settings = Settings(
        fhir=arguments.fhir,
        token=arguments.token,
        journal=_existing(arguments.journal),
        zone=arguments.zone,
        charset=arguments.charset,
        maps=tuple(arguments.maps),
    )
    async with opened(settings) as inbound:
        dead = DeadLetters(inbound)
        ids = (
            [arguments.id] if arguments.id else [one.id for one in await dead.all(sender=arguments.sender, limit=1000)]
        )
        taken = [await dead.replay(id_) for id_ in ids]
    if None in taken:
        raise CommandError("there is no such dead letter")
    return _replayed(ids, [one.acks[-1] if one is not None and one.acks else b"" for one in taken])


def _replayed(ids: list[str], answers: list[bytes]) -> int:
    codes = [code_of(answer) or "not replayed" for answer in answers]
    for id_, code in zip(ids, codes, strict=True):
        print(f"{id_} {code}")
    return OK if all(code in ("AA", "CA") for code in codes) else FOUND


def _print_list(letters: list[dict[str, Any]], where: TextIO = sys.stdout) -> None:
    for one in letters:
        edited = " (edited)" if one["edited"] else ""
        print(
            f"{one['id']} {one['received'][:19]} {one['sender']} {one['type']} {one['controlId']}{edited}", file=where
        )
        print(f"    {one['code']} {one['place']} {one['reason']}".rstrip(), file=where)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise CommandError(f"there is no journal {path}")
    return path
