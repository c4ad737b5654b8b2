"""A Bundle that is sent while it is read: its text in pieces, and the sending, which waits for the client.

Spec: https://hl7.org/fhir/R4/bundle.html, https://www.rfc-editor.org/rfc/rfc9112#section-8 (incomplete messages)
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.types import Receive, Send

from fhir_server.http.outcome import Headers
from fhir_server.kernel.call import Stream
from fhir_server.kernel.fhir_json import encode, pretty

Pieces = AsyncGenerator[bytes, None]

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


async def compact_text(stream: Stream) -> Pieces:
    """Yield the text of a Bundle, without white space."""
    yield encode(stream.head).removesuffix(b"}")
    lead, end = b',"entry":[', b"}"
    async with aclosing(stream.entries) as batches:
        async for entries in batches:
            if entries:
                yield lead + b",".join(entries)
                lead, end = b",", b"]}"
    yield end


async def pretty_text(stream: Stream) -> Pieces:
    """Yield the text of a Bundle with the indentation that `pretty` gives to a whole one."""
    yield pretty(encode(stream.head)).removesuffix(b"\n}")
    lead, end = b',\n  "entry": [\n    ', b"\n}"
    async with aclosing(stream.entries) as batches:
        async for entries in batches:
            if entries:
                # A line break is white space: within a JSON string it is escaped.
                yield lead + b",\n    ".join(pretty(entry).replace(b"\n", b"\n    ") for entry in entries)
                lead, end = b",\n    ", b"\n  ]\n}"
    yield end


async def compressed(pieces: Pieces) -> Pieces:
    """Yield what gzip makes of a text in pieces."""
    gzip = zlib.compressobj(level=1, wbits=_GZIP_WINDOW)
    async with aclosing(pieces):
        async for piece in pieces:
            # Without a flush the small pieces would wait for the next large one.
            yield gzip.compress(piece) + gzip.flush(zlib.Z_SYNC_FLUSH)
    yield gzip.flush()


async def send_pieces(status: int, headers: Headers, pieces: Pieces, receive: Receive, send: Send) -> None:
    """Send a response of unknown length: the next piece is made when the client took the last one.

    Nothing more is made for a client that left. What fails on the way is raised with the response left incomplete: the
    server then breaks the connection off, so that no client takes half a Bundle for a whole one.
    """
    await send({"type": "http.response.start", "status": status, "headers": headers})
    left = asyncio.ensure_future(_disconnected(receive))
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if left.done():
                    return
        await send({"type": "http.response.body", "body": b""})
    finally:
        left.cancel()


async def _disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
