"""HL7 v2 messages with faults: real ones in which Hypothesis cuts, doubles, moves and replaces pieces.

Spec: https://hypothesis.readthedocs.io/en/latest/data.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias

import hypothesis
from hypothesis import strategies as st

from bench.hl7_messages import question, reports, updates

_SHARED: Final = Path(__file__).parent.parent.parent / "shared" / "v2" / "messages"

PIECES: Final = (
    *(b"|", b"^", b"~", b"&", b"\\", b'""', b"\r", b"\n", b"||||", b" ", b""),
    *(b"99999999", b"20240230", b"-1", b"1e400", b"\xc2\xb2", b"9" * 5_000, b"NM", b"MSH|", b"PID|1||", b"OBX|1|ED|"),
    *(b"\xff", b"\x00", b"\xc3\x28", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\x0b", b"\x0bMSH|", b"\x1c"),
    *(b"\\X0D\\", b"\\X0B1C0D\\", b"\\.br\\", b"\\H\\", b"\\Zq\\", b"\\T", b"<x>", b"<?xml version='1.0'?>", b"'"),
    *(b"$ne", b"UNICODE UTF-16", b"A" * 5_000, b"~" * 500, b"^" * 500, b"&" * 500),
)
"""What takes the place of a piece: separators, escapes, frame marks, broken UTF-8, no dates, no numbers, lengths."""

_OWN: Final[Mapping[bytes, Mapping[int, bytes]]] = {
    b"MSH": {9: b"C"},
    b"PID": {3: b"PATIENT", 5: b"NAME", 18: b"ID"},
    b"MRG": {1: b"PRIOR"},
    b"NK1": {2: b"NAME"},
    b"PV1": {19: b"ID"},
    b"ORC": {2: b"ID", 3: b"ID"},
    b"OBR": {2: b"ID", 3: b"ID"},
    b"SCH": {1: b"ID", 2: b"ID"},
    b"TXA": {12: b"ID"},
    b"FT1": {2: b"ID"},
}
"""What gets a content of its own in each message: segment, place when cut at "|", beginning of that content."""

_LONGEST: Final = 1_000_000
"""Bytes of a message that is not made longer any more: the limit of the server has a test of its own."""

_BREAKS: Final = 7
"""One number of the 24 that a strategy draws from: not at an end, which Hypothesis prefers."""

_Edit: TypeAlias = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A message with faults; `control_id` stood in its MSH-10 before."""

    control_id: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class _Recipe:
    template: bytes
    edits: tuple[_Edit, ...]
    header_edit: _Edit
    breaks_header: bool


def templates() -> list[bytes]:
    """Return the messages to begin with: one of each kind that is at hand."""
    own = [*islice(updates("t"), 1), *islice(reports("t", 3), 1), question("t")]
    return own + [path.read_bytes() for path in sorted(_SHARED.glob("*/*/message.hl7"))]


def mutants(begin: Sequence[bytes], *, run: str, seed: int, count: int) -> list[Mutant]:
    """Return that many messages, each about a patient of its own; the same for the same arguments."""
    found: list[Mutant] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(_recipes(begin))
    def collect(recipe: _Recipe) -> None:
        mark = f"{run}x{seed}x{len(found)}".encode()
        raw = individual(recipe.template, mark)
        for edit in recipe.edits:
            raw = edit(raw)
        raw = recipe.header_edit(raw) if recipe.breaks_header else raw
        found.append(Mutant(b"C" + mark, raw))

    collect()
    return found


def individual(template: bytes, mark: bytes) -> bytes:
    """Return a message about things of its own: with two about one patient, visit or order, one would wait.

    Shape: control id "C<mark>"; patient ids "PATIENT<mark>" and, of who is merged, "PRIOR<mark>"; names "NAME<mark>";
           "ID<mark>" for the numbers of visits, accounts, orders, appointments, documents and charges
    """
    lines = template.splitlines(keepends=True)
    for number, line in enumerate(lines):
        content = line.rstrip(b"\r\n")
        fields = content.split(b"|")
        for place, prefix in _OWN.get(fields[0][-3:], {}).items():
            if place < len(fields) and (fields[place] or prefix != b"ID"):
                _, separator, rest = fields[place].partition(b"^")
                fields[place] = prefix + mark + separator + rest
        lines[number] = b"|".join(fields) + line[len(content) :]
    return b"".join(lines)


def _recipes(begin: Sequence[bytes]) -> st.SearchStrategy[_Recipe]:
    """Return messages to begin with and what to do to them; few get a broken header: no other fault is read then."""
    return st.one_of(
        [
            st.builds(
                _Recipe,
                st.just(template),
                st.lists(_edits(template), min_size=1, max_size=6).map(tuple),
                _header_edits(template),
                st.integers(0, 23).map(_BREAKS.__eq__),
            )
            for template in begin
        ]
    )


def _edits(template: bytes) -> st.SearchStrategy[_Edit]:
    head = len(template.splitlines()[0])
    line = st.integers(1, max(1, len(template.splitlines()) - 1))
    field = st.integers(1, 30)
    body = _replacements(head, max(head, len(template) - 1))
    swapped = st.builds(partial, st.just(_swapped), first=line, second=line)
    repeated = st.builds(partial, st.just(_repeated), line=line, times=st.sampled_from((0, 0, 2, 3, 40)))
    moved = st.builds(partial, st.just(_moved), line=line, source=field, target=field)
    ended = st.builds(partial, st.just(_ended), length=st.integers(len(template) // 6, len(template)))
    # Hypothesis prefers the first and the last of several ways.
    return st.one_of(*[body] * 20, ended, *[swapped] * 2, *[repeated] * 5, *[moved] * 10, *[body] * 20)


def _header_edits(template: bytes) -> st.SearchStrategy[_Edit]:
    return st.one_of(_replacements(0, 8), _replacements(9, len(template.splitlines()[0])))


def _replacements(least: int, most: int) -> st.SearchStrategy[_Edit]:
    return st.builds(
        partial,
        st.just(_replaced),
        begin=st.integers(least, most),
        cut=st.sampled_from((0, 0, 1, 3, 12, 60)),
        piece=st.sampled_from(PIECES),
    )


def _replaced(raw: bytes, *, begin: int, cut: int, piece: bytes) -> bytes:
    return raw[:begin] + piece + raw[begin + cut :]


def _swapped(raw: bytes, *, first: int, second: int) -> bytes:
    lines = raw.splitlines(keepends=True)
    if max(first, second) < len(lines):
        lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def _repeated(raw: bytes, *, line: int, times: int) -> bytes:
    lines = raw.splitlines(keepends=True)
    times = times if len(raw) < _LONGEST else 1
    return b"".join(lines[:line] + lines[line : line + 1] * times + lines[line + 1 :])


def _moved(raw: bytes, *, line: int, source: int, target: int) -> bytes:
    lines = raw.splitlines(keepends=True)
    fields = lines[line].split(b"|") if line < len(lines) else []
    if max(source, target) < len(fields):
        fields[target] = fields[source]
        lines[line] = b"|".join(fields)
    return b"".join(lines)


def _ended(raw: bytes, *, length: int) -> bytes:
    return raw[:length]
