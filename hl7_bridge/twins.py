"""Entries of one message that mean the same resource: the first one stands, with what the others add to it.

Spec: https://hl7.org/fhir/R4/formats.html#choice (one form of a choice only)
"""

import re
from typing import Any

from hl7_bridge.mapping.context import Context, Draft, Resource, derived_identifier, key_of

_CHOICE = re.compile(
    r"(abatement|deceased|effective|medication|multipleBirth|occurrence|onset|performed|serviced|timing|value)[A-Z]"
)


def joined_twins(context: Context) -> dict[str, str]:
    """Join entries that mean the same resource into the first of them; return the full URLs that others take over.

    What the first one says stands; that another says otherwise is worth a note.
    """
    first: dict[tuple[str, str], Draft] = {}
    twins: dict[str, str] = {}
    for draft in context.drafts:
        if draft.key is None:
            continue
        known = first.setdefault((draft.type, draft.key), draft)
        if known is draft:
            continue
        twins[draft.full_url] = known.full_url
        if known.intent == "reference":
            known.resource = {**known.resource, **draft.resource}
            known.intent, known.merge = draft.intent, draft.merge
        else:
            different = _different(known.resource, draft.resource)
            if different and draft.apart:
                del twins[draft.full_url]
                set_apart(draft, context)
                continue
            if different and draft.intent != "reference":
                context.note(draft.type, f"two have the same identifier; the first one's {', '.join(different)} stands")
            known.resource = _completed(known.resource, draft.resource)
        known.clears |= draft.clears
    return twins


def set_apart(draft: Draft, context: Context) -> None:
    """Let an entry be known by a derived identifier: the one that its sender gave it belongs to another entry."""
    key = draft.key or ""
    number = context.derived[key] = context.derived.get(key, 1) + 1
    identifier = derived_identifier(draft.type, key, str(number))
    others = [one for one in draft.resource["identifier"] if key_of(one) != draft.key]
    context.note(draft.type, "two different ones have the same identifier; the second is kept without it")
    draft.resource["identifier"] = [*others, identifier]
    draft.key = key_of(identifier)


def _different(known: Resource, other: Resource) -> list[str]:
    """Return the elements of which the two say different things, and not both can stand."""
    return [
        name
        for name, value in other.items()
        if known.get(name, value) != value and not (_is_open(known[name]) and _is_open(value))
    ]


def _completed(known: Resource, other: Resource) -> Resource:
    """Return what is known with what another adds: elements, and members of lists that may have any number."""
    choices = {found[1] for name in known if (found := _CHOICE.match(name))}
    joined = dict(known)
    for name, value in other.items():
        if name not in joined:
            if not ((found := _CHOICE.match(name)) and found[1] in choices):
                joined[name] = value
        elif _is_open(value) and _is_open(joined[name]):
            joined[name] = [*joined[name], *(one for one in value if one not in joined[name])]
    return joined


def _is_open(value: Any) -> bool:
    """Tell whether an element is a list of references, as `result` is: each of them is true beside the others."""
    return isinstance(value, list) and all(isinstance(one, dict) and "reference" in one for one in value)
