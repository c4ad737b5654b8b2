"""SearchParameters -> one row for each base type, with the part of the expression that belongs to it.

Spec: https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/searchparameter-registry.html
"""

import re
from typing import Any

from conformance.build.package import Package, Resource

# Definitions of extensions (their data are no elements of R4), of the genetics profiles, and the examples.
NOT_IN_REGISTRY = re.compile(r"-(extensions|genetic)-|^example|^filter$")

# Published without the type that every other expression starts with.
ERRATA = {"InsurancePlan-name": "InsurancePlan.name | InsurancePlan.alias"}


def search_parameters(package: Package) -> dict[str, dict[str, Any]]:
    """Return the search parameters by base type and code, in the fields of `SearchParameter`."""
    rows: dict[str, dict[str, Any]] = {}
    for parameter in package["SearchParameter"]:
        if not NOT_IN_REGISTRY.search(parameter["id"]):
            for base in parameter["base"]:
                rows.setdefault(base, {})[parameter["code"]] = _row(parameter, base)
    return {base: dict(sorted(codes.items())) for base, codes in sorted(rows.items())}


def _row(parameter: Resource, base: str) -> dict[str, Any]:
    row = {
        "code": parameter["code"],
        "name": parameter["id"],
        "url": parameter["url"],
        "type": parameter["type"],
        "base": base,
    }
    optional = {
        "expression": _branches_of(ERRATA.get(parameter["id"]) or parameter.get("expression", ""), base),
        "targets": parameter.get("target"),
        "components": [
            {"definition": component["definition"], "expression": component["expression"]}
            for component in parameter.get("component", [])
        ],
    }
    return row | {name: value for name, value in optional.items() if value}


def _branches_of(expression: str, base: str) -> str:
    branches = _branches(expression)
    mine = [branch for branch in branches if re.match(rf"\(*{base}\b", branch)]
    return " | ".join(mine or branches)


def _branches(expression: str) -> list[str]:
    """Split a union at its outermost bars."""
    branches = [""]
    depth = 0
    for character in expression:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and depth == 0:
            branches.append("")
        else:
            branches[-1] += character
    return [branch.strip() for branch in branches]
