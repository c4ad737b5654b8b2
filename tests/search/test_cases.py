"""Every case of the tables in `cases`, against MongoDB: which of a table's resources a search finds."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from fhir_server.kernel.errors import Invalid
from fhir_server.kernel.query import EVERYTHING
from tests.search.world import World, empty

TABLES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


class _Loader(yaml.SafeLoader):
    """Reads decimals as JSON bodies are read, and leaves dates as text."""


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node))


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def read(table: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(table.read_text("utf-8"), _Loader)
    return content


def cases() -> Iterator[Any]:
    for table in TABLES:
        for search, expected in read(table)["cases"].items():
            yield pytest.param(table, str(search), expected, id=f"{table.stem}:{search}")


@pytest.fixture(scope="module")
async def tables(shared_world: World) -> dict[Path, World]:
    """The tables whose resources are in the world: each is stored once, when its first case comes."""
    await empty(shared_world)
    return {}


@pytest.mark.parametrize(("table", "search", "expected"), list(cases()))
async def test_search_finds_what_the_table_says(
    shared_world: World, tables: dict[Path, World], table: Path, search: str, expected: str
) -> None:
    content = read(table)
    if table not in tables:
        await empty(shared_world)
        tables.clear()
        tables[table] = shared_world
        base = content.get("with", {})
        await shared_world.store({**base, **one, "id": id_} for id_, one in content["resources"].items())
    url = search if "?" in search else f"{content['type']}?{search}"
    if expected == "error":
        with pytest.raises(Invalid) as error:
            shared_world.request(url)
        parameter = url.partition("?")[2].partition("=")[0]
        assert all(parameter.partition(":")[0].partition(".")[0] in issue.diagnostics for issue in error.value.issues)
        return
    request = shared_world.request(url)
    page = await shared_world.storage.finder.page(request.query, EVERYTHING)
    assert sorted(version.id for version in page.versions) == sorted(expected.split())
    assert await shared_world.storage.finder.count(request.query, EVERYTHING) == len(page.versions)
