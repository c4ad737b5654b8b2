"""MLLP frames: bytes as they come to messages, whatever the reads cut; no sockets, no clock.

A frame is 0x0B, the message, 0x1C 0x0D. Senders that end it with 0x1C alone, or 0x1C 0x0A, are understood.

Spec: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

LIMIT: Final = 16 * 1024 * 1024
"""Bytes of one message, unless configured otherwise."""

_START: Final = 0x0B
_END: Final = 0x1C
_AGAIN: Final = b"\x0bMSH"
_HEAD: Final = 4096


@dataclass(frozen=True, slots=True)
class Fault:
    """What came instead of a whole message.

    noise      bytes outside of any frame, other than line ends
    too-long   a message over the limit; `head` is its beginning, the rest was not kept
    truncated  a frame without end: another one began, or the connection ended; `head` is all of it
    failed     a whole message that could not be answered (told by the server, not by the framer)
    """

    kind: Literal["noise", "too-long", "truncated", "failed"]
    head: bytes
    size: int


Event: TypeAlias = bytes | Fault


def frame(message: bytes) -> bytes:
    """Return the message in its frame."""
    return b"\x0b" + message + b"\x1c\r"


class Framer:
    """Cuts one connection's bytes into messages; holds at most `limit` bytes and what one read brought."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._state: Literal["outside", "inside", "skipping"] = "outside"
        self._searched = 0
        self._noise = 0

    def feed(self, data: bytes) -> list[Event]:
        """Return the messages and faults that these bytes complete, in order."""
        self._buffer += data
        events: list[Event] = []
        while self._advance(events):
            pass
        return events

    @property
    def settling(self) -> bool:
        """Whether the bytes so far end with 0x1C alone: a whole frame of a sloppy sender, if nothing follows."""
        return self._state == "inside" and self._buffer.endswith(b"\x1c")

    def settle(self) -> list[Event]:
        """Return the message of a frame that `settling` holds back, when the sender has fallen silent."""
        return self.feed(b"\r") if self.settling else []

    def close(self) -> list[Event]:
        """Return what the end of the connection leaves over."""
        events = self.settle()
        if self._state == "inside" and self._buffer:
            events.append(Fault("truncated", bytes(self._buffer), len(self._buffer)))
        self._report_noise(events)
        self._buffer.clear()
        self._state = "outside"
        return events

    def _advance(self, events: list[Event]) -> bool:
        if self._state == "outside":
            return self._seek_start(events)
        return self._seek_end(events)

    def _seek_start(self, events: list[Event]) -> bool:
        start = self._buffer.find(_START)
        outside = self._buffer if start < 0 else self._buffer[:start]
        self._noise += len(outside.strip(b"\r\n \x1c"))
        if start < 0:
            self._buffer.clear()
            return False
        self._report_noise(events)
        self._drop(start + 1)
        self._state = "inside"
        return True

    def _report_noise(self, events: list[Event]) -> None:
        if self._noise:
            events.append(Fault("noise", b"", self._noise))
            self._noise = 0

    def _seek_end(self, events: list[Event]) -> bool:
        end = self._end()
        again = self._buffer.find(_AGAIN, max(self._searched - 3, 0), end if end >= 0 else len(self._buffer))
        if again >= 0:
            self._give(events, again, truncated=True)
            self._drop(again + 1)
            self._state = "inside"
            return True
        if end >= 0:
            self._give(events, end, truncated=False)
            # A start of the next frame that stands for the missing CR is left for it.
            self._drop(end + (1 if self._buffer[end + 1] == _START else 2))
            self._state = "outside"
            return True
        self._searched = len(self._buffer)
        self._stay_within_limit(events)
        return False

    def _end(self) -> int:
        """Return where an end mark stands that something follows, or -1."""
        end = self._buffer.find(_END, max(self._searched - 1, 0))
        while 0 <= end < len(self._buffer) - 1:
            if self._buffer[end + 1] in b"\r\n\x0b":
                return end
            end = self._buffer.find(_END, end + 1)
        return -1

    def _give(self, events: list[Event], end: int, *, truncated: bool) -> None:
        if self._state == "skipping":
            return
        content = bytes(self._buffer[:end])
        if truncated:
            events.append(Fault("truncated", content, end))
        elif end > self._limit:
            events.append(Fault("too-long", content[:_HEAD], end))
        else:
            events.append(content)

    def _stay_within_limit(self, events: list[Event]) -> None:
        if len(self._buffer) <= self._limit:
            return
        if self._state == "inside":
            events.append(Fault("too-long", bytes(self._buffer[:_HEAD]), len(self._buffer)))
            self._state = "skipping"
        # Marks may be cut by the end of a read: three bytes are enough to know them again.
        self._drop(len(self._buffer) - 3)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._searched = 0
