"""The MLLP client: sends a message and waits for the acknowledgement that names it.

It connects when it has something to send, keeps the connection, and connects again when the receiver has closed it. A
message that was sent and not answered is not sent again by itself: that is for the queue behind it to decide.

Spec: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Self

from hl7_bridge.er7 import Er7Error, parse
from hl7_bridge.framing import LIMIT, Framer, frame

_READ = 65_536


class MllpError(Exception):
    """A message was not acknowledged."""


class Unreachable(MllpError):
    """There is no connection: the message was not sent."""


class Unanswered(MllpError):
    """The message was sent, in whole or in part, and no acknowledgement of it came: it may have been processed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement.

    Shape: `code` is MSA-1 (AA, AE, AR, CA, CE, CR); `control_id` is that of the message it answers; `text` is what the
           receiver says about it, in MSA-3 and ERR; `raw` is all of it
    """

    code: str
    control_id: str
    text: str
    raw: bytes

    @property
    def accepted(self) -> bool:
        """Whether the receiver has taken the message over."""
        return self.code in ("AA", "CA")

    @property
    def repeatable(self) -> bool:
        """Whether the same message may be taken another time: the receiver had an error, but did not reject it."""
        return self.code in ("AE", "CE")


class Client:
    """One connection to a receiver; messages go one after the other. Use as `async with`, or `close` it."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        limit: int = LIMIT,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._timeout = timeout
        self._limit = limit
        self._framer = Framer(limit)
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, message: bytes, *, final: bool = False) -> Answer:
        """Return the receiver's acknowledgement; with `final`, the application's that follows a commit accept (CA).

        Errors: Unreachable, Unanswered; Er7Error when the bytes are no message
        """
        control_id = parse(message).control_id
        async with self._turn:
            reader, writer = await self._connected()
            try:
                async with asyncio.timeout(self._timeout):
                    writer.write(frame(message))
                    await writer.drain()
                    return await self._answer(reader, control_id, final=final)
            except TimeoutError:
                await self.close()
                raise Unanswered(f"no acknowledgement within {self._timeout:g} s") from None
            except OSError as error:
                await self.close()
                raise Unanswered(f"connection lost: {type(error).__name__}") from error
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Close the connection; the next message opens another."""
        if self._streams is None:
            return
        _, writer = self._streams
        self._streams = None
        writer.close()
        try:
            async with asyncio.timeout(2):
                await writer.wait_closed()
        except OSError:
            # The receiver was first, or does not care: closed it is in any case.
            return

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None:
            reader, writer = self._streams
            if not reader.at_eof() and not writer.is_closing():
                return self._streams
            await self.close()
        try:
            async with asyncio.timeout(self._timeout):
                self._streams = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
                self._framer = Framer(self._limit)
        except OSError as error:
            raise Unreachable(f"{self._host}:{self._port}: {type(error).__name__}") from error
        return self._streams

    async def _answer(self, reader: asyncio.StreamReader, control_id: str, *, final: bool) -> Answer:
        while data := await reader.read(_READ):
            for event in self._framer.feed(data) + self._framer.settle():
                answer = _read(event) if isinstance(event, bytes) else None
                # An answer to an earlier message, which nobody waits for any more, is passed over.
                if answer and answer.control_id == control_id and not (final and answer.code == "CA"):
                    return answer
        raise ConnectionResetError


def _read(raw: bytes) -> Answer | None:
    try:
        message = parse(raw)
    except Er7Error:
        return None
    told = message.first("MSA")
    if told is None:
        return None
    texts = [told.value(3), *(error.value(8) or error.value(3, 2) for error in message.every("ERR"))]
    return Answer(told.value(1), told.value(2), "; ".join(dict.fromkeys(filter(None, texts))), raw)
