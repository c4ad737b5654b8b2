"""Where messages are sent: an MLLP listener, or a server's `POST /hl7/v2`.

Spec: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

import argparse
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2

from hl7_bridge.cli.failure import CommandError
from hl7_bridge.inbound.folder import Deliver
from hl7_bridge.mllp import Client, client_context

_TIMEOUT_S = 60.0
_ER7 = "x-application/hl7-v2+er7"


@asynccontextmanager
async def opened(arguments: argparse.Namespace) -> AsyncIterator[Deliver]:
    """Give the function that delivers a message to what `--to` names.

    Errors: CommandError for an address that is none; the function raises MllpError or httpx2.HTTPError
    """
    parts = urlsplit(arguments.to)
    if parts.scheme in ("http", "https"):
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S) as client:
            yield _by_http(client, arguments.to)
    elif parts.scheme in ("mllp", "mllps") and parts.hostname:
        tls = _tls(arguments) if parts.scheme == "mllps" else None
        async with Client(parts.hostname, parts.port or 2575, tls=tls, timeout=_TIMEOUT_S) as client:
            yield _by_mllp(client)
    else:
        raise CommandError(f"--to {arguments.to}: write mllp://HOST:PORT, mllps://HOST:PORT or http://HOST/hl7/v2")


def _by_http(client: httpx2.AsyncClient, url: str) -> Deliver:
    async def deliver(message: bytes) -> Sequence[bytes]:
        answer = await client.post(url, content=message, headers={"Content-Type": _ER7})
        return [answer.content]

    return deliver


def _by_mllp(client: Client) -> Deliver:
    async def deliver(message: bytes) -> Sequence[bytes]:
        return [(await client.send(message, final=True)).raw]

    return deliver


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext:
    try:
        return client_context(authorities=arguments.ca, certificate=arguments.certificate, key=arguments.key)
    except (OSError, ssl.SSLError) as error:
        raise CommandError(f"the certificates cannot be used: {type(error).__name__}") from None
