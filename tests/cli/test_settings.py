from pathlib import Path

import pytest

from fhir_server.cli import main
from fhir_server.cli.settings import markdown
from fhir_server.kernel.settings import SETTINGS

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_table_shows_name_value_source_and_meaning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FHIR_WORKERS", "3")
    assert main(["settings", "--native-copy", "false"]) == 0
    lines = [line.split(maxsplit=3) for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["SETTING", *(setting.name for setting in SETTINGS)]
    assert ["workers", "3", "FHIR_WORKERS", "server processes that share the port"] in lines
    assert ["native_copy", "false", "--native-copy"] in [line[:3] for line in lines]


def test_secrets_are_not_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_MONGO", "mongodb://me:sesame@db/")
    monkeypatch.setenv("FHIR_CURSOR_KEY", "sesame")
    main(["settings"])
    assert "sesame" not in capsys.readouterr().out


def test_reference_page_is_current() -> None:
    assert DOCS.read_text("utf-8") == markdown() + "\n", "run ./scripts/docs"
