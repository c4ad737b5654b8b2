"""The validator: structures compiled, type by type, to Python closures over the JSON object.

Spec: https://hl7.org/fhir/R4/validation.html, https://hl7.org/fhir/R4/json.html
"""

from collections.abc import Iterator, Mapping

from conformance.definitions import Definitions, Element, TypeDefinition
from conformance.walk.bindings import bound
from conformance.walk.bundles import bundle_problems
from conformance.walk.contained import settled
from conformance.walk.datatypes import attachment_problems, extension_problems, reference_check, with_absolute_url
from conformance.walk.objects import Check, JsonObject, Rule, Shape, choice_rule, object_check, required_rule
from conformance.walk.primitives import CURRENCIES, Primitive, code_in, currency, primitives
from conformance.walk.problems import Problem, capped, error, shown, within
from conformance.walk.repeats import array_of, primitive_array, twin, twin_array

LIMIT = 100
CHECKED_INVARIANTS = frozenset(
    {"ele-1", "ext-1", "ref-1", "txt-1", "txt-2", "dom-2", "dom-3", "dom-4", "dom-5"}
    | {f"bdl-{number}" for number in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12)}
)
"""The invariants of the standard that are decided here in plain code: whoever evaluates the others leaves them out."""
_RULES: Mapping[str, Rule] = {
    "Attachment": attachment_problems,
    "Bundle": bundle_problems,
    "Extension": extension_problems,
}


class Validator:
    """Judges resources by the base definitions of FHIR R4; built once, safe to use from several threads."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._primitives = primitives()
        self._objects: dict[str, Check] = {}
        # All at once, 50 ms: compiled when first met, a check could be used by one thread while another fills it.
        self._resources = {name: self._object(name) for name in sorted(definitions.resource_types)}

    def issues(self, resource: object) -> list[Problem]:
        """Return all problems of a resource as it came out of JSON; empty when it is valid.

        Shape: any JSON value, its numbers as int, float or Decimal; at most 100 problems, where there are more the
               last one says so
        """
        found = self._resource(resource, {}, 1)
        if not found:
            return []
        name = resource.get("resourceType") if isinstance(resource, dict) else None
        is_known = isinstance(name, str) and name in self._resources
        return capped(within(str(name) if is_known else "Resource", found), LIMIT)

    def _resource(self, value: object, owner: JsonObject, depth: int) -> list[Problem] | None:
        if type(value) is not dict:
            return [error("structure", "a resource is a JSON object")]
        name = value.get("resourceType")
        if type(name) is not str:
            return [error("structure", "a resource has its type in resourceType")]
        check = self._resources.get(name)
        if check is None:
            return [error("structure", f"{shown(name, 'the resourceType')} is not a resource type of FHIR R4")]
        return settled(value, check(value, owner, depth) or [])

    def _object(self, name: str) -> Check:
        check = self._objects.get(name)
        return check if check is not None else self._compile(self._definitions.types[name])

    def _compile(self, definition: TypeDefinition) -> Check:
        shape = Shape(definition.name, is_resource=definition.kind == "resource")
        # The check is known before its parts are: types refer to themselves (Extension.extension).
        check = self._objects[definition.name] = object_check(shape)
        if shape.is_resource:
            shape.places["resourceType"] = ".resourceType"
            shape.add_primitive("resourceType", Primitive("code", "string", "the type", definition.name.__eq__))
        elements = [element for element in definition.elements.values() if element.max != 0]
        for element in elements:
            self._add(shape, definition, element)
        shape.rules.extend(_rules(shape, elements))
        return check

    def _add(self, shape: Shape, owner: TypeDefinition, element: Element) -> None:
        for fhir_type in element.types:
            name = element.json_name(fhir_type)
            shape.places[name] = shape.places["_" + name] = "." + element.name.removesuffix("[x]")
            primitive = self._primitives.get(fhir_type)
            if primitive is not None and _is_attribute(owner, element):
                shape.add_primitive(name, primitive)
            elif primitive is not None:
                self._add_primitive(shape, element, name, primitive)
            else:
                check = self._check(owner, element, fhir_type)
                shape.parts[name] = array_of(check) if element.is_array else check

    def _add_primitive(self, shape: Shape, element: Element, name: str, primitive: Primitive) -> None:
        if primitive.name == "code" and element.value_set:
            primitive = self._bound_code(primitive, element.value_set)
        check = self._object("xhtml" if primitive.name == "xhtml" else "Element")
        if element.is_array:
            shape.parts[name] = primitive_array(primitive, "_" + name)
            shape.parts["_" + name] = twin_array(check, name)
        else:
            shape.add_primitive(name, primitive)
            shape.parts["_" + name] = twin(check, name)

    def _bound_code(self, code: Primitive, value_set: str) -> Primitive:
        if value_set == CURRENCIES:
            return currency()
        codes = self._definitions.value_sets.get(value_set)
        return code if codes is None else code_in(frozenset[str]().union(*codes.values()), value_set)

    def _check(self, owner: TypeDefinition, element: Element, fhir_type: str) -> Check:
        if fhir_type == "Resource":
            return self._resource
        check = self._object(fhir_type)
        if fhir_type == "Reference":
            return reference_check(check, frozenset(element.targets), self._definitions.resource_types)
        if fhir_type == "Extension" and owner.name != "Extension":
            return with_absolute_url(check)
        codes = self._definitions.value_sets.get(element.value_set or "")
        return bound(check, fhir_type, codes, element.value_set) if codes and element.value_set else check


def _is_attribute(owner: TypeDefinition, element: Element) -> bool:
    # Element.id and Extension.url are attributes in XML: they have no id and no extensions, hence no underscore twin.
    return (element.name == "id" and owner.kind != "resource") or (owner.name, element.name) == ("Extension", "url")


def _rules(shape: Shape, elements: list[Element]) -> Iterator[Rule]:
    required = frozenset(element.name for element in elements if element.min and not element.is_choice)
    if required:
        yield required_rule(shape, required)
    choices = {element.json_name(t): element for element in elements if element.is_choice for t in element.types}
    if choices:
        yield choice_rule(shape, choices | {"_" + name: element for name, element in choices.items()})
    if shape.name in _RULES:
        yield _RULES[shape.name]
