"""The load generator: what it counts, however the answers come."""

import asyncio
from collections.abc import Sequence

import pytest

from bench.firing import Plan, Shots, fire, request

pytestmark = pytest.mark.anyio

LARGE = b"x" * 200_000


async def fired(answers: Sequence[bytes], requests: int) -> Shots:
    """Fire at a server that gives these answers in turn, each in several pieces."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                answer = left.pop(0)
                for piece in (answer[:10], answer[10:60], answer[60:]):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.001)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        plan = Plan("127.0.0.1", port, 2, [request("GET", "/fhir/Patient")] * requests, None)
        return await asyncio.to_thread(fire, plan)


def answer(status: str, body: bytes, name: bytes = b"content-length") -> bytes:
    return b"HTTP/1.1 %b\r\ndate: x\r\n%b: %d\r\n\r\n%b" % (status.encode(), name, len(body), body)


async def test_answers_in_pieces_and_larger_than_its_buffer_count_once() -> None:
    answers = [answer("200 OK", LARGE), answer("201 Created", b"", b"Content-Length"), answer("200 OK", b"short")] * 3
    shots = await fired(answers, len(answers))
    assert (shots.answered, shots.failed) == (9, 0)


async def test_answers_that_are_no_success_are_counted_as_failed() -> None:
    shots = await fired([answer("404 Not Found", b"{}"), answer("200 OK", b"{}"), answer("503 Away", b"")] * 2, 6)
    assert (shots.answered, shots.failed) == (6, 4)
