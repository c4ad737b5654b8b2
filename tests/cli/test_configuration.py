from argparse import Namespace
from pathlib import Path

import pytest

from fhir_server.cli.command_line import parser
from fhir_server.cli.configuration import resolve_settings
from fhir_server.kernel.settings import SettingError


def arguments(*flags: str) -> Namespace:
    return parser().parse_args(["serve", *flags])


def test_flag_of_every_kind_is_read() -> None:
    given = arguments("--port", "1", "--native-copy", "no", "--data", "/d", "--mongo-cache-gb", "0.5")
    settings = resolve_settings(given, {}).settings
    assert (settings.port, settings.native_copy, settings.data, settings.mongo_cache_gb) == (1, False, Path("/d"), 0.5)


def test_file_in_the_current_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fhir-server.toml").write_text("port = 1\n")
    resolved = resolve_settings(arguments(), {})
    assert (resolved.settings.port, resolved.sources["port"]) == (1, "fhir-server.toml")


def test_named_file_wins_over_the_variable_and_that_over_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("fhir-server.toml", "a.toml", "b.toml"), 1):
        Path(name).write_text(f"port = {number}\n")
    environ = {"FHIR_CONFIG": "a.toml"}
    assert resolve_settings(arguments(), environ).settings.port == 2
    assert resolve_settings(arguments("--config", "b.toml"), environ).settings.port == 3


def test_missing_named_file_is_an_error() -> None:
    with pytest.raises(SettingError, match=r"^the settings file none.toml cannot be read: No such file or directory$"):
        resolve_settings(arguments("--config", "none.toml"), {})


@pytest.mark.parametrize("content", [b"port = ", b"\xff"])
def test_file_that_is_no_toml_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(SettingError, match="is not TOML"):
        resolve_settings(arguments("--config", str(path)), {})
