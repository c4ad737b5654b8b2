"""What is registered can be found: in the CapabilityStatement and in the documentation."""

from pathlib import Path

import httpx2
import pytest

from fhir_server.interactions.operation import Operation
from fhir_server.operations import OPERATIONS

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


async def test_the_capability_statement_lists_every_operation(fhir: httpx2.AsyncClient) -> None:
    (rest,) = (await fhir.get("/metadata")).json()["rest"]
    of_type = {resource["type"]: {one["name"] for one in resource["operation"]} for resource in rest["resource"]}
    everywhere = {"validate", "meta", "meta-add", "meta-delete", "expunge"}
    assert everywhere | {"everything"} == of_type["Patient"] == of_type["Encounter"]
    assert everywhere | {"lastn", "stats"} == of_type["Observation"]
    assert everywhere == of_type["Binary"]


@pytest.mark.parametrize("type_", ["Patient", "Encounter"])
async def test_operations_of_one_name_have_the_definition_of_their_type(fhir: httpx2.AsyncClient, type_: str) -> None:
    (rest,) = (await fhir.get("/metadata")).json()["rest"]
    (resource,) = (one for one in rest["resource"] if one["type"] == type_)
    (definition,) = (one["definition"] for one in resource["operation"] if one["name"] == "everything")
    assert f"http://hl7.org/fhir/OperationDefinition/{type_}-everything" == definition


async def test_operations_of_this_server_alone_are_defined_in_the_statement_itself(fhir: httpx2.AsyncClient) -> None:
    content = (await fhir.get("/metadata")).json()
    (rest,) = content["rest"]
    (definition,) = (one["definition"] for one in rest["operation"] if one["name"] == "expunge")
    (contained,) = (one for one in content["contained"] if f"#{one['id']}" == definition)
    assert {"limit", "count"} <= {parameter["name"] for parameter in contained["parameter"]}
    response = await fhir.post("/OperationDefinition", json={**contained, "id": "x"})
    assert 201 == response.status_code, response.text


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.definition.code)
def test_an_operation_is_documented(operation: Operation) -> None:
    assert f"`${operation.definition.code}`" in PAGE.read_text("utf-8")
