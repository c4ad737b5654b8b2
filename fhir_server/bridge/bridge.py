"""The HL7 v2 bridge over this server: built once for a process, from its settings and collaborators.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fhir_server.bridge.journal import MongoJournal
from fhir_server.bridge.store import Store
from fhir_server.interactions.env import Env
from fhir_server.kernel.errors import Invalid, Issue, Unavailable, Unprocessable
from fhir_server.kernel.settings import Settings
from fhir_server.kernel.types import Resource
from fhir_server.storage.journal import Letters
from hl7_bridge.convert import Conversion, ConversionError, Converter, load_layers
from hl7_bridge.er7 import Er7Error, Message, parse
from hl7_bridge.inbound.join import Joiner
from hl7_bridge.inbound.pipeline import Converts, Inbound, Processed, Surroundings
from hl7_bridge.inbound.processing import Processing
from hl7_bridge.inbound.verdict import place, unreadable
from hl7_bridge.mapping.context import Sender
from hl7_bridge.mapping.errors import MapError
from hl7_bridge.replay import DeadLetters


@dataclass(frozen=True, slots=True)
class Bridge:
    """What the HTTP surface and the MLLP listener use."""

    inbound: Inbound
    journal: MongoJournal
    dead_letters: DeadLetters
    converter: Converts
    env: Env

    def converted(self, raw: bytes) -> Resource:
        """Return the transaction Bundle of a message; nothing is looked up, nothing stored.

        Errors: Invalid for what is no message, Unprocessable for one that cannot be converted; they name the place
        """
        try:
            message = parse(raw, charset=self.env.settings.hl7_charset)
            return self.converter.convert(message, received=self.env.clock()).bundle()
        except Er7Error as error:
            raise Invalid(_issue(error, "structure")) from None
        except ConversionError as error:
            raise Unprocessable(_issue(error, "processing")) from None


@asynccontextmanager
async def opened_bridge(env: Env, observe: Callable[[Processed], None]) -> AsyncIterator[Bridge]:
    """Give the bridge; what it has in its journal's queues is written before the end.

    Errors: Unavailable, in one line, for maps that cannot be used
    """
    converter = _Maps(env.settings)
    if env.settings.mllp is not None or env.settings.hl7_maps is not None:
        converter.made()
    letters = Letters(env.storage.database)
    await letters.prepare()
    store = Store(env)
    around = Surroundings(env.clock, env.new_id, observe, env.settings.hl7_charset)
    journal = MongoJournal(letters, env.clock)
    inbound = Inbound(converter, journal, Processing(store, store, Joiner(env.definitions)), around)
    yield Bridge(inbound, journal, DeadLetters(inbound), converter, env)
    await inbound.idle()
    await letters.idle()


class _Maps:
    """The converter, made when the first message comes: compiling the maps costs a server that gets none its start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: Converter | None = None

    def convert(self, message: Message, *, received: datetime) -> Conversion:
        return self.made().convert(message, received=received)

    def sender(self, message: Message) -> Sender:
        return self.made().sender(message)

    def made(self) -> Converter:
        """Return the converter; raise Unavailable when a map is wrong."""
        if self._made is None:
            settings = self._settings
            folders = [] if settings.hl7_maps is None else [settings.hl7_maps]
            try:
                self._made = Converter(
                    load_layers(folders), zone=ZoneInfo(settings.hl7_time_zone or settings.time_zone)
                )
            except MapError as error:
                raise Unavailable(f"the HL7 v2 maps cannot be used: {error}") from None
        return self._made


def _issue(error: Er7Error | ConversionError, code: str) -> Issue:
    problem = unreadable(error).problems[0]
    return Issue(code, error.text, expression=place(problem) or None)
