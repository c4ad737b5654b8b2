"""Reads the command line and hands over to the verb's module; without a verb the bridge runs.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hl7_bridge.cli.failure import CANNOT, CommandError

TOKEN = "HL7_BRIDGE_TOKEN"
"""Environment variable of the bearer token: a flag would show it to everyone who lists processes."""

_INTERRUPTED = 130
_VERBS = ("send", "load", "watch", "convert", "explain", "dead", "outgoing")
_STATES = ("waiting", "accepted", "refused", "untold", "dropped")
_TO = "mllp://127.0.0.1:2575"
_SERVER = "http://127.0.0.1:8080/hl7/v2"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status: 0 done, 1 something was refused, 2 could not be done."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = (parser() if given and given[0] in (*_VERBS, "-h", "--help") else run_parser()).parse_args(given)
    try:
        status: int = import_module(f"hl7_bridge.cli.{arguments.module}").run(arguments)
    except CommandError as error:
        print(f"hl7-bridge: {error}", file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def run_parser() -> argparse.ArgumentParser:
    """Return the parser of `hl7-bridge --fhir URL …`."""
    root = argparse.ArgumentParser(
        prog="hl7-bridge", description="Take HL7 v2 messages and store them on a FHIR server.", allow_abbrev=False
    )
    _add_run(root)
    return root


def parser() -> argparse.ArgumentParser:
    """Return the parser of the verbs; `module` of its result names the verb's module."""
    root = argparse.ArgumentParser(
        prog="hl7-bridge",
        description="HL7 v2 and FHIR. Without a verb: hl7-bridge --fhir URL --mllp PORT runs the bridge.",
        allow_abbrev=False,
    )
    verbs = root.add_subparsers(title="verbs", required=True, metavar="VERB")
    _add_sending(verbs)
    _add_reading(verbs)
    _add_dead(verbs)
    _add_outgoing(verbs)
    return root


_Verbs = argparse._SubParsersAction  # argparse has no public name for it


def _verb(verbs: "_Verbs[argparse.ArgumentParser]", name: str, module: str, help_: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=help_, description=help_, allow_abbrev=False)
    verb.set_defaults(module=module)
    return verb


def _add_run(verb: argparse.ArgumentParser) -> None:
    verb.set_defaults(module="bridge", token=os.environ.get(TOKEN))
    verb.add_argument("--fhir", required=True, metavar="URL", help=f"base URL of the FHIR server (token: ${TOKEN})")
    verb.add_argument("--mllp", type=int, metavar="PORT", help="TCP port to take messages on, as 2575")
    verb.add_argument("--host", default="127.0.0.1", help="address to take messages on (default: 127.0.0.1)")
    verb.add_argument("--certificate", type=Path, help="PEM file of the listener's certificate; given: TLS only")
    verb.add_argument("--key", type=Path, help="PEM file of its key")
    verb.add_argument("--client-ca", type=Path, help="PEM file of authorities whose certificates senders must show")
    verb.add_argument("--folder", type=Path, help="folder to watch for files of messages")
    verb.add_argument("--partners", type=Path, help="YAML file of those who are told what changes on the FHIR server")
    verb.add_argument("--journal", type=Path, default=Path("hl7-bridge.sqlite"), help="file of the journal")
    _add_conversion(verb)


def _add_conversion(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--zone", type=_zone, default=ZoneInfo("UTC"), help="time zone of times without offset")
    verb.add_argument("--charset", help="character set of messages without MSH-18")
    verb.add_argument("--maps", type=Path, action="append", default=[], help="folder of your own maps; may repeat")


def _add_sending(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    where = f"mllp://HOST:PORT, mllps://HOST:PORT or http(s)://HOST/hl7/v2 (default: {_TO})"
    verb = _verb(verbs, "send", "sending", "Send the messages of a file and show the acknowledgement of each.")
    verb.add_argument("file", type=Path, metavar="FILE", help="file of one or more messages, - for standard input")
    verb.add_argument("--to", default=_TO, help=where)
    _add_certificates(verb)
    verb = _verb(verbs, "load", "sending", "Send a batch file (FHS, BHS) and print a summary.")
    verb.add_argument("file", type=Path, metavar="FILE", help="file of messages, with or without batch segments")
    verb.add_argument("--to", default=_TO, help=where)
    verb.set_defaults(brief=True)
    _add_certificates(verb)
    verb = _verb(verbs, "watch", "watching", "Send the files that come into a folder; they move to done or failed.")
    verb.add_argument("folder", type=Path, metavar="FOLDER")
    verb.add_argument("--to", default=_TO, help=where)
    _add_certificates(verb)


def _add_certificates(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--ca", type=Path, help="PEM file of authorities to trust (mllps)")
    verb.add_argument("--certificate", type=Path, help="PEM file of the certificate to show (mllps)")
    verb.add_argument("--key", type=Path, help="PEM file of its key")


def _add_reading(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(verbs, "convert", "reading", "Print the FHIR Bundle that a message becomes; nothing is stored.")
    verb.add_argument("file", type=Path, metavar="FILE", help="file of a message, - for standard input")
    verb.set_defaults(show="bundle")
    _add_conversion(verb)
    verb = _verb(verbs, "explain", "reading", "Show field by field what a message becomes, and what no map takes.")
    verb.add_argument("file", type=Path, metavar="FILE", help="file of a message, - for standard input")
    verb.set_defaults(show="explanation")
    _add_conversion(verb)


def _add_dead(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(verbs, "dead", "dead", "Messages that could not be processed: list, show, edit, replay.")
    verb.add_argument("what", choices=("list", "show", "edit", "replay"))
    verb.add_argument("id", nargs="?", help="which one (as `list` shows it); replay: all without one")
    verb.add_argument("file", nargs="?", type=Path, help="edit: the file that holds the corrected message")
    verb.add_argument("--server", default=_SERVER, metavar="URL", help=f"of a fhir-server (default: {_SERVER})")
    verb.add_argument("--journal", type=Path, help="instead: journal file of a bridge that runs alone")
    verb.add_argument("--fhir", metavar="URL", help="replay with --journal: base URL of the FHIR server")
    verb.add_argument("--sender", help="list, replay: only those of MSH-3|MSH-4")
    verb.set_defaults(token=os.environ.get(TOKEN))
    _add_conversion(verb)


def _add_outgoing(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(verbs, "outgoing", "outgoing", "Messages to partners: list, send one again, drop one.")
    verb.add_argument("what", choices=("list", "again", "drop"))
    verb.add_argument("id", nargs="?", help="again, drop: which one (as `list` shows it)")
    verb.add_argument("--server", default=_SERVER, metavar="URL", help=f"of a fhir-server (default: {_SERVER})")
    verb.add_argument("--outbox", type=Path, metavar="FILE", help="instead: queue of a bridge that runs alone")
    verb.add_argument("--partner", metavar="NAME", help="list: only those of one partner")
    verb.add_argument("--state", default="refused", choices=_STATES)
    verb.add_argument("--limit", type=int, default=100, metavar="N", help="list: at most so many of a partner")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"{name!r} is no time zone known here") from None
