"""A Bundle that is sent while it is read."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncGenerator, Sequence

import pytest
from starlette.types import Message

from fhir_server.http.stream import Pieces, compact_text, compressed, pretty_text, send_pieces
from fhir_server.kernel.call import Stream
from fhir_server.kernel.fhir_json import decode_stored, encode, pretty

pytestmark = pytest.mark.anyio

HEAD = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "self", "url": "http://test/fhir"}]}
ENTRIES = [
    {"resource": {"resourceType": "Patient", "id": "1", "name": [{"family": 'two\nlines, a "quote"'}]}},
    {"resource": {"resourceType": "Observation", "id": "2"}},
    {"resource": {"resourceType": "Observation", "id": "3"}},
]
BATCHES = [[encode(ENTRIES[0])], [], [encode(one) for one in ENTRIES[1:]]]


class Database(Exception):
    """What goes wrong on the way."""


class Client:
    """The server's end of a connection: what was sent, and when the client leaves."""

    def __init__(self, *, leaves_after: int | None = None) -> None:
        self.sent: list[Message] = []
        self._leaves_after = leaves_after
        self._left = asyncio.Event()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if len(self.sent) == self._leaves_after:
            self._left.set()
        await asyncio.sleep(0)

    @property
    def complete(self) -> bool:
        last = self.sent[-1]
        return last["type"] == "http.response.body" and not last.get("more_body", False)


async def some(batches: Sequence[Sequence[bytes]]) -> AsyncGenerator[Sequence[bytes], None]:
    for batch in batches:
        yield batch


async def text(pieces: Pieces) -> bytes:
    return b"".join([piece async for piece in pieces])


async def numbered(client: Client, made: list[int]) -> Pieces:
    """Yield pieces without end; note how many messages the client had been sent when each was made."""
    while True:
        made.append(len(client.sent))
        yield b"piece"


@pytest.mark.parametrize("batches", [BATCHES, [[]], []])
async def test_the_pieces_are_the_text_of_the_whole_bundle(batches: list[list[bytes]]) -> None:
    entries = [decode_stored(one) for batch in batches for one in batch]
    whole = encode({**HEAD, "entry": entries} if entries else HEAD)
    assert whole == await text(compact_text(Stream(HEAD, some(batches))))
    assert pretty(whole) == await text(pretty_text(Stream(HEAD, some(batches))))
    assert whole == gzip.decompress(await text(compressed(compact_text(Stream(HEAD, some(batches))))))


async def test_each_piece_can_be_unpacked_when_it_comes() -> None:
    pieces = compressed(compact_text(Stream(HEAD, some(BATCHES))))
    unpack = zlib.decompressobj(wbits=31)
    assert encode(HEAD).removesuffix(b"}") == unpack.decompress(await anext(pieces))
    await pieces.aclose()


async def test_a_piece_is_made_when_the_client_took_the_last_one() -> None:
    client, made = Client(leaves_after=4), list[int]()
    await send_pieces(200, [], numbered(client, made), client.receive, client.send)
    assert [1, 2, 3] == made


async def test_nothing_more_is_read_for_a_client_that_left() -> None:
    closed = False

    async def entries() -> AsyncGenerator[Sequence[bytes], None]:
        nonlocal closed
        try:
            while True:
                yield BATCHES[0]
        finally:
            closed = True

    client = Client(leaves_after=3)
    await send_pieces(200, [], compressed(compact_text(Stream(HEAD, entries()))), client.receive, client.send)
    assert (3, True, False) == (len(client.sent), closed, client.complete)


async def test_an_error_on_the_way_leaves_the_response_incomplete() -> None:
    async def entries() -> AsyncGenerator[Sequence[bytes], None]:
        yield BATCHES[0]
        raise Database

    client = Client()
    with pytest.raises(Database):
        await send_pieces(200, [], compact_text(Stream(HEAD, entries())), client.receive, client.send)
    assert (3, False) == (len(client.sent), client.complete)


async def test_a_response_that_was_sent_to_its_end_is_complete() -> None:
    client = Client()
    await send_pieces(200, [], compact_text(Stream(HEAD, some(BATCHES))), client.receive, client.send)
    assert (True, 200) == (client.complete, client.sent[0]["status"])
