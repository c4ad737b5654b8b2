"""Converts a message into FHIR resources with business keys: pure, with no look at any store.

Spec: https://hl7.org/fhir/R4/bundle.html#transaction, https://hl7.org/fhir/R4/http.html#cond-update
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from hl7_bridge.actions import Action, Book, Inherit, Link, Merge, Move, Reassign, Reverse, Unlink
from hl7_bridge.datatypes.times import BadValue, date_time
from hl7_bridge.envelope import keep_raw, message_identity, provenance
from hl7_bridge.er7 import Message, Segment
from hl7_bridge.mapping.context import (
    Context,
    Draft,
    Intent,
    Joining,
    Note,
    Resource,
    Sender,
)
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.mapping.groups import arrange
from hl7_bridge.mapping.layers import Layer, load_layers
from hl7_bridge.mapping.places import place
from hl7_bridge.mapping.program import Program, compile_program
from hl7_bridge.mapping.scope import Scope
from hl7_bridge.mapping.sections import Section
from hl7_bridge.mapping.trace import Trace, unmapped
from hl7_bridge.twins import joined_twins
from hl7_bridge.versions import nearest

__all__ = ["Conversion", "ConversionError", "Converter", "Entry", "Note", "load_layers"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource that a message says something about.

    `key` is a percent-encoded query that finds it where it is stored, None for what is new each time; `clears` are
    paths of elements that the sender deletes; `merge` says of list elements how they join those stored (`union`; else
    the message's list replaces; `identifier` is always a union).
    """

    resource: Resource
    full_url: str
    key: str | None
    intent: Intent
    clears: frozenset[str] = frozenset()
    merge: Mapping[str, Joining] = field(default_factory=dict)

    def request(self) -> dict[str, str]:
        """Return the conditional request of this entry in a transaction."""
        type_ = self.resource["resourceType"]
        if self.key is None:
            return {"method": "POST", "url": type_}
        if self.intent == "upsert":
            return {"method": "PUT", "url": f"{type_}?{self.key}"}
        if self.intent == "delete":
            return {"method": "DELETE", "url": f"{type_}?{self.key}"}
        return {"method": "POST", "url": type_, "ifNoneExist": self.key}


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a message says; `unmapped` are populated fields that no map took anything from, in message order.

    `patient_keys` are those of the patients, and of whoever and whatever is booked: messages that share one wait for
    each other.
    """

    entries: tuple[Entry, ...]
    actions: tuple[Action, ...]
    notes: tuple[Note, ...]
    unmapped: tuple[str, ...]
    occurred: str
    patient_keys: tuple[str, ...]

    def bundle(self) -> Resource:
        """Return the transaction Bundle that stores the resources by their keys."""
        made = [
            {"fullUrl": one.full_url, "resource": one.resource, "request": one.request()}
            if one.intent != "delete"
            else {"request": one.request()}
            for one in self.entries
        ]
        return {"resourceType": "Bundle", "type": "transaction", "entry": made}


class Converter:
    """Converts messages; keeps the compiled maps of the senders that it met."""

    def __init__(
        self, layers: Sequence[Layer] | None = None, *, zone: tzinfo, zones: Mapping[str, tzinfo] | None = None
    ) -> None:
        """`zone` is where times without offset were written; `zones` by sender (`MSH-3|MSH-4`).

        Errors: MapError when a map is wrong
        """
        self._layers = tuple(load_layers() if layers is None else layers)
        self._zone = zone
        self._zones = zones or {}
        # Senders and versions come from messages: what is remembered of them is bounded.
        self._program = lru_cache(maxsize=32)(self._compiled)
        self._sender = lru_cache(maxsize=64)(self._made_sender)
        self._selection = lru_cache(maxsize=1024)(self._applying)
        # Whatever is wrong in any map is wrong now, and not when its first message comes.
        self._program(tuple(range(len(self._layers))))

    def convert(self, message: Message, *, received: datetime, trace: Trace | None = None) -> Conversion:
        """Return what a message says; a `trace` is told which rules took what.

        Errors: ConversionError naming segment, field and component
        """
        name = "|".join(message.sender)
        version, exact = nearest(message.version)
        selected = self._selection(version, name)
        program = self._program(selected)
        root = self._grammar(program, message)
        sender = self._sender(name, selected)
        context = Context(
            sender,
            identity=message_identity(message),
            delimiters=message.delimiters,
            occurred=occurred(message, sender.zone),
            trace=trace,
        )
        if not exact:
            context.note("MSH-12", f"the version is not known; read as {version}")
        for warning in message.warnings:
            context.note("MSH", warning)
        scope = arrange(message, program.messages[root])
        try:
            demand(program.requires.get(root, ()), scope)
            drafts = filled(program, scope, context)
            return finished(message, scope, context, drafts, received)
        finally:
            scope.release()

    def program(self, message: Message) -> Program:
        """Return the maps that apply to a message."""
        return self._program(self._selection(nearest(message.version)[0], "|".join(message.sender)))

    def sender(self, message: Message) -> Sender:
        """Return how the sender of a message writes: its zone, tables and authorities."""
        name = "|".join(message.sender)
        return self._sender(name, self._selection(nearest(message.version)[0], name))

    def _grammar(self, program: Program, message: Message) -> str:
        found = program.grammar(message.type, message.trigger, message.structure)
        if found is not None:
            return found
        known = any(trigger.startswith(f"{message.type}^") for trigger in program.triggers)
        named = MESSAGE_TYPE.match(f"{message.type}^{message.trigger}")
        text = f"{named[0] if named else 'such a message'} is not supported"
        raise ConversionError("201" if known else "200", text, segment="MSH", field=9, component=2 if known else 1)

    def _applying(self, version: str, sender: str) -> tuple[int, ...]:
        return tuple(number for number, layer in enumerate(self._layers) if layer.applies(version, sender))

    def _compiled(self, selection: tuple[int, ...]) -> Program:
        return compile_program([self._layers[number] for number in selection])

    def _made_sender(self, name: str, selection: tuple[int, ...]) -> Sender:
        program = self._program(selection)
        return Sender(
            name=name,
            zone=self._zones.get(name, self._zone),
            tables=program.tables,
            systems=program.systems,
            authorities=program.authorities,
        )


MESSAGE_TYPE = re.compile(r"[A-Z]{3}\^[A-Z][0-9A-Z]{2}\Z")


def occurred(message: Message, zone: tzinfo) -> str:
    """Return when what the message tells happened: EVN-6 is what people say, EVN-2 and MSH-7 what machines recorded."""
    event = message.first("EVN")
    texts = [event.value(2) if event else "", message.header.value(7)]
    for text in texts:
        try:
            if found := date_time(text, zone):
                return found
        except BadValue:
            continue
    return ""


def demand(required: Iterable[str], scope: Scope) -> None:
    """Errors: ConversionError when the message lacks a segment, or a field (alternatives stand between bars)."""
    for one in required:
        if "-" not in one:
            if scope.message.first(one) is None:
                raise ConversionError("100", f"there is no {one} segment", segment=one)
            continue
        places = [place(part, one) for part in one.split("|")]
        if not any(part.of(found) for part in places for found in scope.message.every(part.segment)):
            first = places[0]
            raise ConversionError(
                "101", f"{one} is missing", segment=first.segment, field=first.field, component=first.component
            )


def filled(program: Program, root: Scope, context: Context) -> list[tuple[Draft, str, Scope]]:
    """Return the entries of all scopes, with what their segments give them; each with its role and scope.

    All are made before the first is filled: segments refer to entries that come later.
    """
    drafts: list[tuple[Draft, str, Scope]] = []
    work: list[tuple[Section, Segment, Draft, Scope]] = []
    for scope in root.inwards():
        for segment in scope.segments:
            for role in scope.group.segments.get(segment.name, ()):
                section = program.sections[segment.name, role]
                if not section.applies(segment, scope):
                    context.read[segment.place] = context.read.get(segment.place, 0) | section.ignores
                    continue
                draft = scope.drafts.get(role)
                if draft is None:
                    kind = program.roles[role]
                    draft = context.draft(kind.type, kind.intent)
                    scope.add(role, draft)
                    drafts.append((draft, role, scope))
                work.append((section, segment, draft, scope))
    for section, segment, draft, scope in work:
        section.run(segment, draft, scope, context)
    # The keys of others are made with that of the patient, who may come later in the message.
    for draft, role, scope in sorted(drafts, key=lambda one: one[0].type != "Patient"):
        program.roles[role].complete(draft, scope, context)
    return drafts


def finished(
    message: Message, scope: Scope, context: Context, drafts: list[tuple[Draft, str, Scope]], received: datetime
) -> Conversion:
    """Return the conversion: twins joined, the raw message kept, everything accounted for."""
    raw = keep_raw(message, scope, context, received)
    about = [one for one in context.drafts if one.type not in ENVELOPE and one.intent != "reference" and one is not raw]
    provenance(message, scope, context, received, raw=raw, about=about)
    twins = joined_twins(context)
    kept = [draft for draft in context.drafts if draft.full_url not in twins]
    entries = tuple(entry_of(draft, twins) for draft in kept)
    patients = [draft.key for draft, _, _ in drafts if draft.type == "Patient" and draft.key]
    booked = {actor for action in context.actions if isinstance(action, Book) for actor in action.actors}
    patients += [draft.key for draft in kept if draft.full_url in booked and draft.key]
    return Conversion(
        entries,
        tuple(renamed_action(action, twins) for action in context.actions),
        tuple(context.notes),
        tuple(unmapped(message, context)),
        context.occurred,
        tuple(dict.fromkeys(patients)),
    )


ENVELOPE = frozenset({"MessageHeader", "Provenance"})


NOTHING: frozenset[str] = frozenset()


def entry_of(draft: Draft, twins: Mapping[str, str]) -> Entry:
    resource = renamed(draft.resource, twins) if twins else draft.resource
    return Entry(
        resource,
        draft.full_url,
        draft.key,
        draft.intent,
        frozenset(draft.clears) if draft.clears else NOTHING,
        draft.merge,
    )


def renamed(node: Any, names: Mapping[str, str]) -> Any:
    """Return a value with its references renamed."""
    if isinstance(node, dict):
        return {
            name: names.get(one, one) if name == "reference" and isinstance(one, str) else renamed(one, names)
            for name, one in node.items()
        }
    return [renamed(one, names) for one in node] if isinstance(node, list) else node


def renamed_action(action: Action, names: Mapping[str, str]) -> Action:
    match action:
        case Merge(survivor, prior):
            return Merge(names.get(survivor, survivor), names.get(prior, prior))
        case Link(first, second) | Unlink(first, second):
            return replace(action, first=names.get(first, first), second=names.get(second, second))
        case Move(resource, owner, former):
            return Move(*(names.get(one, one) for one in (resource, owner, former)))
        case Reassign(owner, former, named):
            return Reassign(names.get(owner, owner), names.get(former, former), named)
        case Book(appointment, actors):
            return Book(names.get(appointment, appointment), tuple(names.get(one, one) for one in actors))
        case Inherit(heir, element, source):
            return Inherit(names.get(heir, heir), element, names.get(source, source))
        case Reverse(credit):
            return Reverse(names.get(credit, credit))
