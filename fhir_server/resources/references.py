"""The links of a resource: where they are, by the types of its elements, and how they are replaced.

Links are Reference.reference, elements of type uri, url, oid and uuid, and the links of narratives; the standard
excepts canonical, and an Extension's url names its definition.

Spec: https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Callable
from operator import is_not
from typing import Any, TypeAlias

from conformance.definitions import Definitions
from conformance.reference_text import ReferenceText, split_reference
from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.types import Resource
from fhir_server.resources.narrative import rewrite_links

Replace: TypeAlias = Callable[[str], str | None]
"""Takes the text of a link, gives the text to put in its place, None to leave it."""

_Plan: TypeAlias = dict[str, Any]
"""By JSON property: the plan of the values behind it, or what else `_rewritten` does with them; mypy knows no
recursive alias of both. Types refer to themselves, and so do their plans."""

_LINK_TYPES = frozenset({"uri", "url", "oid", "uuid"})
_TOO_DEEP = Issue("structure", "the resource nests too deep")


def parse_reference(text: str, base_urls: tuple[str, ...] = ()) -> ReferenceText | None:
    """Return the parts of a reference to a resource of this server, None for any other.

    Shape:  "Patient/1", "Patient/1/_history/2" and the same behind one of `base_urls` (without a slash at their end)
    Spec:   https://hl7.org/fhir/R4/references.html#literal
    """
    parts = split_reference(text)
    return parts if parts is not None and (parts.base is None or parts.base in base_urls) else None


class Links:
    """Finds and replaces the links of resources; what it knows of a type is worked out when the type is first met."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._plans: dict[str, _Plan] = {}
        self._nested: dict[str, dict[str, tuple[str, str]]] = {}

    def rewrite(self, resource: Resource, replace: Replace) -> Resource:
        """Return the resource with each link for which `replace` knows a new one; the same object when none changed.

        Errors: Invalid for a resource that nests too deep
        """
        try:
            rewritten: Resource = self._rewritten_resource(resource, replace)
        except RecursionError:
            raise Invalid(_TOO_DEEP) from None
        return rewritten

    def references(self, resource: Resource) -> list[tuple[str, str]]:
        """Return the FHIRPath and the text of every Reference.reference, also of contained and nested resources.

        Shape:  [("Observation.subject.reference", "Patient/1"), ("Observation.extension[0].value.reference", …)]
        Errors: Invalid for a resource that nests too deep
        """
        found: list[tuple[str, str]] = []
        try:
            self._find(resource, "Resource", str(resource.get("resourceType")), found)
        except RecursionError:
            raise Invalid(_TOO_DEEP) from None
        return found

    def _rewritten_resource(self, value: Any, replace: Replace) -> Any:
        name = value.get("resourceType") if type(value) is dict else None
        if type(name) is not str or name not in self._definitions.resource_types:
            return value
        return _rewritten_object(value, self._plan(name), replace)

    def _plan(self, name: str) -> _Plan:
        plan = self._plans.get(name)
        if plan is None:
            # Known before its parts are, because types refer to themselves: Extension.extension.
            plan = self._plans[name] = {}
            for element in self._definitions.types[name].elements.values():
                for fhir_type in element.types:
                    plan |= self._planned(name, element.json_name(fhir_type), fhir_type)
        return plan

    def _planned(self, owner: str, key: str, fhir_type: str) -> _Plan:
        if fhir_type == "Resource":
            return {key: self._rewritten_resource}
        if self._definitions.types[fhir_type].kind != "primitive-type":
            return {key: self._plan(fhir_type)}
        if fhir_type == "xhtml":
            return {key: rewrite_links}
        is_link = (owner, key) == ("Reference", "reference") or (
            fhir_type in _LINK_TYPES and (owner, key) != ("Extension", "url")
        )
        twin = {f"_{key}": self._plan("Element")}
        return {key: _replaced, **twin} if is_link else twin

    def _find(self, value: Any, type_: str, place: str, found: list[tuple[str, str]]) -> None:
        if type(value) is list:
            for number, item in enumerate(value):
                self._find(item, type_, f"{place}[{number}]", found)
            return
        if type(value) is not dict:
            return
        if type_ == "Resource":
            type_ = str(value.get("resourceType"))
            if type_ not in self._definitions.resource_types:
                return
        if type_ == "Reference" and type(value.get("reference")) is str:
            found.append((f"{place}.reference", value["reference"]))
        nested = self._nested.get(type_) or self._nest(type_)
        if not nested.keys().isdisjoint(value):
            for key, child in value.items():
                if key in nested:
                    name, child_type = nested[key]
                    self._find(child, child_type, f"{place}.{name}", found)

    def _nest(self, type_: str) -> dict[str, tuple[str, str]]:
        """Return the properties of a type whose values are objects, each with its FHIRPath name and its type."""
        nested = self._nested[type_] = {}
        for element in self._definitions.types[type_].elements.values():
            name = element.name.removesuffix("[x]")
            for fhir_type in element.types:
                key = element.json_name(fhir_type)
                is_primitive = self._definitions.types[fhir_type].kind == "primitive-type"
                nested |= {f"_{key}": (name, "Element")} if is_primitive else {key: (name, fhir_type)}
        return nested


def _rewritten_object(value: Resource, plan: _Plan, replace: Replace) -> Resource:
    changed: Resource = {}
    for key, child in value.items():
        if key in plan:
            onward = plan[key]
            # A link is the commonest of all: 10.7 µs a resource with this short cut, 11.7 without.
            if onward is _replaced and type(child) is str:
                new: Any = replace(child) or child
            else:
                new = _rewritten(child, onward, replace)
            if new is not child:
                changed[key] = new
    return {**value, **changed} if changed else value


def _rewritten(value: Any, plan: Any, replace: Replace) -> Any:
    kind = type(value)
    if kind is dict and type(plan) is dict:
        # Most elements hold no link at all; this asks so without a step of Python per property.
        return value if plan.keys().isdisjoint(value) else _rewritten_object(value, plan, replace)
    if kind is list:
        new = [_rewritten(item, plan, replace) for item in value]
        return new if any(map(is_not, new, value)) else value
    return value if type(plan) is dict else plan(value, replace)


def _replaced(value: Any, replace: Replace) -> Any:
    new = replace(value) if type(value) is str else None
    return value if new is None else new
