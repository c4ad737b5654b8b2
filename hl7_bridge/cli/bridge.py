"""`hl7-bridge --fhir URL --mllp PORT`: the bridge alone, in front of any FHIR server.

Spec: https://hl7.org/fhir/R4/http.html
"""

import argparse
import asyncio
import logging
import signal
import ssl
import sys

from hl7_bridge.alone import run as run_bridge
from hl7_bridge.cli.failure import OK, CommandError
from hl7_bridge.mapping.errors import MapError
from hl7_bridge.outbound.delivery import PartnersError
from hl7_bridge.ports import StoreError
from hl7_bridge.settings import Settings


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM.

    Errors: CommandError with one line that says what is wrong
    """
    if arguments.mllp is None and arguments.folder is None and arguments.partners is None:
        raise CommandError("nothing to do: give --mllp PORT, --folder FOLDER or --partners FILE")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = Settings(
        fhir=arguments.fhir,
        token=arguments.token,
        journal=arguments.journal,
        host=arguments.host,
        port=arguments.mllp,
        certificate=arguments.certificate,
        key=arguments.key,
        client_ca=arguments.client_ca,
        zone=arguments.zone,
        charset=arguments.charset,
        maps=tuple(arguments.maps),
        folder=arguments.folder,
        partners=arguments.partners,
    )
    try:
        asyncio.run(_until_signal(settings))
    except (StoreError, MapError, PartnersError, OSError, ssl.SSLError) as error:
        raise CommandError(f"the bridge does not start: {error}") from None
    return OK


async def _until_signal(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_bridge(settings, stop)
