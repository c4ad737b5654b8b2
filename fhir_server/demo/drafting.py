"""The small vocabulary with which the clinic is written: seeded choices, new resources, references, codings.

Spec: https://hl7.org/fhir/R4/datatypes.html, https://hl7.org/fhir/R4/bundle.html#references
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from fhir_server.kernel.types import Resource

T = TypeVar("T")
Vocabulary = dict[str, Any]

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
IDENTIFIERS = "http://example.org/fhir-server/demo/"
"""The demo's own naming systems; example.org belongs to nobody (RFC 2606)."""


def vocabulary() -> Vocabulary:
    """Return the tables of vocabulary.toml."""
    return tomllib.loads((files("fhir_server.demo") / "vocabulary.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Drafted:
    """A resource of the clinic and the `urn:uuid:` under which the others refer to it until it is stored."""

    url: str
    resource: Resource
    display: str

    @property
    def reference(self) -> Resource:
        return {"reference": self.url, "display": self.display} if self.display else {"reference": self.url}


@dataclass(frozen=True, slots=True)
class Dice:
    """All chance of one clinic: the same seed gives the same choices."""

    random: Random
    words: Vocabulary = field(repr=False)

    def draft(self, type_: str, resource: Resource, display: str = "") -> Drafted:
        """Return a resource of a type, with an address of its own."""
        url = UUID(int=self.random.getrandbits(128), version=4).urn
        return Drafted(url, {"resourceType": type_, **resource}, display)

    def one(self, choices: Sequence[T]) -> T:
        return self.random.choice(choices)

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        return self.random.sample(choices, self.random.randint(0, most))

    def number(self, low: str, high: str) -> Decimal:
        """Return a decimal between two bounds, as precise as they are: ("36.1", "38.2") -> 37.4."""
        digits = -int(Decimal(low).as_tuple().exponent)
        scale = 10**digits
        return Decimal(self.random.randint(int(Decimal(low) * scale), int(Decimal(high) * scale))).scaleb(-digits)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent


def coding(system: str, code: str, display: str) -> Resource:
    return {"system": system, "code": code, "display": display}


def concept(system: str, code: str, display: str) -> Resource:
    """Return a CodeableConcept with one coding, whose display is also the text."""
    return {"coding": [coding(system, code, display)], "text": display}


def identifier(system: str, value: str) -> Resource:
    return {"system": IDENTIFIERS + system, "value": value}


def instant(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


def written(moment: datetime) -> str:
    """Return a moment as FHIR writes it: "2026-11-22T09:30:00Z"."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def period(start: datetime, minutes: int) -> Resource:
    return {"start": written(start), "end": written(start + timedelta(minutes=minutes))}


def money(amount: Decimal, currency: str) -> Resource:
    return {"value": amount, "currency": currency}
