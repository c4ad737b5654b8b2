from pathlib import Path

import pytest

from fhir_server.kernel.settings import SETTINGS, SettingError, Settings, resolve, to_environment


def test_without_any_source_every_setting_has_its_default() -> None:
    resolved = resolve(environ={"XDG_DATA_HOME": "/x"})
    assert resolved.settings == Settings(data=Path("/x/fhir-server"))
    assert set(resolved.sources.values()) == {"default"}


def test_flag_wins_over_environment_over_file() -> None:
    file = {"port": 1, "workers": 2, "host": "::1"}
    environ = {"FHIR_PORT": "3", "FHIR_WORKERS": "4"}
    resolved = resolve(arguments={"port": "5"}, environ=environ, file=file, file_name="my.toml")
    assert (resolved.settings.port, resolved.settings.workers, resolved.settings.host) == (5, 4, "::1")
    sources = resolved.sources
    assert [sources[name] for name in ("port", "workers", "host")] == ["--port", "FHIR_WORKERS", "my.toml"]


def test_empty_environment_variable_counts_as_unset() -> None:
    assert resolve(environ={"FHIR_MONGO": ""}).settings.mongo is None


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"FHIR_PORT": "many"}, "port: 'many' is not a whole number (from FHIR_PORT)"),
        ({"FHIR_PORT": "1.5"}, "port: '1.5' is not a whole number (from FHIR_PORT)"),
        ({"FHIR_PORT": "-1"}, "port: '-1' is not a number from 0 to 65535 (from FHIR_PORT)"),
        ({"FHIR_PORT": "65536"}, "port: '65536' is not a number from 0 to 65535 (from FHIR_PORT)"),
        (
            {"FHIR_WORKERS": "0"},
            "workers: '0' is not a number from 1 to 1024 (from FHIR_WORKERS)",
        ),
        ({"FHIR_MONGO_CACHE_GB": "nan"}, "mongo_cache_gb: 'nan' is not a number (from FHIR_MONGO_CACHE_GB)"),
        ({"FHIR_NATIVE_COPY": "maybe"}, "native_copy: 'maybe' is not true or false (from FHIR_NATIVE_COPY)"),
        ({"FHIR_MONGO_CACHE_GB": "inf"}, "mongo_cache_gb: 'inf' is not a number (from FHIR_MONGO_CACHE_GB)"),
        ({"FHIR_TIME_ZONE": "Mars/Base"}, "time_zone: 'Mars/Base' is not a time zone known here (from FHIR_TIME_ZONE)"),
        ({"FHIR_TIME_ZONE": "../etc"}, "time_zone: '../etc' is not a time zone known here (from FHIR_TIME_ZONE)"),
        ({"FHIR_LOG_FORMAT": "xml"}, "log_format: 'xml' is not one of json, text (from FHIR_LOG_FORMAT)"),
    ],
)
def test_bad_value_is_named_with_setting_and_source(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError) as caught:
        resolve(environ=environ)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [True, [1], {"a": 1}, 1.5])
def test_file_value_of_the_wrong_type_is_refused(value: object) -> None:
    with pytest.raises(SettingError, match=r"^port: .* is not a whole number \(from fhir-server.toml\)$"):
        resolve(file={"port": value})


def test_huge_number_is_a_complaint_not_a_crash() -> None:
    with pytest.raises(SettingError, match=r"port: .* is not a whole number"):
        resolve(environ={"FHIR_PORT": "9" * 400})


def test_number_in_file_is_no_text() -> None:
    with pytest.raises(SettingError, match="database: 7 is not a text"):
        resolve(file={"database": 7})


def test_secret_value_is_not_repeated_in_the_error() -> None:
    with pytest.raises(SettingError) as caught:
        resolve(file={"cursor_key": 12345})
    assert "12345" not in str(caught.value)


def test_unknown_name_in_file_is_refused() -> None:
    with pytest.raises(SettingError, match=r"^prot: not a setting \(in fhir-server.toml\)"):
        resolve(file={"prot": 1})


def test_workers_read_back_from_the_environment_what_the_parent_resolved() -> None:
    settings = resolve(
        arguments={"native_copy": "false", "mongo": "mongodb://a/?replicaSet=r", "mongo_cache_gb": "0.5", "data": "/d"}
    ).settings
    assert resolve(environ=to_environment(settings)).settings == settings


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_says_what_it_means_and_reads_its_own_default_back(setting) -> None:  # type: ignore[no-untyped-def]
    assert setting.doc.help
    assert not setting.doc.help.endswith(".")
    if setting.default is not None:
        environ = {setting.variable: str(setting.default)}
        assert getattr(resolve(environ=environ).settings, setting.name) == setting.default
