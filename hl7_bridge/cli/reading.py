"""`hl7-bridge convert` and `hl7-bridge explain`: what a message becomes, without a server.

Spec: https://hl7.org/fhir/R4/bundle.html#transaction
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hl7_bridge.cli.failure import OK, CommandError
from hl7_bridge.convert import ConversionError, Converter, load_layers
from hl7_bridge.er7 import Er7Error, Message, parse
from hl7_bridge.explain import explain
from hl7_bridge.mapping.errors import MapError

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


def run(arguments: argparse.Namespace) -> int:
    """Print what is asked for.

    Errors: CommandError when the file is no message, or cannot be converted
    """
    try:
        message = parse(_read(arguments.file), charset=arguments.charset)
        converter = Converter(load_layers(arguments.maps), zone=arguments.zone)
        if arguments.show == "bundle":
            _print_bundle(message, converter)
        else:
            _print_explanation(message, converter)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has read enough; what is left goes nowhere, also at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise CommandError(f"{arguments.file} cannot be read: {error.strerror}") from None
    except MapError as error:
        raise CommandError(f"the maps cannot be used: {error}") from None
    except Er7Error as error:
        raise CommandError(f"{arguments.file} is no message: {error}") from None
    except ConversionError as error:
        raise CommandError(f"{arguments.file} cannot be converted: {error.place}: {error}") from None
    return OK


def _print_bundle(message: Message, converter: Converter) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - the only use of the clock of this verb
    conversion = converter.convert(message, received=now)
    print(msgspec.json.format(_ENCODE(conversion.bundle()), indent=2).decode())
    for note in conversion.notes:
        print(f"note: {note.place}: {note.text}", file=sys.stderr)
    if conversion.unmapped:
        print(f"no map takes: {', '.join(conversion.unmapped)}", file=sys.stderr)


def _print_explanation(message: Message, converter: Converter) -> None:
    """Print one line for each populated part: its place, its value, and where it goes."""
    parts = explain(message, converter)
    width = max((len(part.place) for part in parts), default=0)
    for part in parts:
        where = {
            "mapped": ", ".join(part.targets),
            "ignored": "(said elsewhere, or of the message only)",
            "unmapped": "NOT MAPPED",
        }
        print(f"{part.place:{width}}  {_shown(part.value):40}  {where[part.outcome]}")
    missed = sum(part.outcome == "unmapped" for part in parts)
    print(f"{len(parts)} populated parts, {missed} not mapped (the raw message is kept)")


def _shown(text: str) -> str:
    text = text.replace("\r", " ").replace("\n", " ")
    return text if len(text) <= 40 else f"{text[:39]}…"


def _read(path: Path) -> bytes:
    return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
