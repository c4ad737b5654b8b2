"""Size and shape of the code: what keeps it readable when nobody looks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("fhir_server", "hl7_bridge", "conformance")
MOST_LINES = 500
MOST_FILES = 15
COLLECTIONS = {"fhir_server/interactions", "fhir_server/operations", "hl7_bridge/functions"}
"""Packages of like things, one file each, may hold any number."""
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "service", "misc"}


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def all_tests() -> Iterator[Path]:
    """Yield the test files that stand in a folder of their own package."""
    yield from (ROOT / "tests").glob("*/**/test_*.py")


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_module_is_short_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert not text.strip() or ast.get_docstring(ast.parse(text)), (
        "a module begins with a sentence that says its purpose"
    )


def test_no_module_has_a_vague_name() -> None:
    assert [relative(path) for path in modules() if path.stem in VAGUE] == []


def test_no_package_holds_more_files_than_one_can_oversee() -> None:
    packages = {path.parent for path in modules()}
    crowded = {relative(package) for package in packages if len(list(package.glob("*.py"))) > MOST_FILES + 1}
    assert crowded - COLLECTIONS == set()


def test_tests_mirror_the_packages() -> None:
    """`tests/search/kinds/test_token.py` tests `fhir_server/search/kinds/token.py` or the package `…/token/`."""
    names = {module_name(path) for path in modules()}
    strays = [relative(path) for path in all_tests() if not modules_named_by(path) & names]
    assert [stray for stray in strays if not stray.startswith(FREE)] == []


FREE = (
    "tests/bench/",
    "tests/hl7_bridge/maps/",
    "tests/scripts/",
    "tests/http/",
    "tests/end_to_end/",
    "tests/storage/",
    "tests/conformance/",
    "tests/search/",
)
"""Folders whose tests are named after behaviour of the whole package, or after clauses of the specification."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "fhir_server" else parts
    return "/".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_named_by(path: Path) -> set[str]:
    folder = path.parent.relative_to(ROOT / "tests")
    words = path.stem.removeprefix("test_").split("_")
    return {str(folder / "_".join(words[:count])) for count in range(1, len(words) + 1)}


def test_an_open_point_names_its_issue() -> None:
    found = [
        f"{relative(path)}:{number}"
        for path in modules()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(r"#.*\b(TODO|FIXME|XXX)\b(?!.*#\d)", line)
    ]
    assert found == []


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").iterdir()), ids=lambda path: path.name)
def test_script_can_be_run_and_says_what_it_does(script: Path) -> None:
    assert script.stat().st_mode & 0o100
    first, second, *_ = script.read_text("utf-8").splitlines()
    assert first.startswith("#!")
    assert second.startswith(("# ", '"""'))
