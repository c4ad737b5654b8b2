"""`fhir-server settings`: the table of settings with the values in force, or as the reference page of the docs.

Spec: https://hl7.org/fhir/R4/http.html
"""

import argparse
import os
from collections.abc import Iterator

from fhir_server.cli.configuration import resolve_settings
from fhir_server.cli.failure import OK
from fhir_server.kernel.settings import SETTINGS, Resolved, Setting, text


def run(arguments: argparse.Namespace) -> int:
    """Print the table; nothing secret is shown."""
    print(markdown() if arguments.markdown else table(resolve_settings(arguments, os.environ)))
    return OK


def table(resolved: Resolved) -> str:
    """Return the settings in force as aligned text: name, value, source, meaning."""
    rows = [("SETTING", "VALUE", "FROM", "MEANING")]
    rows += [(row.name, _shown(row, resolved), resolved.sources[row.name], row.doc.help) for row in SETTINGS]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


def markdown() -> str:
    """Return docs/settings.md: what it says follows from the table alone, so a test can compare."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield "Written by `./scripts/docs` from `fhir_server/kernel/settings.py`; change it there."
    yield ""
    yield "Each setting is a flag (`--max-body-bytes 1000`), an environment variable (`FHIR_MAX_BODY_BYTES=1000`) and a"
    yield "key of the TOML file (`max_body_bytes = 1000`); the first of these that speaks wins. The file is named by"
    yield "`--config`, else by `FHIR_CONFIG`, else it is `fhir-server.toml` in the current folder if there is one."
    yield "`fhir-server settings` prints the values in force and where each comes from. A value that cannot be used"
    yield "stops the program with one line and exit status 2."
    yield ""
    yield "| setting | default | meaning |"
    yield "|---|---|---|"
    for setting in SETTINGS:
        yield f"| `{setting.name}` | {_default(setting)} | {_meaning(setting)} |"


def _default(setting: Setting) -> str:
    if setting.default is None:
        return ""
    return f"`{text(setting.default)}`"


def _meaning(setting: Setting) -> str:
    choices = f" – one of {', '.join(f'`{choice}`' for choice in setting.choices)}" if setting.choices else ""
    return setting.doc.help.replace("|", "\\|") + choices


def _shown(setting: Setting, resolved: Resolved) -> str:
    value = getattr(resolved.settings, setting.name)
    if value is None:
        return "-"
    return "********" if setting.doc.secret else text(value)
