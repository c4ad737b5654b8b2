"""Markdown tables, and templates with places for them.

Spec: https://github.github.com/gfm/#tables-extension-
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_PLACE = re.compile(r"\{\{(\w+)\}\}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table without the line end after its last row; bars in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(names: Iterable[str]) -> str:
    """Return names as code, with blanks between."""
    return " ".join(f"`{name}`" for name in names)


def filled(template: Path, blocks: Mapping[str, str]) -> str:
    """Return a template with a block in each place; raise KeyError for a place without block."""
    return _PLACE.sub(lambda place: blocks[place[1]], template.read_text("utf-8"))
