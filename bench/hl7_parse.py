"""`python -m bench.hl7_parse`: microseconds that one core spends on reading a message; exit status 1 above a goal.

Counted is the time of the processor, so that neighbours on the machine do not count.
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice

from bench.figures import Figure
from bench.hl7_messages import reports
from hl7_bridge.er7 import Message, parse
from hl7_bridge.framing import Framer, frame
from hl7_bridge.structure import check

MESSAGES = 400
_READ = 65_536


def main() -> int:
    """Measure taking messages out of their frames, cutting them, reading all their fields, checking their structure."""
    parser = argparse.ArgumentParser(prog="python -m bench.hl7_parse", description="Measure reading of HL7 v2.")
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many rounds counts (default: 5)")
    figures = measured(parser.parse_args().rounds)
    for figure in figures:
        verdict = "reached" if figure.reached else "MISSED"
        print(f"{figure.work}: {figure.value:,.1f} {figure.unit} (goal {figure.goal:,.0f}: {verdict})")
    return 0 if all(figure.reached for figure in figures) else 1


def measured(rounds: int) -> list[Figure]:
    """Return the figures for reports of 30 segments."""
    raw = list(islice(reports("b"), MESSAGES))
    stream = b"".join(map(frame, raw))
    reads = [stream[start : start + _READ] for start in range(0, len(stream), _READ)]

    def unframe(_rounds: Sequence[bytes]) -> None:
        framer = Framer()
        for read in reads:
            framer.feed(read)

    works: tuple[tuple[str, Callable[[Sequence[bytes]], object], float], ...] = (
        ("take a message out of its frame", unframe, 10),
        ("parse an ORU R01 of 30 segments", lambda several: [parse(one) for one in several], 40),
        ("parse it and read every field", lambda several: [everything(parse(one)) for one in several], 250),
        ("parse it and check its structure", lambda several: [check(parse(one)) for one in several], 500),
    )
    return [Figure(work, spent(once, raw, rounds), "µs", goal, at_most=True) for work, once, goal in works]


def everything(message: Message) -> int:
    """Return how many fields hold something."""
    return sum(bool(segment.value(number)) for segment in message.segments for number in range(1, segment.fields + 1))


def spent(work: Callable[[Sequence[bytes]], object], messages: Sequence[bytes], rounds: int) -> float:
    """Return microseconds of processor time a message, in the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        work(messages)
        best = min(best, time.process_time() - started)
    return best / len(messages) * 1e6


if __name__ == "__main__":
    sys.exit(main())
