"""Reads the command line and hands over to the verb's module, which alone imports what the verb needs.

Importing all of it would cost each `--help` 0.7 s (web framework 420 ms, database driver 290 ms).
Spec: https://hl7.org/fhir/R4/http.html
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from fhir_server.cli.configuration import add_setting_flags
from fhir_server.cli.failure import CANNOT, CommandError
from fhir_server.kernel.settings import SettingError

DEFAULT_URL = "http://127.0.0.1:8080/fhir"
_INTERRUPTED = 130  # what shells expect of a program that Ctrl-C ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status: 0 done, 1 something was rejected or found, 2 could not be done."""
    arguments = parser().parse_args(argv)
    try:
        status: int = import_module(f"fhir_server.cli.{arguments.module}").run(arguments)
    except (CommandError, SettingError) as error:
        print(f"fhir-server: {error}", file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; `module` of its result names the verb's module."""
    root = argparse.ArgumentParser(prog="fhir-server", description="A FHIR R4 server on MongoDB.", allow_abbrev=False)
    root.add_argument("--version", action="version", version=f"fhir-server {version('fhir-server')}")
    verbs = root.add_subparsers(title="verbs", required=True, metavar="VERB")
    _add_serve(verbs)
    _add_demo(verbs)
    _add_load(verbs)
    _add_check(verbs)
    _add_settings(verbs)
    return root


_Verbs = argparse._SubParsersAction  # argparse has no public name for it


def _verb(verbs: "_Verbs[argparse.ArgumentParser]", name: str, module: str, help_: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=help_, description=help_, allow_abbrev=False)
    verb.set_defaults(module=module)
    return verb


def _add_serve(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(
        verbs, "serve", "serve", "Serve FHIR until Ctrl-C; prints `ready <base url>` when requests are accepted."
    )
    add_setting_flags(verb)


def _add_demo(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(verbs, "demo", "demo", "Serve a small generated clinic from a private folder (.demo).")
    verb.add_argument("--reset", action="store_true", help="throw the demo's data away and start over")
    verb.add_argument("--seed", type=int, default=1, help="which clinic to generate on the first start (default: 1)")
    add_setting_flags(verb)


def _add_load(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(verbs, "load", "load", "Send Bundles, resources and NDJSON, plain or .gz, to a running server.")
    verb.add_argument("paths", nargs="+", metavar="PATH", help="file or folder (searched for .json, .ndjson, .gz)")
    verb.add_argument("--url", default=DEFAULT_URL, help=f"base URL of the server (default: {DEFAULT_URL})")
    verb.add_argument("--in-flight", type=int, default=8, help="requests under way at a time (default: 8)")
    verb.add_argument("--rejects", default="rejected.ndjson", help="file for rejected entries and reasons")


def _add_check(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(verbs, "check", "check", "Verify a database: native copy = served text, indexes, gapless versions.")
    add_setting_flags(verb)


def _add_settings(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(verbs, "settings", "settings", "Print every setting, its value and where the value comes from.")
    verb.add_argument("--markdown", action="store_true", help="print the reference page docs/settings.md instead")
    add_setting_flags(verb)
