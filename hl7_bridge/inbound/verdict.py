"""What became of a message, in the words of its acknowledgement.

Spec: https://terminology.hl7.org/CodeSystem-v2-0357.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hl7_bridge.ack import Outcome, Problem
from hl7_bridge.er7 import MessageError
from hl7_bridge.framing import Fault
from hl7_bridge.inbound.booking import Clash
from hl7_bridge.inbound.targets import Ambiguous
from hl7_bridge.ports import Reason, Refused

DUPLICATE_KEY: Final = "205"
INTERNAL: Final = "207"

_UNSUPPORTED: Final = frozenset({"200", "201", "202", "203"})
"""Codes of what no repetition and no correction of the content makes right: the sender gets AR."""

_PLACES: Final[Mapping[str, tuple[str, int]]] = {
    "Patient": ("PID", 3),
    "Encounter": ("PV1", 19),
    "Account": ("PID", 18),
    "ServiceRequest": ("OBR", 2),
    "DiagnosticReport": ("OBR", 3),
    "Observation": ("OBX", 3),
    "Appointment": ("SCH", 1),
}
"""Where the key of a resource stands, as far as one place can be told."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, what is to be said of it, and whether the same message may work later without being changed."""

    outcome: Outcome
    problems: tuple[Problem, ...] = ()
    passing: bool = False

    @property
    def reason(self) -> Reason:
        """The first problem, for the journal."""
        first = self.problems[0]
        return Reason(first.code, place(first), first.text)


def unavailable() -> Verdict:
    """Return the verdict when the store or the journal is away: the sender is to come again."""
    text = "the receiving system is not available at the moment; send the message again"
    return Verdict("rejected", (Problem(INTERNAL, text),), passing=True)


def failed() -> Verdict:
    """Return the verdict when the bridge itself fails on a message."""
    return Verdict(
        "error", (Problem(INTERNAL, "the receiving system failed on this message; it is kept for a person"),)
    )


def contended() -> Verdict:
    """Return the verdict when others kept changing the same resources until patience ended."""
    text = "other messages keep changing the same resources; send the message again"
    return Verdict("error", (Problem("206", text),))


def unreadable(error: MessageError) -> Verdict:
    """Return the verdict on a message that cannot be read or converted."""
    problem = Problem(
        error.code, error.text, segment=error.segment, field=error.field or None, component=error.component or None
    )
    return Verdict("rejected" if error.code in _UNSUPPORTED else "error", (problem,))


def faulty(fault: Fault) -> Verdict:
    """Return the verdict on a frame that holds no whole message."""
    texts = {
        "too-long": f"the message has {fault.size} bytes or more, which is over the limit",
        "truncated": "the frame ended before the message did",
    }
    text = texts.get(fault.kind, "the message could not be answered")
    return Verdict("rejected" if fault.kind == "too-long" else "error", (Problem(INTERNAL, text),))


def ambiguous(error: Ambiguous) -> Verdict:
    """Return the verdict when the key of a message fits several stored resources."""
    segment, field = _PLACES.get(error.type, ("", 0))
    text = f"the key fits more than one stored {error.type}: {', '.join(error.references[:5])}"
    return Verdict("error", (Problem(DUPLICATE_KEY, text, segment=segment, field=field or None),))


def late(references: Sequence[str]) -> tuple[Problem, ...]:
    """Return the warning that a later event was faster, if it was."""
    if not references:
        return ()
    text = f"a later event had changed {', '.join(references[:5])} before; what this one says of it was not stored"
    return (Problem("0", text, severity="W"),)


def clash(error: Clash) -> Verdict:
    """Return the verdict when an appointment takes somebody's or something's time that is taken."""
    text = f"the time is taken by {', '.join(error.references[:5])}"
    return Verdict("error", (Problem(INTERNAL, text, segment="SCH", field=11),))


def refused(error: Refused) -> Verdict:
    """Return the verdict when the store will not take what a message became."""
    problems = [Problem(INTERNAL, f"{where}: {text}" if where else text) for where, text in error.issues[:10]]
    return Verdict("error", tuple(problems) or (Problem(INTERNAL, "the store refused the message"),))


def place(problem: Problem) -> str:
    """Return where a problem lies: "PID-3.1", "" when that is not known."""
    if not problem.segment or not problem.field:
        return problem.segment
    return f"{problem.segment}-{problem.field}" + (f".{problem.component}" if problem.component else "")
