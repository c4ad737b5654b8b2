"""Where the command line's settings come from: flags, FHIR_* variables and a TOML file.

Spec: https://hl7.org/fhir/R4/http.html (what the settings govern)
"""

import argparse
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fhir_server.kernel.settings import SETTINGS, Resolved, Setting, SettingError, resolve, text

DEFAULT_FILE = "fhir-server.toml"
CONFIG_VARIABLE = "FHIR_CONFIG"


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Add --config and one flag for each setting; values stay text, so that `resolve` words every complaint."""
    group = parser.add_argument_group("settings")
    group.add_argument("--config", metavar="FILE", help=f"TOML file (default: ${CONFIG_VARIABLE} or ./{DEFAULT_FILE})")
    for setting in SETTINGS:
        default = "" if setting.default is None else f" (default: {text(setting.default)})"
        group.add_argument(setting.flag, metavar=_metavar(setting), help=setting.doc.help.replace("%", "%%") + default)


def resolve_settings(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Resolved:
    """Return the settings in force.

    Errors: SettingError for a bad value and for a file that cannot be read; one line that names the place
    """
    given = {row.name: value for row in SETTINGS if (value := getattr(arguments, row.name)) is not None}
    named = arguments.config or environ.get(CONFIG_VARIABLE)
    path = Path(named or DEFAULT_FILE)
    file = _read_toml(path) if named or path.is_file() else {}
    return resolve(arguments=given, environ=environ, file=file, file_name=str(path))


def _metavar(setting: Setting) -> str:
    if setting.choices:
        return "|".join(setting.choices)
    return {int: "N", float: "N", bool: "true|false", Path: "PATH"}.get(setting.type, "TEXT")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError(f"the settings file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"the settings file {path} is not TOML: {error}") from None
