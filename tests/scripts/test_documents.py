"""What the documents name exists: scripts, verbs, flags, files and packages."""

import re
import tomllib
from pathlib import Path

import pytest

from fhir_server.cli.command_line import parser

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_scripts_that_are_named_exist(document: Path) -> None:
    names = re.findall(r"\./scripts/([\w-]+)", document.read_text("utf-8"))
    assert [name for name in names if not (ROOT / "scripts" / name).is_file()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_of_code_blocks_can_be_parsed(document: Path) -> None:
    blocks = "".join(re.findall(r"```bash\n(.*?)```", document.read_text("utf-8"), re.DOTALL))
    for command in re.findall(r"^fhir-server (.*)$", blocks, re.MULTILINE):
        parser().parse_args(command.replace("'", "").split())


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(row for rows in project["optional-dependencies"].values() for row in rows)]
    names = {re.split(r"[^\w.-]", row)[0] for row in wanted}
    explained = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    assert sorted(name for name in names if name not in explained) == []
