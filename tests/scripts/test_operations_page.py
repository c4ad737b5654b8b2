"""The commands of docs/operations.md, run as a reader runs them: in one shell, against the demo's clinic."""

import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import httpx2
import pytest

from fhir_server.demo import clinic
from fhir_server.kernel.fhir_json import encode
from tests.end_to_end.served import served

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
BLOCKS = "".join(re.findall(r"```bash\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
COMMANDS = re.findall(r"^curl .*?(?=^\w|\Z)", BLOCKS, re.MULTILINE | re.DOTALL)

SHELL = """
set -eu
curl() { command curl -sS -w '\\nstatus %{http_code}\\n' "$@"; }
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands need curl")
def test_every_command_finds_what_it_asks_for(tmp_path: Path) -> None:
    with served(tmp_path / "data", "--log-level", "error") as server:
        seed = encode(clinic(1, date(2026, 11, 22)))
        httpx2.post(server.url, content=seed, headers={"Content-Type": "application/fhir+json"}).raise_for_status()
        script = SHELL + BLOCKS.replace("http://127.0.0.1:8080/fhir", server.url)
        run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (0, "") == (run.returncode, run.stderr)
    statuses = re.findall(r"^status (\d+)$", run.stdout, re.MULTILINE)
    assert len(COMMANDS) == sum(status in ("200", "201", "202", "204") for status in statuses), statuses
    assert '"code":"average"' in run.stdout
    assert '"total":0' not in run.stdout


def test_every_operation_has_a_command() -> None:
    headings = set(re.findall(r"^## .*?(\$[\w-]+)", PAGE.read_text("utf-8"), re.MULTILINE))
    assert headings <= {name for command in COMMANDS for name in re.findall(r"\$[\w-]+", command)}
