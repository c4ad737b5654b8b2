"""The MLLP server: several messages of a connection in work at once, their answers in the order in which they came.

A connection that has `in_flight` messages in work is not read until one is answered: the sender's TCP stack holds the
rest. What cannot be read, or fails, is answered through `refuse`; the connection lives on.

Spec: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hl7_bridge.framing import LIMIT, Event, Fault, Framer, frame
from hl7_bridge.mllp.trace import trace

Handle: TypeAlias = Callable[[bytes], Awaitable[bytes | Sequence[bytes]]]
"""Takes a message as it came, returns its answer, or several, or none."""

Refuse: TypeAlias = Callable[[Fault], Awaitable[bytes | Sequence[bytes]]]
"""Takes what is no whole message, or one that failed; returns what to answer, or nothing."""

_READ = 65_536
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one sender may take. Times in seconds, sizes in bytes.

    Shape: `frame` of one message; `in_flight` messages of one connection in work; `connections` at once; `idle` without
           a message; `settle` of silence after which a bare 0x1C ends a frame; `write` for a peer to take its answer
    """

    frame: int = LIMIT
    in_flight: int = 16
    connections: int = 512
    idle: float = 600.0
    settle: float = 0.5
    write: float = 30.0


async def serve(
    handle: Handle,
    refuse: Refuse,
    *,
    address: tuple[str, int] | socket.socket,
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
) -> "Server":
    """Return a server that listens, at a host and port (0: any free one) or at a bound socket.

    Errors: OSError when the address is taken
    """
    server = Server(handle, refuse, limits or Limits())
    timeout = 10.0 if tls else None
    if isinstance(address, socket.socket):
        listener = await asyncio.start_server(server.accept, sock=address, ssl=tls, ssl_handshake_timeout=timeout)
    else:
        listener = await asyncio.start_server(server.accept, *address, ssl=tls, ssl_handshake_timeout=timeout)
    server.listener = listener
    return server


class Server:
    """A listening server, made by `serve`."""

    listener: asyncio.Server

    def __init__(self, handle: Handle, refuse: Refuse, limits: Limits) -> None:
        self._handle = handle
        self._refuse = refuse
        self._limits = limits
        self._connections: dict[_Connection, asyncio.Task[None]] = {}

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self.listener.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """The number of senders that are connected."""
        return len(self._connections)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        if len(self._connections) >= self._limits.connections:
            _log.warning("connection refused: %d are open", len(self._connections))
            writer.close()
            return
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection = _Connection(reader, writer, self._handle, self._refuse, self._limits)
        task = asyncio.current_task()
        assert task is not None
        self._connections[connection] = task
        try:
            await connection.run()
        finally:
            del self._connections[connection]

    async def stop(self, grace: float = 10.0) -> None:
        """Stop listening and reading; return when what is in work is answered, after `grace` seconds at the latest."""
        self.listener.close()
        tasks = set(self._connections.values())
        for connection in list(self._connections):
            connection.stop_reading()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self.listener.wait_closed()


class _Connection:
    """One sender: a task that reads and one that answers, with a queue of answers in work between them."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handle: Handle,
        refuse: Refuse,
        limits: Limits,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._handle = handle
        self._refuse = refuse
        self._limits = limits
        self._framer = Framer(limits.frame)
        self._free = asyncio.Semaphore(limits.in_flight)
        self._answers: asyncio.Queue[asyncio.Task[Sequence[bytes]] | None] = asyncio.Queue()
        self._in_work: set[asyncio.Task[Sequence[bytes]]] = set()
        self._reading: asyncio.Task[None] | None = None

    def stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def run(self) -> None:
        self._reading = asyncio.create_task(self._read())
        answering = asyncio.create_task(self._answer())
        try:
            await asyncio.wait([self._reading])
            self._answers.put_nowait(None)
            await answering
        finally:
            for task in (self._reading, answering, *self._in_work):
                task.cancel()
            self._writer.close()

    async def _read(self) -> None:
        try:
            while events := await self._next():
                for event in events:
                    await self._begin(event)
        except OSError as error:
            _log.info("connection lost while reading: %s", type(error).__name__)
        for event in self._framer.close():
            await self._begin(event)

    async def _next(self) -> list[Event]:
        """Return the next events, at least one; none at the end of the connection, or when it was idle for too long."""
        while True:
            wait = self._limits.settle if self._framer.settling else self._limits.idle
            try:
                async with asyncio.timeout(wait):
                    data = await self._reader.read(_READ)
            except TimeoutError:
                if events := self._framer.settle():
                    return events
                if self._in_work:
                    continue
                return []
            if not data:
                return []
            if events := self._framer.feed(data):
                return events

    async def _begin(self, event: Event) -> None:
        """Put a message to work once there is room; work begins in the order of the messages."""
        await self._free.acquire()
        task = asyncio.create_task(self._answers_to(event))
        self._in_work.add(task)
        self._answers.put_nowait(task)

    async def _answers_to(self, event: Event) -> Sequence[bytes]:
        try:
            found = await (self._refuse(event) if isinstance(event, Fault) else self._handle(event))
        except Exception as error:
            _log.error("a message could not be answered: %s", trace(error))
            found = () if isinstance(event, Fault) else await self._failed(event)
        return (found,) if isinstance(found, bytes) else found

    async def _failed(self, message: bytes) -> bytes | Sequence[bytes]:
        try:
            return await self._refuse(Fault("failed", message, len(message)))
        except Exception as error:
            _log.error("a failed message could not be refused: %s", trace(error))
            return ()

    async def _answer(self) -> None:
        """Send answers in the order of their messages; when the sender is gone, messages in work still end."""
        gone = False
        while (task := await self._answers.get()) is not None:
            answers = await task
            self._in_work.discard(task)
            gone = gone or not await self._send(answers)
            self._free.release()

    async def _send(self, answers: Sequence[bytes]) -> bool:
        try:
            async with asyncio.timeout(self._limits.write):
                for answer in answers:
                    if self._writer.is_closing():  # uvloop has a RuntimeError for it, asyncio nothing at all
                        raise ConnectionResetError
                    self._writer.write(frame(answer))
                    await self._writer.drain()
        except OSError as error:
            _log.info("connection lost while answering: %s", type(error).__name__)
            self.stop_reading()
            return False
        return True
