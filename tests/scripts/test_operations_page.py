"""The commands of docs/operations.md do what they show."""

import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.make import observation, patient

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
COMMANDS = [
    command
    for block in re.findall(r"```bash\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for command in re.findall(r"^curl (.*?)(?=^\w|\Z)", block, re.MULTILINE | re.DOTALL)
]
BASE = "http://127.0.0.1:8080/fhir"
EXAMPLES = (
    patient(id="example"),
    {"resourceType": "Encounter", "id": "example", "status": "finished", "class": {"code": "AMB"}},
    observation(id="example", subject={"reference": "Patient/example"}),
    {
        "resourceType": "SearchParameter",
        "id": "example",
        "url": "http://example.org/SearchParameter/nickname",
        "name": "nickname",
        "status": "active",
        "description": "what friends say",
        "code": "nickname",
        "base": ["Patient"],
        "type": "string",
        "expression": "Patient.name.where(use = 'nickname').given",
    },
)


@pytest.fixture
async def examples(fhir: httpx2.AsyncClient) -> AsyncIterator[None]:
    """What the page asks for is there; the search parameter is not in force for other tests."""
    for resource in EXAMPLES:
        stored = await fhir.put(f"/{resource['resourceType']}/example", json=resource)
        assert stored.status_code in (200, 201), stored.text
    yield
    await fhir.delete("/SearchParameter/example")


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split("'")[1])
async def test_the_command_works(fhir: httpx2.AsyncClient, command: str) -> None:
    words = iter(shlex.split(command.replace("\\\n", " ")))
    method, url, body, headers = "GET", "", None, {}
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words)
            case "-i":
                continue
            case _:
                url = word
    assert url.startswith(BASE)
    response = await fhir.request(method, url.removeprefix(BASE), content=body, headers=headers)
    assert response.status_code in (200, 202, 204), response.text


def test_every_operation_has_a_command() -> None:
    headings = set(re.findall(r"^## .*?(\$[\w-]+)", PAGE.read_text("utf-8"), re.MULTILINE))
    assert headings <= {name for command in COMMANDS for name in re.findall(r"\$[\w-]+", command)}
