"""`hl7-bridge`, as its documents call it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hl7_bridge.cli import main
from hl7_bridge.cli.command_line import parser, run_parser
from tests.hl7_bridge.made import admission

DOCUMENT = Path(__file__).parents[3] / "docs" / "hl7v2.md"


def commands() -> list[str]:
    blocks = "".join(re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL))
    return [re.split("  #| >", line)[0] for line in re.findall(r"^hl7-bridge (.*)$", blocks, re.MULTILINE)]


@pytest.mark.parametrize("command", commands())
def test_commands_of_the_document_can_be_parsed(command: str) -> None:
    words = command.split()
    (run_parser() if words[0].startswith("--") else parser()).parse_args(words)


def test_the_document_shows_every_verb() -> None:
    shown = DOCUMENT.read_text("utf-8")
    verbs = (
        "send",
        "load",
        "watch",
        "convert",
        "explain",
        "dead list",
        "dead show",
        "dead edit",
        "dead replay",
        "outgoing list",
        "outgoing again",
    )
    assert [verb for verb in verbs if f"hl7-bridge {verb}" not in shown] == []


def test_convert_prints_a_bundle_and_what_no_map_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.hl7"
    file.write_bytes(admission("1", control_id="1") + b"ZZZ|1|lost\r")
    assert main(["convert", str(file)]) == 0
    said = capsys.readouterr()
    assert '"resourceType": "Bundle"' in said.out
    assert "ZZZ" in said.err


def test_explain_accounts_for_every_populated_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.hl7"
    file.write_bytes(admission("1", control_id="1") + b"ZZZ|1|lost\r")
    assert main(["explain", str(file)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"PID-7\.1 +19800101 +Patient\.birthDate", said)
    assert re.search(r"ZZZ-2\.1 +lost +NOT MAPPED", said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convert", "missing.hl7"], "cannot be read"),
        (["send", "missing.hl7"], "cannot be read"),
        (["dead", "show"], "say which one"),
        (["dead", "list", "--journal", "missing.sqlite"], "there is no journal"),
        (["dead", "list", "--server", "http://127.0.0.1:9/hl7/v2"], "nobody answers at"),
        (["--fhir", "http://127.0.0.1:9/fhir"], "nothing to do"),
        (["--fhir", "http://127.0.0.1:9/fhir", "--mllp", "0", "--journal", "x"], "does not start"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_what_is_no_message_is_told_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.hl7"
    file.write_text("good morning")
    assert main(["explain", str(file)]) == 2
    assert "is no message" in capsys.readouterr().err


def test_nobody_at_the_other_end_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.hl7"
    file.write_bytes(admission("1", control_id="1"))
    assert main(["send", str(file), "--to", "mllp://127.0.0.1:9"]) == 2
    assert "does not answer" in capsys.readouterr().err
    assert main(["send", str(file), "--to", "ftp://x"]) == 2


def test_help_names_the_verbs() -> None:
    command = [sys.executable, "-m", "hl7_bridge.cli", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert all(verb in said for verb in ("send", "load", "watch", "convert", "explain", "dead"))


def test_a_reader_who_has_enough_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "long.hl7"
    path.write_bytes(admission("1", control_id="C") + b"".join(b"AL1|%d||P%d^x\r" % (n, n) for n in range(500)))
    command = [sys.executable, "-m", "hl7_bridge.cli", "convert", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, b"cannot be read" in said, b"Traceback" in said) == (0, False, False)
