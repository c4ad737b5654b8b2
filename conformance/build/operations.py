"""OperationDefinitions and CompartmentDefinitions -> tables.

Spec: https://hl7.org/fhir/R4/operationdefinition.html, https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from typing import Any

from conformance.build.package import Package, Resource

EXAMPLES = {"example"}
# Stands for the resource that the compartment is named after, which always belongs to it: no search parameter.
FOCUS = "{def}"


def operations(package: Package) -> list[dict[str, Any]]:
    """Return the operations of the standard, in the fields of `OperationDefinition`."""
    return [
        {
            "code": operation["code"],
            "url": operation["url"],
            "resources": operation.get("resource", []),
            "system": operation["system"],
            "type": operation["type"],
            "instance": operation["instance"],
            "affects_state": operation.get("affectsState", False),
            "parameters": [_parameter(parameter) for parameter in operation.get("parameter", [])],
        }
        for operation in package["OperationDefinition"]
        if operation["id"] not in EXAMPLES
    ]


def compartments(package: Package) -> dict[str, dict[str, list[str]]]:
    """Return for each compartment the search parameters by which resources of each type belong to it."""
    return {
        compartment["code"]: {
            row["code"]: [code for code in row["param"] if code != FOCUS]
            for row in compartment["resource"]
            if row.get("param", [FOCUS]) != [FOCUS]
        }
        for compartment in package["CompartmentDefinition"]
        if compartment["id"] not in EXAMPLES
    }


def _parameter(parameter: Resource) -> dict[str, Any]:
    compact: dict[str, Any] = {
        "name": parameter["name"],
        "use": parameter["use"],
        "min": parameter["min"],
        "max": None if parameter["max"] == "*" else int(parameter["max"]),
    }
    optional = {
        "type": parameter.get("type"),
        "targets": [profile.rpartition("/")[2] for profile in parameter.get("targetProfile", [])],
        "parts": [_parameter(part | {"use": parameter["use"]}) for part in parameter.get("part", [])],
    }
    return compact | {name: value for name, value in optional.items() if value}
