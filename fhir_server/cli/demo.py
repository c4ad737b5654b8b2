"""`fhir-server demo`: the server with a generated clinic in a private folder, and three requests worth trying.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

import argparse
import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fhir_server.cli.configuration import resolve_settings
from fhir_server.cli.failure import OK, CommandError
from fhir_server.cli.listening import base_url, origin, refuse_open_door
from fhir_server.cli.loopback import Answer, exchange
from fhir_server.cli.serve import serve
from fhir_server.demo import ORGANIZATION, clinic
from fhir_server.demo.drafting import IDENTIFIERS
from fhir_server.kernel.fhir_json import decode_stored, encode
from fhir_server.kernel.settings import Settings
from fhir_server.storage.embedded import EmbeddedError
from fhir_server.storage.embedded.folder import occupy

_FOLDER = Path(".demo")
_MARK = "fhir-server-demo"
"""An empty file that says that a folder was made by the demo: only such a folder is ever thrown away."""


def run(arguments: argparse.Namespace) -> int:
    """Serve the demo until a signal; the clinic is loaded on the first start only.

    Errors: CommandError with one line that says what to do
    """
    settings = _settings(arguments, os.environ)
    refuse_open_door(settings)
    if arguments.reset:
        _reset(settings)
    if settings.mongo is None and settings.data is not None:
        _mark(settings.data)
    serve(settings, partial(_welcome, seed=arguments.seed))
    return OK


def _settings(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Return the settings in force, but in a folder, with a log for people and all searches, unless otherwise asked."""
    resolved = resolve_settings(arguments, environ)
    own: dict[str, Any] = {"data": _FOLDER.resolve(), "log_format": "text", "log_level": "warning"}
    own["search_content"] = True
    asked = {name for name, source in resolved.sources.items() if source != "default"}
    return replace(resolved.settings, **{name: value for name, value in own.items() if name not in asked})


def _mark(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            (folder / _MARK).touch()
    except OSError as error:
        raise CommandError(f"{folder} cannot be used: {error.strerror}; choose another folder with --data") from None


def _reset(settings: Settings) -> None:
    """Throw the demo's folder away, if it is one and nobody uses it."""
    folder = settings.data
    if settings.mongo is not None or folder is None:
        raise CommandError("--reset empties only the demo's own folder: leave --mongo out")
    if not folder.exists():
        return
    if not (folder / _MARK).exists():
        raise CommandError(f"{folder} was not made by the demo and is left alone: remove it yourself, or choose --data")
    asyncio.run(_remove(folder))


async def _remove(folder: Path) -> None:
    try:
        owned = await occupy(folder)
    except EmbeddedError as error:
        raise CommandError(str(error)) from None
    try:
        shutil.rmtree(folder)
    finally:
        owned.release()


async def _welcome(settings: Settings, *, seed: int) -> None:
    """Load the clinic unless it is there, then say what there is to see."""
    today = _today()
    await asyncio.to_thread(_load_once, f"{origin(settings)}/fhir", seed, today)
    url = base_url(settings)
    print(f"ready {url}\n{_GUIDE.format(url=url, today=today)}", flush=True)


def _load_once(url: str, seed: int, today: date) -> None:
    found = exchange("GET", f"{url}/Organization?identifier={quote(IDENTIFIERS)}organization%7C{ORGANIZATION}")
    _expect_ok(found, "the clinic could not be looked up")
    if not decode_stored(found.body).get("entry"):
        print("loading a small clinic …", flush=True)
        _expect_ok(exchange("POST", url, encode(clinic(seed, today))), "the clinic could not be loaded")


def _expect_ok(answer: Answer, failure: str) -> None:
    if answer.status != HTTPStatus.OK:
        raise CommandError(f"{failure} (status {answer.status}): see the log above")


def _today() -> date:
    return datetime.now(UTC).date()  # noqa: TID251 - the demo's own clock: it decides where the diary begins


_GUIDE = """
Worth trying, in another terminal:
  curl '{url}/Patient?_count=3&_pretty=true'
  curl '{url}/Appointment?date=ge{today}&_sort=date&_include=Appointment:patient&_pretty=true'
  curl '{url}/Observation?code=http://loinc.org|8867-4&_sort=-date&_count=5&_pretty=true'

What the server can do: {url}/metadata
Ctrl-C stops it; the data stays for the next start (--reset starts over)."""
