"""`python -m bench.hl7_convert`: messages that one core reads and converts in a second; exit status 1 below a goal.

Counted is the time of the processor, so that neighbours on the machine do not count.
Spec: https://hl7.org/fhir/R4/bundle.html#transaction
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from bench.figures import Figure
from bench.hl7_messages import reports, updates
from hl7_bridge.convert import Converter
from hl7_bridge.er7 import parse

MESSAGES = 400


def main() -> int:
    """Measure reading alone, and reading with converting, for both kinds of message."""
    parser = argparse.ArgumentParser(prog="python -m bench.hl7_convert", description="Measure the conversion.")
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many rounds counts (default: 5)")
    rounds = parser.parse_args().rounds
    figures = measured(rounds)
    for figure in figures:
        verdict = "reached" if figure.reached else "MISSED"
        print(f"{figure.work}: {figure.value:,.0f} {figure.unit} (goal {figure.goal:,.0f}: {verdict})")
    return 0 if all(figure.reached for figure in figures) else 1


def measured(rounds: int) -> list[Figure]:
    converter = Converter(zone=ZoneInfo("Europe/Stockholm"))
    received = datetime.now(UTC)
    oru, adt = list(islice(reports("b"), MESSAGES)), list(islice(updates("b"), MESSAGES))

    def convert(raw: bytes) -> object:
        return converter.convert(parse(raw), received=received)

    return [
        Figure("read ORU R01 of 30 segments", rate(parse, oru, rounds), "messages/s", 10_000),
        Figure("read and convert ORU R01 of 30 segments", rate(convert, oru, rounds), "messages/s", 1_000),
        Figure("read and convert ADT A08", rate(convert, adt, rounds), "messages/s", 2_000),
    ]


def rate(work: Callable[[bytes], object], messages: Sequence[bytes], rounds: int) -> float:
    """Return how many messages a second of processor time are enough for, in the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for raw in messages:
            work(raw)
        best = min(best, time.process_time() - started)
    return len(messages) / best


if __name__ == "__main__":
    sys.exit(main())
