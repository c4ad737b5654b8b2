"""`python -m bench [--seconds S] [--out FILE]`: measures, prints the table, writes JSON; exit status 1 below a goal.

Spec: https://hl7.org/fhir/R4/http.html
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.database import private_mongod
from bench.figures import Figure, over_http, pipeline
from bench.material import Material, material
from bench.servers import resident_mb


def main() -> int:
    """Measure everything."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure the server against floors.")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each measurement (default: 8)")
    parser.add_argument("--out", type=Path, help="JSON file (default: .bench/<time>.json)")
    arguments = parser.parse_args()
    source = material()
    figures = []
    for figure in _measure(source, arguments.seconds):
        figures.append(figure)
        print(f"{figure.work}: {figure.value:,.0f} {figure.unit}", file=sys.stderr)
    Console().print(_table(figures, source))
    _write(arguments.out, figures, source)
    return 0 if all(figure.reached for figure in figures) else 1


def _measure(source: Material, seconds: float) -> Iterator[Figure]:
    yield from pipeline(source, seconds)
    with private_mongod() as mongod:
        yield Figure("memory of mongod, idle", resident_mb(mongod.pid), "MB", 200, at_most=True)
        yield from over_http(source, mongod.uri, seconds)


def _table(figures: list[Figure], source: Material) -> Table:
    table = Table("work", "value", "", "floor", "ratio", "goal", "", "note", title=f"material: {source.name}")
    for figure in figures:
        table.add_row(
            figure.work,
            f"{figure.value:,.0f}",
            figure.unit,
            "" if figure.floor is None else f"{figure.floor:,.0f}",
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            f"{'≤' if figure.at_most else '≥'} {figure.goal:,}",
            "reached" if figure.reached else "MISSED",
            figure.note,
        )
    return table


def _write(out: Path | None, figures: list[Figure], source: Material) -> None:
    now = datetime.now(UTC)
    path = out or Path(".bench") / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(figure) | {"ratio": figure.ratio, "reached": figure.reached} for figure in figures]
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    report = {"time": now.isoformat(), "material": source.name, "machine": machine, "figures": rows}
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {path}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
