"""StructureDefinitions -> types with their elements and invariants.

Spec: https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Iterator
from typing import Any

from conformance.build.package import Package, Resource

FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
FHIRPATH = "http://hl7.org/fhirpath/System."
# Inherited by every element from its type: the validator applies them to each element without being told.
UNIVERSAL = {"ele-1", "ext-1"}
# Mistakes of the published 4.0.1 that HL7 corrected later. app-4 names a status "no-show", the code is "noshow".
ERRATA = {"app-4": ("'no-show'", "'noshow'")}


def types_of(package: Package) -> list[Resource]:
    """Return the definitions of FHIR's own types: no profiles, no logical models."""
    return [
        definition
        for definition in package["StructureDefinition"]
        if definition.get("derivation") != "constraint" and definition["kind"] != "logical"
    ]


def structures(definitions: list[Resource]) -> dict[str, Any]:
    """Return the types by name, backbone elements (by path) included, in the fields of `TypeDefinition`."""
    names = _invariant_names(definitions)
    types: dict[str, Any] = {}
    for definition in sorted(definitions, key=lambda one: str(one["type"])):
        for element in definition["snapshot"]["element"]:
            path = element["path"]
            constraints = [names[path, c["key"]] for c in _own_constraints(element)]
            if "." not in path:
                types[path] = _type(definition, constraints)
                continue
            if _is_primitive_value(definition, path):
                continue
            parent, _, name = path.rpartition(".")
            compact = _element(definition, element)
            if compact["types"] == [path]:
                types[path] = _backbone(element, constraints)
            elif constraints:
                compact["constraints"] = constraints
            types[parent]["elements"][name] = compact
    return types


def invariants(definitions: list[Resource]) -> dict[str, Any]:
    """Return the invariants by their unambiguous key, in the fields of `Invariant`."""
    names = _invariant_names(definitions)
    found: dict[str, Any] = {}
    for path, constraint in _constraints(definitions):
        key = names[path, constraint["key"]]
        found[key] = {
            "key": key,
            "severity": constraint["severity"],
            "human": constraint["human"],
            "expression": constraint["expression"].replace(*ERRATA.get(key, ("", ""))),
        }
    return dict(sorted(found.items()))


def _invariant_names(definitions: list[Resource]) -> dict[tuple[str, str], str]:
    """Key -> key, or key@Type where types use one key for different rules: inv-1 in Parameters, Task, TestReport."""
    rules: dict[str, set[str]] = {}
    for _, constraint in _constraints(definitions):
        rules.setdefault(constraint["key"], set()).add(constraint["expression"])
    return {
        (path, c["key"]): c["key"] if len(rules[c["key"]]) == 1 else f"{c['key']}@{path.partition('.')[0]}"
        for path, c in _constraints(definitions)
    }


def _constraints(definitions: list[Resource]) -> Iterator[tuple[str, Resource]]:
    for definition in definitions:
        for element in definition["snapshot"]["element"]:
            for constraint in element.get("constraint", []):
                yield element["path"], constraint


def _own_constraints(element: Resource) -> list[Resource]:
    return [c for c in element.get("constraint", []) if c["key"] not in UNIVERSAL]


def _type(definition: Resource, constraints: list[str]) -> dict[str, Any]:
    base = definition.get("baseDefinition", "").rpartition("/")[2]
    compact = {"name": definition["type"], "kind": definition["kind"], "abstract": definition["abstract"]}
    return compact | ({"base": base} if base else {}) | {"elements": {}, "constraints": constraints}


def _backbone(element: Resource, constraints: list[str]) -> dict[str, Any]:
    base = element["type"][0]["code"]
    return {"name": element["path"], "kind": "backbone", "base": base, "elements": {}, "constraints": constraints}


def _is_primitive_value(definition: Resource, path: str) -> bool:
    # The value of a primitive is the JSON property itself, not an element of an object.
    return definition["kind"] == "primitive-type" and path.endswith(".value")


def _element(definition: Resource, element: Resource) -> dict[str, Any]:
    name = element["path"].rpartition(".")[2]
    compact: dict[str, Any] = {"name": name, "types": _types(definition, element)}
    if element["min"]:
        compact["min"] = element["min"]
    if element["max"] != "1":
        compact["max"] = None if element["max"] == "*" else int(element["max"])
    if element.get("isSummary"):
        compact["summary"] = True
    if element.get("isModifier"):
        compact["modifier"] = True
    if targets := _targets(element):
        compact["targets"] = targets
    binding = element.get("binding", {})
    if binding.get("strength") == "required" and "valueSet" in binding:
        compact["value_set"] = binding["valueSet"].partition("|")[0]
    return compact


def _types(definition: Resource, element: Resource) -> list[str]:
    path, name = element["path"], element["path"].rpartition(".")[2]
    if "contentReference" in element:
        return [element["contentReference"].rpartition("#")[2]]
    if path == f"{definition['type']}.id" and definition["kind"] == "resource":
        # R4's snapshots say string, https://hl7.org/fhir/R4/resource.html#id says id.
        return ["id"]
    codes = [_type_code(type_) for type_ in element["type"]]
    is_group = codes[0] in ("BackboneElement", "Element") and name not in ("extension", "modifierExtension")
    return [path] if is_group else codes


def _type_code(type_: Resource) -> str:
    code: str = type_["code"]
    if not code.startswith(FHIRPATH):
        return code
    declared = [x["valueUrl"] for x in type_.get("extension", []) if x["url"] == FHIR_TYPE]
    return declared[0] if declared else code.removeprefix(FHIRPATH).lower()


def _targets(element: Resource) -> list[str]:
    profiles = [p for t in element.get("type", []) if t["code"] == "Reference" for p in t.get("targetProfile", [])]
    targets = sorted({profile.rpartition("/")[2] for profile in profiles})
    return [] if "Resource" in targets else targets
