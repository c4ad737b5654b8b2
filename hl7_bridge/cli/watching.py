"""`hl7-bridge watch FOLDER`: sends the files that come into a folder.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, batch protocol)
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import httpx2

from hl7_bridge.cli.destination import opened
from hl7_bridge.cli.failure import OK
from hl7_bridge.inbound.folder import Deliver, watch
from hl7_bridge.mllp import MllpError

_PAUSE_S = 5.0


def run(arguments: argparse.Namespace) -> int:
    """Watch until Ctrl-C.

    Errors: CommandError for an address that is none
    """
    asyncio.run(_watch(arguments))
    return OK


async def _watch(arguments: argparse.Namespace) -> None:
    async with opened(arguments) as deliver:
        await watch(arguments.folder, _patient(deliver, arguments.to))


def _patient(deliver: Deliver, to: str) -> Deliver:
    """Return the same function, which tries again for as long as nobody answers: files wait, they do not fail."""

    async def delivered(message: bytes) -> Sequence[bytes]:
        while True:
            try:
                return await deliver(message)
            except (MllpError, httpx2.HTTPError) as error:
                print(f"hl7-bridge: {to} does not answer ({type(error).__name__}); trying again", file=sys.stderr)
                await asyncio.sleep(_PAUSE_S)

    return delivered
