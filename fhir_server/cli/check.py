"""`fhir-server check`: does the database agree with itself?

Spec: https://hl7.org/fhir/R4/http.html#versioning
"""

import argparse
import asyncio
import os
from dataclasses import replace

from conformance.load import definitions
from fhir_server.cli.configuration import resolve_settings
from fhir_server.cli.database import opened
from fhir_server.cli.failure import FOUND, OK, CommandError
from fhir_server.kernel.errors import FhirError
from fhir_server.kernel.settings import Settings
from fhir_server.search import Search
from fhir_server.storage import open_storage


def run(arguments: argparse.Namespace) -> int:
    """Print every finding; return 1 when there is one.

    Errors: CommandError when the database cannot be used
    """
    settings = resolve_settings(arguments, os.environ).settings
    assert settings.data is not None  # as resolved
    if settings.mongo is None and not (settings.data / "WiredTiger").exists():
        raise CommandError(f"there is no database in {settings.data}: say which one with --data or --mongo")
    try:
        count = asyncio.run(_check(settings))
    except FhirError as error:
        raise CommandError(str(error)) from None
    print(f"{count} findings" if count else "no findings: the database agrees with itself")
    return FOUND if count else OK


async def _check(settings: Settings) -> int:
    count = 0
    async with opened(settings) as database:
        connected = replace(settings, mongo=database.uri)
        async with open_storage(connected, Search(definitions()).indexes, make_indexes=False) as storage:
            async for finding in storage.verify(native_copy=settings.native_copy):
                count += 1
                print(f"{finding.place}: {finding.problem}", flush=True)
    return count
