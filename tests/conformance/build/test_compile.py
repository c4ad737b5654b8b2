"""The compiler of the official package."""

import json
from pathlib import Path

from conformance.build.compile import compiled, encode, write
from conformance.build.package import read_package
from conformance.load import read
from tests.conformance.official import ARCHIVE, needs_official_package


@needs_official_package
def test_the_shipped_data_are_what_the_official_package_compiles_to() -> None:
    files = compiled(read_package(ARCHIVE))
    assert [name for name, content in files.items() if encode(content) != read(name)] == []


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        write({"table": {"b": "ü", "a": [1, None]}}, folder)
    assert (tmp_path / "one/table.json.gz").read_bytes() == (tmp_path / "two/table.json.gz").read_bytes()


def test_a_package_is_read_from_a_folder_in_the_order_of_names(tmp_path: Path) -> None:
    for name, resource in {
        "b.json": {"resourceType": "Patient", "id": "b"},
        "a.json": {"resourceType": "Patient", "id": "a"},
        "package.json": {"name": "x"},
    }.items():
        (tmp_path / name).write_text(json.dumps(resource))
    assert read_package(tmp_path) == {
        "Patient": [{"resourceType": "Patient", "id": "a"}, {"resourceType": "Patient", "id": "b"}]
    }
