"""What was found, as tables for people and as JSON for the next run.

Spec: https://hl7.org/fhir/R4/search.html
"""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from math import isinf
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.figures import Figure
from bench.search.plans import Explained


def figures_table(figures: Sequence[Figure], title: str) -> Table:
    """Return the figures with their goals."""
    table = Table("search", "value", "", "against", "ratio", "goal", "", "note", title=title)
    for one in figures:
        table.add_row(
            one.work,
            _number(one.value),
            one.unit,
            "" if one.floor is None else _number(one.floor),
            "" if one.ratio is None else f"{one.ratio:.2f}",
            "" if isinf(one.goal) else f"{'≤' if one.at_most else '≥'} {one.goal:g}",
            "" if isinf(one.goal) else "reached" if one.reached else "MISSED",
            one.note,
        )
    return table


def plans_table(searches: Sequence[Explained], title: str, *, judged: bool) -> Table:
    """Return one row for each command of each search; of those that are judged it says which are bad."""
    table = Table("search", "command", "indexes", "keys", "documents", "found", "ms", "", title=title)
    for search in searches:
        shown = search.url
        for plan in search.plans:
            table.add_row(
                shown,
                plan.command,
                ", ".join(plan.indexes),
                *(f"{number:,}" for number in (plan.keys, plan.documents, plan.returned, plan.milliseconds)),
                f"{plan.remarks} BAD" if judged and plan.is_bad else plan.remarks,
            )
            shown = ""
        if search.error is not None:
            table.add_row(shown, search.error)
    return table


def write(path: Path, facts: Mapping[str, Any], figures: Sequence[Figure], searches: Sequence[Explained]) -> None:
    """Write everything; `medians` reads a part of it back."""
    rows = [asdict(one) | {"ratio": one.ratio, "reached": one.reached} for one in figures]
    for row in rows:
        row["goal"] = None if isinf(row["goal"]) else row["goal"]
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    report = {
        "time": datetime.now(UTC).isoformat(),
        "machine": machine,
        **facts,
        "figures": rows,
        "plans": [asdict(one) for one in searches],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")


def medians(path: Path) -> dict[str, float]:
    """Return the medians in milliseconds that an earlier run wrote, by the name of the search; none without a file."""
    if not path.exists():
        return {}
    figures = json.loads(path.read_text())["figures"]
    return {row["work"]: row["value"] for row in figures if row["unit"] == "ms" and row["floor"] is None}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.2f}"
