"""What is registered can be found: in the CapabilityStatement and in the documentation."""

from pathlib import Path

import httpx2
import pytest

from fhir_server.operations import OPERATIONS

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


async def test_the_capability_statement_lists_every_operation(fhir: httpx2.AsyncClient) -> None:
    (rest,) = (await fhir.get("/metadata")).json()["rest"]
    of_type = {resource["type"]: {one["name"] for one in resource["operation"]} for resource in rest["resource"]}
    everywhere = {"validate", "meta", "meta-add", "meta-delete"}
    assert everywhere | {"everything"} == of_type["Patient"] == of_type["Encounter"]
    assert everywhere | {"lastn", "stats"} == of_type["Observation"]
    assert everywhere == of_type["Binary"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_registered_by_its_code_and_documented(name: str) -> None:
    assert name == OPERATIONS[name].definition.code
    assert f"`${name}`" in PAGE.read_text("utf-8")
