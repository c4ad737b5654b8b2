"""Observations → the measurements of each code that statistics are asked for.

Spec: https://hl7.org/fhir/R4/observation-operation-stats.html, https://hl7.org/fhir/R4/observation.html#component
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fhir_server.kernel.errors import Unprocessable
from fhir_server.kernel.types import Resource


@dataclass(frozen=True, slots=True)
class Code:
    """A code that statistics are asked for; `system` None means any."""

    code: str
    system: str | None = None

    def is_in(self, concept: Mapping[str, Any]) -> bool:
        """Tell whether one of the codings of a CodeableConcept is this code."""
        return any(
            one.get("code") == self.code and self.system in (None, one.get("system"))
            for one in concept.get("coding", ())
        )


@dataclass(slots=True)
class Series:
    """The measurements of one code.

    Shape: `quantities` are those that can be computed with; `total` counts also those without a usable value
    """

    concept: Resource
    quantities: list[Resource] = field(default_factory=list)
    total: int = 0

    @property
    def values(self) -> list[Decimal]:
        return [Decimal(quantity["value"]) for quantity in self.quantities]

    def unit(self) -> Resource:
        """Return the unit, system and code that all quantities have.

        Errors: Unprocessable when they differ: numbers in different units cannot be compared
        """
        found = {_unit_key(quantity): quantity for quantity in self.quantities}
        if len(found) > 1:
            raise Unprocessable("the measurements have different units: ask for a period in which they agree")
        first = next(iter(found.values()), {})
        return {name: first[name] for name in ("unit", "system", "code") if name in first}


def series_of(observations: Iterable[Resource], codes: Sequence[Code]) -> list[Series]:
    """Return the series of each code, those without any measurement too; of a panel, those of its members.

    Shape: a code that is a component's selects that component alone; one that is an Observation's selects its value
           and, as it is a panel's, all its components, each under its own code
    """
    found: dict[Code, Series] = {}
    panels: set[Code] = set()
    for observation in observations:
        asked = [code for code in codes if code.is_in(observation["code"])]
        components = observation.get("component", [])
        if components:
            panels.update(asked)
        for code, holder in _measured(observation, components, codes, asked):
            series = found.setdefault(code, Series(holder["code"]))
            series.total += 1
            if _is_usable(holder.get("valueQuantity")):
                series.quantities.append(holder["valueQuantity"])
    for code in codes:
        if code not in found and code not in panels:
            found[code] = Series({"coding": [_coding(code)]})
    return list(found.values())


def _measured(
    observation: Resource, components: Sequence[Resource], codes: Sequence[Code], asked: Sequence[Code]
) -> Iterator[tuple[Code, Resource]]:
    """Yield what holds a value (an Observation or a component), with the code that it counts for, each once."""
    if asked and (not components or "valueQuantity" in observation):
        yield asked[0], observation
    for component in components:
        named = [code for code in codes if code.is_in(component["code"])]
        if named:
            yield named[0], component
        elif asked and (own := _own_code(component["code"])) is not None:
            yield own, component


def _own_code(concept: Mapping[str, Any]) -> Code | None:
    return next((Code(one["code"], one.get("system")) for one in concept.get("coding", ()) if "code" in one), None)


def _is_usable(quantity: Mapping[str, Any] | None) -> bool:
    """Tell whether a quantity is a number: "less than 5" is none."""
    return quantity is not None and "value" in quantity and "comparator" not in quantity


def _unit_key(quantity: Mapping[str, Any]) -> tuple[str | None, str | None]:
    code = quantity.get("code")
    return (None, quantity.get("unit")) if code is None else (quantity.get("system"), code)


def _coding(code: Code) -> Resource:
    return {"code": code.code} if code.system is None else {"system": code.system, "code": code.code}
