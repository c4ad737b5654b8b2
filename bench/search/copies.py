"""Copies of a transaction Bundle as other records: new ids, another time, other names and other measured values.

Pure but for the ids that the caller draws. Families are drawn from 4,096, so that a whole name finds a handful of
patients at any size, and its beginning finds more as the data grows.
Spec: https://hl7.org/fhir/R4/bundle.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random

from fhir_server.kernel.fhir_json import decode
from fhir_server.kernel.types import Resource

SYLLABLES = (
    "bar",
    "cas",
    "den",
    "fal",
    "gro",
    "hem",
    "jov",
    "kul",
    "lin",
    "mor",
    "nev",
    "pat",
    "ros",
    "sil",
    "tam",
    "vur",
)

_LINK = re.compile(rb"(urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_DATE = re.compile(rb'"([12]\d{3}-\d\d-\d\d)')
_EARLIER_DAYS = 1_500
_SPREAD = 0.1
_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Template:
    """A Bundle to copy: its text, and the type of each of its resources by the uuid of its fullUrl."""

    text: bytes
    types: Mapping[bytes, str]

    def __len__(self) -> int:
        return len(self.types)


def template(bundle: bytes) -> Template:
    """Return a Bundle made ready for copying; its fullUrls are urn:uuid."""
    entries = decode(bundle)["entry"]
    return Template(bundle, {_uuid(entry["fullUrl"]).encode(): entry["resource"]["resourceType"] for entry in entries})


def copied(original: Template, seed: int, new_id: Callable[[], str]) -> Iterator[tuple[str, Resource]]:
    """Yield (id, resource) for each resource of a copy; the same seed gives the same content."""
    random = Random(seed)
    ids = {uuid: new_id().encode() for uuid in original.types}
    names = dict(ids)  # and business identifiers that look like ids
    earlier = random.randrange(_EARLIER_DAYS)

    def linked(found: re.Match[bytes]) -> bytes:
        urn, uuid = found.groups()
        if uuid not in names:
            names[uuid] = new_id().encode()
        if urn and uuid in original.types:
            return f"{original.types[uuid]}/".encode() + names[uuid]
        return (urn or b"") + names[uuid]

    def dated(found: re.Match[bytes]) -> bytes:
        day = date.fromisoformat(found[1].decode())
        return b'"' + date.fromordinal(day.toordinal() - earlier).isoformat().encode()

    text = _DATE.sub(dated, _LINK.sub(linked, original.text))
    for id_, entry in zip(ids.values(), decode(text)["entry"], strict=True):
        yield id_.decode(), _varied(entry["resource"], seed, random)


def _uuid(full_url: str) -> str:
    return full_url.removeprefix("urn:uuid:")


def _varied(resource: Resource, seed: int, random: Random) -> Resource:
    """Return a patient as another person, a measurement of another value, and everything else as it is."""
    match resource:
        case {"resourceType": "Patient", "name": [*names]}:
            family = "".join(random.choices(SYLLABLES, k=3)).title()
            identifiers = [{**one, "value": f"{one.get('value', '')}-{seed}"} for one in resource.get("identifier", ())]
            renamed = [{**name, "family": family} for name in names]
            return {**resource, "name": renamed, **({"identifier": identifiers} if identifiers else {})}
        case {"resourceType": "Observation", "valueQuantity": {"value": number, **unit}}:
            factor = Decimal(random.uniform(1 - _SPREAD, 1 + _SPREAD))
            return {**resource, "valueQuantity": {"value": (Decimal(number) * factor).quantize(_HUNDREDTH), **unit}}
    return resource
