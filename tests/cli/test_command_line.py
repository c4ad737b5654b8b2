import subprocess
import sys
from pathlib import Path

import pytest

from fhir_server.cli import main


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, "fhir-server 0.1.0\n")


def test_without_a_verb_the_usage_is_shown_and_the_status_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "usage: fhir-server" in capsys.readouterr().err


def test_bad_setting_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "many"]) == 2
    assert capsys.readouterr().err == "fhir-server: port: 'many' is not a whole number (from --port)\n"


def test_serving_without_authorization_to_other_machines_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    said = capsys.readouterr().err
    assert said == (
        "fhir-server: --auth none is refused on 0.0.0.0, which other machines can reach: use --host 127.0.0.1\n"
    )


@pytest.mark.parametrize("verb", ["serve", "load", "check", "settings", "demo"])
def test_help_of_a_verb_needs_neither_web_framework_nor_driver(verb: str, tmp_path: Path) -> None:
    program = (
        "import sys, fhir_server.cli\n"
        f"try: fhir_server.cli.main(['{verb}', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'fastapi', 'pymongo', 'httpx2', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
