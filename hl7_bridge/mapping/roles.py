"""What the resources of a role have in common: type, intent, business key, elements that must not be missing.

Spec: https://hl7.org/fhir/R4/http.html#ccreate
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from hl7_bridge.datatypes.times import BadValue
from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import URI_SYSTEM, Context, Draft, Intent, Joining, derived_identifier, key_of
from hl7_bridge.mapping.errors import ConversionError, MapError
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.places import Place, place
from hl7_bridge.mapping.scope import Scope

KEYS = {"type", "intent", "key", "prefer", "avoid", "derive", "defaults", "merge", "finish", "twins", "links"}
Keying = Literal["identifier", "derived", "none"]
"""What finds a resource again: an identifier of its own, else a derived one; always a derived one; nothing."""
DeriveStep = tuple[Place | str, ...]
"""Alternatives of one part of a derived key: the first that holds text is taken; a text is a role."""


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of entry; see `compile_role` for what its parts mean."""

    name: str
    type: str
    intent: Intent = "upsert"
    keyed: Keying = "identifier"
    prefer: Mapping[str, int] = field(default_factory=dict)
    avoid: frozenset[str] = frozenset()
    derive: tuple[DeriveStep, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    merge: Mapping[str, Joining] = field(default_factory=dict)
    finish: tuple[Function, ...] = ()
    apart: bool = False
    links: Mapping[str, str] = field(default_factory=dict)

    def complete(self, draft: Draft, scope: Scope, context: Context) -> None:
        """Give an entry whose segments are read its defaults and its key."""
        for function in self.finish:
            segment = first_segment(scope)
            try:
                function.call(segment, draft, scope, context)
            except BadValue as error:
                raise ConversionError("102", str(error), segment=segment.name) from None
        for path, role in self.links.items():
            if path not in draft.resource and (other := scope.find(role)) is not None and other is not draft:
                draft.resource[path] = other.reference
        for path, value in self.defaults.items():
            if path not in draft.resource:
                draft.resource[path] = value
                draft.weak.add(path)
        if draft.weak or draft.merge:
            draft.merge = {**self.merge, **draft.merge, **dict.fromkeys(sorted(draft.weak), "keep")}
        else:
            draft.merge = self.merge
        draft.apart = self.apart
        if self.keyed != "none" and draft.key is None:
            draft.key = self.key(draft, scope, context)

    def key(self, draft: Draft, scope: Scope, context: Context) -> str | None:
        """Return the criteria that find this resource again; a derived identifier is added where it has none."""
        known = draft.resource.get("identifier", ())
        if self.keyed == "identifier":
            identifiers = [one for one in ([known] if isinstance(known, dict) else known) if one.get("value")]
            usable = [one for one in identifiers if type_code(one) not in self.avoid]
            if usable:
                return key_of(min(usable, key=lambda one: self.prefer.get(type_code(one), len(self.prefer))))
        parts = self.derived(scope, draft)
        if parts is None:
            return None
        identifier = derived_identifier(self.name, context.sender.name, *parts)
        # The same facts twice in one message are two things: the second is known by being the second.
        times = context.derived[identifier["value"]] = context.derived.get(identifier["value"], 0) + 1
        if times > 1:
            identifier = derived_identifier(self.name, context.sender.name, *parts, str(times))
        if not isinstance(known, dict):
            draft.resource["identifier"] = [*known, identifier]
        return f"{DERIVED_KEY}{identifier['value']}"

    def derived(self, scope: Scope, draft: Draft) -> list[str] | None:
        """Return the facts that tell this resource from others of its role, or None when the message has none."""
        segment = scope.segments[0] if scope.segments else None
        parts, known = [], False
        for step in self.derive:
            text = derived_part(step, segment, scope, draft)
            parts.append(text)
            known = known or (bool(text) and isinstance(step[0], Place))
        return parts if known else None


DERIVED_KEY = f"identifier={URI_SYSTEM}|"


def first_segment(scope: Scope) -> Segment:
    return scope.segments[0] if scope.segments else scope.message.header


def derived_part(step: DeriveStep, segment: Segment | None, scope: Scope, draft: Draft) -> str:
    for one in step:
        if isinstance(one, Place):
            text = one.read(segment, scope)
            if not text and scope.children and one.segment:
                text = first_within(one, scope)
        else:
            other = scope.find(one)
            text = (other.key or other.full_url) if other is not None and other is not draft else ""
        if text:
            return text
    return ""


def first_within(place: Place, scope: Scope) -> str:
    """Return the first text that stands at a place in the groups within: the orders of a visit come after it."""
    return next(filter(None, map(place.of, scope.every_segment(place.segment))), "")


def type_code(identifier: Mapping[str, Any]) -> str:
    codings = identifier.get("type", {}).get("coding") or [{}]
    return str(codings[0].get("code", ""))


def compile_role(name: str, described: Any, functions: Mapping[str, Function]) -> Role:
    """Return the role that a map describes.

    Shape:  type (else the role's name up to "#"), intent, `key` (see Keying), `prefer`/`avoid` codes of identifier
            types, `derive` facts that make an identifier when there is none (places such as "AL1-3.1|AL1-3.2", or
            roles whose key is a part), `defaults` by element, `merge` of lists, `finish` functions, `twins: apart`,
            `links` to roles for elements that no rule filled ({subject: Patient})
    Errors: MapError naming the place in the map
    """
    where = f"roles.{name}"
    if not isinstance(described, Mapping):
        raise MapError(where, "is not an object")
    if unknown := set(described) - KEYS:
        raise MapError(where, f"has unknown parts: {', '.join(sorted(map(str, unknown)))}")
    intent = described.get("intent", "upsert")
    if intent not in get_args(Intent):
        raise MapError(where, f"{intent!r} is no intent; there are {', '.join(get_args(Intent))}")
    keying = described.get("key", "identifier")
    if keying not in get_args(Keying):
        raise MapError(where, f"{keying!r} is no key; there are {', '.join(get_args(Keying))}")
    for finish in described.get("finish", ()):
        if finish not in functions:
            raise MapError(where, f"there is no function {finish!r}")
    return Role(
        name,
        described.get("type", name.split("#")[0]),
        intent,
        keying,
        {code: number for number, code in enumerate(described.get("prefer", ()))},
        frozenset(described.get("avoid", ())),
        tuple(derive_step(step, where) for step in described.get("derive", ())),
        described.get("defaults", {}),
        joinings(described.get("merge", {}), where),
        tuple(functions[finish] for finish in described.get("finish", ())),
        described.get("twins") == "apart",
        described.get("links", {}),
    )


def derive_step(text: Any, where: str) -> DeriveStep:
    alternatives: Sequence[str] = str(text).split("|")
    return tuple(one if one[:1].isupper() and "-" not in one else place(one, where) for one in alternatives)


def joinings(described: Any, where: str) -> Mapping[str, Joining]:
    if not isinstance(described, Mapping) or not set(described.values()) <= set(get_args(Joining)):
        raise MapError(where, f"merge says {' or '.join(get_args(Joining))} for each list element")
    return dict(described)
