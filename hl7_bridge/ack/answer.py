"""The acknowledgement of a message: in original mode AA, AE or AR, in enhanced mode what MSH-15 and MSH-16 ask for.

    MSH-15, MSH-16   both empty: one application acknowledgement (AA, AE, AR)
    MSH-15           AL, ER (not accepted), SU (accepted), NE: a commit acknowledgement (CA, CE, CR)
    MSH-16           the same for the application acknowledgement, which comes after it

A sender that wants commit acknowledgements only is told there whether the message was processed, or it would not
know. A message that is rejected at its commit gets no application acknowledgement.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from hl7_bridge.ack import origin
from hl7_bridge.ack.origin import Origin
from hl7_bridge.ack.reply import Reply
from hl7_bridge.er7 import Message, Raw, Value, Writer

Outcome: TypeAlias = Literal["accepted", "error", "rejected"]
"""accepted: processed and durable; error: understood, but not processed; rejected: not to be sent again as it is."""

_APPLICATION: Final = {"accepted": "AA", "error": "AE", "rejected": "AR"}
_COMMIT: Final = {"accepted": "CA", "error": "CE", "rejected": "CR"}

_MESSAGES: Final = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}
"""Table HL70357."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: one ERR segment.

    Shape: `code` of table HL70357; `severity` of HL70516 (W warning, I information, E error, F fatal); places count
           from 1, None where not known; `text` is for people and holds no patient data
    """

    code: str
    text: str
    segment: str = ""
    sequence: int | None = None
    field: int | None = None
    repetition: int | None = None
    component: int | None = None
    subcomponent: int | None = None
    severity: Literal["W", "I", "E", "F"] = "E"


@dataclass(frozen=True, slots=True)
class Stamp:
    """MSH-10 (at most 18 characters) and MSH-7 (aware) of an answer."""

    control_id: str
    at: datetime


def answers(
    message: Message, outcome: Outcome, problems: Sequence[Problem] = (), *, stamp: Stamp, reply: Reply | None = None
) -> list[bytes]:
    """Return the acknowledgements that the sender of a message wants, in their order; none when it wants none.

    `reply` makes the application acknowledgement an ORR, RSP … (see `orders`, `queries`).
    """
    source = origin.of(message)
    if not source.enhanced:
        return [_answer(source, _APPLICATION[outcome], problems, stamp, reply)]
    application = _wanted(source.condition(16), outcome)
    # With an application acknowledgement to follow, the first one says only that the message is safely kept.
    at_commit: Outcome = "accepted" if application and outcome != "rejected" else outcome
    commit = _wanted(source.condition(15), at_commit)
    found = []
    if commit:
        told = () if at_commit == "accepted" else problems
        found.append(_answer(source, _COMMIT[at_commit], told, Stamp(f"{stamp.control_id}.C", stamp.at), None))
    if application and not (commit and outcome == "rejected"):
        found.append(_answer(source, _APPLICATION[outcome], problems, stamp, reply))
    return found


def refusal(raw: bytes, problem: Problem, *, stamp: Stamp) -> bytes:
    """Return the rejection of bytes that are no message; whatever of their header can be made out is used."""
    source = origin.salvaged(raw)
    return _answer(source, "CR" if source.condition(15) else "AR", (problem,), stamp, None)


def _wanted(condition: str, outcome: Outcome) -> bool:
    match condition:
        case "AL":
            return True
        case "ER":
            return outcome != "accepted"
        case "SU":
            return outcome == "accepted"
        case _:
            return False


def _answer(source: Origin, code: str, problems: Sequence[Problem], stamp: Stamp, reply: Reply | None) -> bytes:
    writer = Writer(source.delimiters)
    writer.segment("MSH", _header(source, stamp, reply))
    text = problems[0].text if problems and not source.since(2, 7) else ""
    writer.segment("MSA", {1: code, 2: source.control_id, 3: text[:80]})
    for problem in problems:
        writer.segment("ERR", _error(problem) if source.since(2, 5) else _old_error(problem))
    if reply:
        reply.write(writer)
    return writer.bytes(source.charset)


def _header(source: Origin, stamp: Stamp, reply: Reply | None) -> dict[int, Value]:
    return {
        3: Raw(source.field(5)),
        4: Raw(source.field(6)),
        5: Raw(source.field(3)),
        6: Raw(source.field(4)),
        7: stamp.at.strftime("%Y%m%d%H%M%S%z"),
        9: _type(source, reply),
        10: stamp.control_id,
        11: Raw(source.field(11) or "P"),
        12: Raw(source.field(12) or source.version),
        18: Raw(source.field(18)),
    }


def _type(source: Origin, reply: Reply | None) -> Value:
    kind, trigger, structure = (reply.type, reply.trigger, reply.structure) if reply else ("ACK", source.trigger, "ACK")
    if not source.since(2, 2):
        return kind
    return (kind, trigger, structure) if source.since(2, 3, 1) else (kind, trigger)


def _error(problem: Problem) -> dict[int, Value]:
    """ERR since version 2.5."""
    place = (
        problem.segment,
        _number(problem.sequence or (1 if problem.segment else None)),
        _number(problem.field),
        _number(problem.repetition),
        _number(problem.component),
        _number(problem.subcomponent),
    )
    return {
        2: place,
        3: (problem.code, _MESSAGES.get(problem.code, ""), "HL70357"),
        4: problem.severity,
        8: problem.text[:250],
    }


def _old_error(problem: Problem) -> dict[int, Value]:
    """ERR before version 2.5: place and code in its one field."""
    code = (problem.code, _MESSAGES.get(problem.code, ""), "HL70357")
    return {1: (problem.segment, _number(problem.sequence), _number(problem.field), code)}


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
