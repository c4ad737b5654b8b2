"""Drugs: what was ordered, dispensed or given, when RXO, RXE, RXD, RXG or RXA say more of it than a code.

Spec: https://hl7.org/fhir/R4/medication.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import codes, people, quantities
from hl7_bridge.er7 import Field, Segment
from hl7_bridge.functions.reading import take
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Call, Function, moment
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Product:
    """The fields of a segment that tell of the product; 0 for what it does not tell."""

    code: int
    form: int
    strength: int
    volume: int
    lot: int = 0
    expires: int = 0
    maker: int = 0

    @property
    def reads(self) -> tuple[int, ...]:
        amounts = (self.strength, self.strength + 1, self.volume, self.volume + 1)
        told = (self.code, self.form, *amounts, self.lot, self.expires, self.maker)
        return tuple(number for number in told if number)


PRODUCTS: Mapping[str, Product] = MappingProxyType(
    {
        "RXO": Product(code=1, form=5, strength=18, volume=25),
        "RXE": Product(code=2, form=6, strength=25, volume=33),
        "RXD": Product(code=2, form=6, strength=16, volume=28, lot=18, expires=19, maker=20),
        "RXG": Product(code=4, form=8, strength=17, volume=23, lot=19, expires=20, maker=21),
        "RXA": Product(code=5, form=8, strength=13, volume=23, lot=15, expires=16, maker=17),
    }
)


def product_of(product: Product) -> Call:
    """Return the function that puts medication[x]: a code, or a Medication when form, strength or lot are known too."""

    def put(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
        code = concept(segment.field(product.code), context)
        if code is None:
            return
        more = details(segment, product, code, scope, context)
        draft.resource.pop("medicationReference", None)
        draft.resource.pop("medicationCodeableConcept", None)
        if not more:
            draft.resource["medicationCodeableConcept"] = code
            return
        content: Element = {"code": code, **more}
        # The same product is one Medication, whoever is given it.
        identifier = derived_identifier("Medication", lasting(content, context))
        resource = {"resourceType": "Medication", "identifier": [identifier], "status": "active", **content}
        reference = context.refer(resource, key_of(identifier), display=code.get("text"))
        draft.resource["medicationReference"] = reference

    return put


URL = re.compile(r"urn:uuid:[0-9a-f-]{36}")


def lasting(content: Element, context: Context) -> str:
    """Return what a product is, as text: whom it refers to by their keys, as the full URLs are of this message only."""
    keys = {one.full_url: one.key for one in context.drafts}
    return URL.sub(lambda url: keys.get(url[0]) or url[0], json.dumps(content, default=str, sort_keys=True))


def concept(field: Field, context: Context) -> Element | None:
    return codes.codeable_concept(field, context, None) if field and not field.is_null else None


def details(segment: Segment, product: Product, code: Element, scope: Scope, context: Context) -> Element:
    """Return form, ingredients, batch and manufacturer of a Medication, as far as the message tells them."""
    found: Element = {}
    if form := concept(segment.field(product.form), context):
        found["form"] = form
    ingredients = [one for part in components(segment, scope) if (one := ingredient(part, context))]
    strength = ratio(segment, product.strength, product.volume, context)
    if strength and not ingredients:
        ingredients = [{"itemCodeableConcept": code, "strength": strength}]
    if ingredients:
        found["ingredient"] = ingredients
    lot = segment.value(product.lot).strip().strip('"') if product.lot else ""
    expires = moment(segment, product.expires, context) if product.expires else None
    if lot or expires:
        found["batch"] = ({"lotNumber": lot} if lot else {}) | ({"expirationDate": expires} if expires else {})
    maker = segment.field(product.maker) if product.maker else None
    if maker and not maker.is_null and (reference := people.coded_organization(maker, context, None)):
        found["manufacturer"] = reference
    return found


def components(segment: Segment, scope: Scope) -> Iterator[Segment]:
    """Yield the RXC that follow a segment."""
    for one in scope.segments:
        if one.place > segment.place and one.name == "RXC":
            yield one


def ingredient(segment: Segment, context: Context) -> Element | None:
    """Return the ingredient of an RXC: what, how much of it, and whether it is what acts (an additive) or its base."""
    item = concept(segment.field(2), context)
    if item is None:
        return None
    take(context, segment, "Medication.ingredient", 1, 2, 3, 4, 5, 6, 8, 9)
    found: Element = {"itemCodeableConcept": item, "isActive": segment.value(1).strip().upper() != "B"}
    strength = ratio(segment, 5, 8, context) or ratio(segment, 3, 0, context)
    return {**found, "strength": strength} if strength else found


def ratio(segment: Segment, amount: int, volume: int, context: Context) -> Element | None:
    """Return the strength whose amount and units stand in two fields, and those of its volume in two others."""
    numerator = measured(segment, amount, context)
    if numerator is None:
        return None
    return {"numerator": numerator, "denominator": (measured(segment, volume, context) if volume else None) or ONE}


ONE: Element = {"value": 1}


def measured(segment: Segment, number: int, context: Context) -> Element | None:
    """Return the Quantity of two fields, an amount and its units; None when there is no number."""
    field = segment.field(number)
    value = quantities.decimal(field, context, None) if field and not field.is_null else None
    return None if value is None else {"value": value, **quantities.unit_of(segment, number + 1, context)}


def amount_at(number: int, target: str) -> Call:
    """Return the function that puts two fields, an amount and its units, as a Quantity; below `.` in another object."""
    outer, _, inner = target.rpartition(".")

    def put(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
        found = measured(segment, number, context)
        if found and outer:
            draft.resource[outer] = {**draft.resource.get(outer, {}), inner: found}
        elif found:
            draft.resource[inner] = found

    return put


def complete_medication(_segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Finish what must name a drug: a message that names none (a cancelled order) leaves what is stored."""
    if "medicationReference" not in draft.resource and "medicationCodeableConcept" not in draft.resource:
        draft.resource["medicationCodeableConcept"] = {"text": "unknown"}
        draft.weak |= {"medicationCodeableConcept", "medicationReference"}


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        f"product_of_{name}": Function(product_of(product), product.reads, "medication[x]")
        for name, product in PRODUCTS.items()
    }
    | {
        "quantity_of_RXO": Function(amount_at(11, "dispenseRequest.quantity"), (11, 12), "dispenseRequest.quantity"),
        "quantity_of_RXE": Function(amount_at(10, "dispenseRequest.quantity"), (10, 11), "dispenseRequest.quantity"),
        "quantity_of_RXD": Function(amount_at(4, "quantity"), (4, 5), "quantity"),
        "dose_of_RXA": Function(amount_at(6, "dosage.dose"), (6, 7), "dosage.dose"),
        "complete_medication": Function(complete_medication),
    }
)
