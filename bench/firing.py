"""A load generator for HTTP/1.1 keep-alive on raw sockets, in a process of its own: `python -m bench.firing`.

It takes a `Plan` as msgpack on stdin and gives a `Shots` as JSON on stdout. Requests are bytes made beforehand, and of
the answers it reads no more than status and length, so that it costs little beside what it measures.
Spec: https://www.rfc-editor.org/rfc/rfc9112
"""

import asyncio
import re
import subprocess
import sys
import time
from typing import cast

import msgspec
import uvloop

_BUFFER_BYTES = 64 * 1024
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Plan(msgspec.Struct):
    """`seconds` of firing in rounds, or, if None, each request once; one request per connection is under way."""

    host: str
    port: int
    connections: int
    requests: list[bytes]
    seconds: float | None
    warm_up: float = 0.0


class Shots(msgspec.Struct):
    """What came of it; `failed` counts answers that are not 2xx, times are in milliseconds."""

    answered: int
    failed: int
    seconds: float
    median_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.answered / self.seconds


def fire(plan: Plan) -> Shots:
    """Run a plan in another process."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.firing"], input=msgspec.msgpack.encode(plan), stdout=subprocess.PIPE, check=True
    )
    return msgspec.json.decode(done.stdout, type=Shots)


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Return the text of a request to a FHIR server on this machine."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/fhir+json\r\n"
    if body:
        head += f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\nPrefer: return=minimal\r\n"
    return head.encode() + b"\r\n" + body


class _Gun:
    """What all connections share: the requests to come and the times that answers took."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._next = 0
        self._counted_from = time.perf_counter() + plan.warm_up
        self._until = self._counted_from + plan.seconds if plan.seconds is not None else None
        self.failed = 0
        self.times: list[float] = []
        self.last = self._counted_from

    def load(self) -> bytes | None:
        requests = self._plan.requests
        if self._until is None:
            if self._next == len(requests):
                return None
        elif time.perf_counter() >= self._until:
            return None
        shot = requests[self._next % len(requests)]
        self._next += 1
        return shot

    def hit(self, started: float, status: bytes) -> None:
        now = time.perf_counter()
        if now >= self._counted_from:
            self.times.append(now - started)
            self.failed += not status.startswith(b"2")
            self.last = now

    def shots(self) -> Shots:
        times = sorted(self.times) or [0.0]
        seconds = max(self.last - self._counted_from, 1e-9)
        at = [times[int(len(times) * part)] * 1000 for part in (0.5, 0.99)]
        return Shots(len(self.times), self.failed, seconds, *at)


class _Connection(asyncio.BufferedProtocol):
    """Keeps the head of an answer until its end is there; of the body it counts the bytes that are still to come."""

    def __init__(self, gun: _Gun) -> None:
        self.finished = asyncio.get_running_loop().create_future()
        self._gun = gun
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._held = 0
        self._left: int | None = None
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._shoot()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(exc or ConnectionError("the server closed the connection"))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        return self._view[self._held :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._left is None:
            self._held += nbytes
            length = _length(self._buffer, self._held)
            if length is None:
                return
            self._status = bytes(self._buffer[9:12])
            self._left, self._held = length - self._held, 0
        else:
            self._left -= nbytes
        if self._left <= 0:
            self._gun.hit(self._started, self._status)
            self._shoot()

    def _shoot(self) -> None:
        self._left = None
        shot = self._gun.load()
        if shot is None:
            self.finished.set_result(None)
            self._transport.close()
            return
        self._started = time.perf_counter()
        self._transport.write(shot)


def _length(received: bytearray, held: int) -> int | None:
    """Return the length of the whole answer, once its head is there."""
    end = received.find(b"\r\n\r\n", 0, held)
    if end < 0:
        return None
    found = _CONTENT_LENGTH.search(received, 0, end)
    return end + 4 + (int(found[1]) if found else 0)


async def _fire(plan: Plan) -> Shots:
    loop = asyncio.get_running_loop()
    gun = _Gun(plan)
    made = [
        await loop.create_connection(lambda: _Connection(gun), plan.host, plan.port) for _ in range(plan.connections)
    ]
    await asyncio.gather(*(connection.finished for _, connection in made))
    return gun.shots()


if __name__ == "__main__":
    given = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_fire(given))))
