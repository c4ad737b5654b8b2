"""The life of a message: kept raw, read, converted, stored in one transaction, acknowledged; or kept for a person.

The acknowledgement comes after the commit, never before. What was processed once gets the acknowledgement that it got
then. Whatever comes in, something goes out, and the connection lives.
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter
from typing import Protocol

from hl7_bridge.ack import Problem, Reply, Stamp, answers, order_reply, refusal
from hl7_bridge.answering import Answering
from hl7_bridge.convert import Conversion
from hl7_bridge.envelope import message_identifier
from hl7_bridge.er7 import Er7Error, Message, parse
from hl7_bridge.framing import Fault
from hl7_bridge.inbound import verdict as verdicts
from hl7_bridge.inbound.booking import Clash
from hl7_bridge.inbound.letters import letter_of, other_body
from hl7_bridge.inbound.order import Order
from hl7_bridge.inbound.processing import Processing
from hl7_bridge.inbound.targets import Ambiguous
from hl7_bridge.inbound.verdict import Verdict
from hl7_bridge.mapping.context import Sender
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.ports import Conflict, Journal, Letter, Refused, Unavailable

IN_WORK = 256
"""Messages in work at a time; with more, connections are not read until one is done."""

_SEPARATOR = b"\x1c"
"""Between acknowledgements of one message in the journal; it ends a frame, so no message holds it."""


class Converts(Protocol):
    """What turns messages into conversions."""

    def convert(self, message: Message, *, received: datetime) -> Conversion: ...
    def sender(self, message: Message) -> Sender: ...


@dataclass(frozen=True, slots=True)
class Processed:
    """What to tell the operator of a message: nothing of its content.

    Shape: `result` is "AA" …: accepted, error, rejected, or "repeated" for one that had been processed before; `code`
           and `place` of its first problem; `failure` is the exception of a bug, for the log
    """

    sender: str
    type: str
    result: str
    seconds: float
    size: int
    letter: str
    code: str = ""
    place: str = ""
    failure: Exception | None = None

    @property
    def name(self) -> str:
        """The sender as logs and figures name it: the message gives it, so it is cut and holds what can be printed."""
        return "".join(filter(str.isprintable, self.sender[:80]))

    def facts(self) -> dict[str, object]:
        """Return what a log says of it."""
        return {
            "letter": self.letter,
            "sender": self.name,
            "type": self.type[:16],
            "result": self.result,
            "code": self.code or None,
            "place": self.place or None,
            "bytes": self.size,
            "ms": round(self.seconds * 1000, 2),
        }


@dataclass(frozen=True, slots=True)
class Taken:
    """What a message got: its acknowledgements, in the order in which to send them, and the verdict behind them."""

    acks: list[bytes]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Reading:
    """A message as far as it could be understood."""

    message: Message | None
    conversion: Conversion | None
    verdict: Verdict | None
    failure: Exception | None = None
    query: Message | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A letter as the journal has it; `earlier` are its acknowledgements if it was processed before."""

    letter: Letter
    notes: tuple[Problem, ...] = ()
    earlier: list[bytes] | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pipeline needs beside its ports; `charset` is that of messages that name none."""

    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    observe: Callable[[Processed], None]
    charset: str | None = None


class Inbound:
    """Processes messages; those about one patient in the order in which they came, others side by side."""

    def __init__(
        self, converter: Converts, journal: Journal, processing: Processing, surroundings: Surroundings
    ) -> None:
        self._converter = converter
        self._journal = journal
        self._processing = processing
        self._around = surroundings
        self._places = asyncio.Semaphore(IN_WORK)
        self._answering = Answering(processing.lookup, converter)
        self._order = Order()
        self._notes: dict[str, asyncio.Task[None]] = {}

    @property
    def journal(self) -> Journal:
        return self._journal

    async def idle(self) -> None:
        """Return when the journal knows of every message that was answered."""
        while self._notes:
            await asyncio.wait(self._notes.values())

    async def handle(self, raw: bytes) -> list[bytes]:
        """Return the acknowledgements of a message that came in, in the order in which to send them."""
        return (await self.take(raw)).acks

    async def take(self, raw: bytes) -> Taken:
        """Process a message that came in."""
        async with self._places:
            reading = self._read(raw)
            letter = letter_of(raw, reading.message, self._around.clock())
            if reading.query is not None:
                return await self._answered(letter, reading.query)
            async with self._order.turn(_keys(letter, reading)):
                return await self._watched(letter, reading, again=False)

    async def replay(self, letter: Letter) -> Taken:
        """Process a letter of the journal again, as it now stands there."""
        async with self._places:
            reading = self._read(letter.raw)
            async with self._order.turn(_keys(letter, reading)):
                return await self._watched(letter, reading, again=True)

    async def refuse(self, fault: Fault) -> list[bytes]:
        """Return the answer to what came instead of a message; what can be kept of it waits for a person."""
        if fault.kind == "noise":
            return []
        async with self._places:
            letter = letter_of(fault.head, None, self._around.clock())
            return (await self._watched(letter, _Reading(None, None, verdicts.faulty(fault)), again=False)).acks

    def _read(self, raw: bytes) -> _Reading:
        """Understand a message as far as possible: pure, so that its place in line is that of its arrival."""
        message = None
        try:
            message = parse(raw, charset=self._around.charset)
            if message.type == "QBP":
                return _Reading(message, None, None, query=message)
            return _Reading(message, self._converter.convert(message, received=self._around.clock()), None)
        except (Er7Error, ConversionError) as error:
            return _Reading(message, None, verdicts.unreadable(error))
        except Exception as error:  # a bug must cost one message, not the connection
            return _Reading(message, None, verdicts.failed(), error)

    async def _watched(self, letter: Letter, reading: _Reading, *, again: bool) -> Taken:
        started = perf_counter()
        failure = reading.failure
        kept = _Kept(letter)
        try:
            if not again:
                kept = await self._kept(letter)
                letter = kept.letter
            if kept.earlier is not None:
                self._tell(letter, "repeated", Verdict("accepted"), started, None)
                return Taken(kept.earlier, Verdict("accepted"))
            verdict = reading.verdict or await self._stored(reading, kept)
        except Unavailable:
            verdict = verdicts.unavailable()
        except Exception as error:  # a bug must cost one message, not the connection
            verdict, failure = verdicts.failed(), error
        taken = await self._noted(kept, reading, verdict)
        self._tell(letter, taken.verdict.outcome, taken.verdict, started, failure)
        return taken

    async def _answered(self, letter: Letter, query: Message) -> Taken:
        """Answer a query; it changes nothing, so nothing is kept of it."""
        started = perf_counter()
        failure: Exception | None = None
        reply: Reply | None = None
        try:
            verdict, reply = await self._answering.answer(query)
        except Exception as error:
            verdict, failure = verdicts.failed(), error
        self._tell(letter, verdict.outcome, verdict, started, failure)
        return Taken(answers(query, verdict.outcome, verdict.problems, stamp=self._stamp(), reply=reply), verdict)

    def _stamp(self) -> Stamp:
        return Stamp(self._around.new_id()[-18:], self._around.clock())

    async def _kept(self, letter: Letter) -> _Kept:
        """Save a letter; return what the journal knows of it."""
        stored = await self._saved(letter)
        notes: tuple[Problem, ...] = ()
        if stored is not None and stored.digest != letter.digest:
            letter = other_body(letter)
            stored = await self._saved(letter)
            text = "this control id came before with another body; both messages were processed"
            notes = (Problem("205", text, segment="MSH", field=10, severity="W"),)
        if stored is None:
            return _Kept(letter, notes, fresh=True)
        acks = stored.ack.split(_SEPARATOR) if stored.ack else []
        return _Kept(letter, notes, earlier=acks if stored.state == "done" else None)

    async def _saved(self, letter: Letter) -> Letter | None:
        """Save a letter; return the one that stands under its id, with all that is known of it."""
        if (note := self._notes.get(letter.id)) is not None:
            await asyncio.wait([note])
        return await self._journal.save(letter)

    async def _stored(self, reading: _Reading, kept: _Kept) -> Verdict:
        """Store what a message became; return the verdict of that."""
        assert reading.message is not None
        assert reading.conversion is not None
        message = message_identifier(reading.message)
        try:
            plan = await self._processing.store(reading.conversion, message, fresh=kept.fresh)
        except Ambiguous as error:
            return verdicts.ambiguous(error)
        except Clash as error:
            return verdicts.clash(error)
        except Refused as error:
            return verdicts.refused(error)
        except Conflict:
            return verdicts.contended()
        return Verdict("accepted", (*kept.notes, *verdicts.late(plan.late)))

    async def _noted(self, kept: _Kept, reading: _Reading, verdict: Verdict) -> Taken:
        """Write the verdict into the journal; a failure that cannot be kept there is one to send again."""
        letter = kept.letter
        acks = self._acks(letter, reading, verdict)
        if verdict.passing:
            return Taken(acks, verdict)
        try:
            if verdict.outcome == "accepted":
                note = self._journal.done(letter.id, _SEPARATOR.join(acks))
                if not kept.fresh:
                    await note
                else:
                    self._write_behind(letter.id, note)
            else:
                await self._journal.dead(letter.id, _SEPARATOR.join(acks), verdict.reason)
        except Unavailable:
            if verdict.outcome != "accepted":
                verdict = verdicts.unavailable()
                return Taken(self._acks(letter, reading, verdict), verdict)
            # What is committed is committed: a repetition finds it in the store.
        return Taken(acks, verdict)

    def _write_behind(self, id_: str, note: Awaitable[None]) -> None:
        """Let a note be written while its acknowledgement is on its way; a repetition waits for it.

        Nothing rests on it: what is committed is known by what is stored.
        """

        async def write() -> None:
            with suppress(Unavailable):
                await note

        self._notes[id_] = task = asyncio.create_task(write())
        task.add_done_callback(lambda _: self._notes.pop(id_, None))

    def _acks(self, letter: Letter, reading: _Reading, verdict: Verdict) -> list[bytes]:
        stamp = self._stamp()
        if reading.message is None:
            return [refusal(letter.raw, verdict.problems[0], stamp=stamp)]
        reply = order_reply(reading.message, accepted=verdict.outcome == "accepted")
        return answers(reading.message, verdict.outcome, verdict.problems, stamp=stamp, reply=reply)

    def _tell(self, letter: Letter, result: str, verdict: Verdict, started: float, failure: Exception | None) -> None:
        told = Processed(
            letter.sender, letter.type, result, perf_counter() - started, len(letter.raw), letter.id, failure=failure
        )
        if verdict.problems:
            reason = verdict.reason
            told = replace(told, code=reason.code, place=reason.place)
        self._around.observe(told)


def _keys(letter: Letter, reading: _Reading) -> Sequence[str]:
    """Return the lines in which a message stands: of its patients, and of its own repetitions."""
    return [letter.id, *(reading.conversion.patient_keys if reading.conversion is not None else ())]
