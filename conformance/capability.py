"""The CapabilityStatement, built from what is registered: what is not there cannot be claimed.

Spec: https://hl7.org/fhir/R4/capabilitystatement.html, https://hl7.org/fhir/R4/http.html#capabilities
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.definitions import Definitions, OperationDefinition, OperationParameter, SearchParameter

_INSTANCE = ("read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type")
_SYSTEM = ("transaction", "batch", "search-system", "history-system")
_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Registered:
    """What the server has: the statement says this and nothing else.

    Shape: `interactions` FHIR's interaction codes; `search_parameters` and `includes` by resource type;
           `patch_formats` media types; `update_create` whether clients may give ids
    """

    interactions: Collection[str]
    search_parameters: Mapping[str, Sequence[SearchParameter]]
    includes: Mapping[str, Sequence[str]]
    reverse_includes: Mapping[str, Sequence[str]]
    operations: Sequence[OperationDefinition]
    formats: Sequence[str]
    patch_formats: Sequence[str]
    update_create: bool


def statement(
    definitions: Definitions, registered: Registered, *, base_url: str, version: str, date: str
) -> dict[str, Any]:
    """Return the CapabilityStatement of the running server; `date` is when it started."""
    return {
        "resourceType": "CapabilityStatement",
        **_contained(registered),
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "fhir-server", "version": version},
        "implementation": {"description": "FHIR R4 server on MongoDB", "url": base_url},
        "fhirVersion": definitions.version,
        "format": list(registered.formats),
        "patchFormat": list(registered.patch_formats),
        "rest": [_rest(definitions, registered)],
    }


def _contained(registered: Registered) -> dict[str, Any]:
    """Return the definitions of operations that the standard does not have: their URLs are "#code"."""
    own = [_operation(operation) for operation in registered.operations if operation.url.startswith("#")]
    return {"contained": own} if own else {}


def _operation(operation: OperationDefinition) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "resourceType": "OperationDefinition",
        "id": operation.url.removeprefix("#"),
        "name": operation.code.title().replace("-", ""),
        "status": "active",
        "kind": "operation",
        "affectsState": operation.affects_state,
        "code": operation.code,
        "system": operation.system,
        "type": operation.type,
        "instance": operation.instance,
    }
    if operation.resources:
        definition["resource"] = list(operation.resources)
    if operation.parameters:
        definition["parameter"] = [_parameter(parameter) for parameter in operation.parameters]
    return definition


def _parameter(parameter: OperationParameter) -> dict[str, Any]:
    most = "*" if parameter.max is None else str(parameter.max)
    named = {"name": parameter.name, "use": parameter.use, "min": parameter.min, "max": most}
    return named if parameter.type is None else {**named, "type": parameter.type}


def _rest(definitions: Definitions, registered: Registered) -> dict[str, Any]:
    system = [operation for operation in registered.operations if operation.system]
    rest: dict[str, Any] = {
        "mode": "server",
        "resource": [_resource(type_, registered) for type_ in sorted(definitions.resource_types)],
        "interaction": _codes(_SYSTEM, registered.interactions),
    }
    if system:
        rest["operation"] = _operations(system)
    rest["compartment"] = [
        f"http://hl7.org/fhir/CompartmentDefinition/{name.lower()}" for name in definitions.compartments
    ]
    return rest


def _resource(type_: str, registered: Registered) -> dict[str, Any]:
    interactions = registered.interactions
    resource: dict[str, Any] = {
        "type": type_,
        "profile": _DEFINITION + type_,
        "interaction": _codes(_INSTANCE, interactions),
        "versioning": "versioned",
        "readHistory": "vread" in interactions,
        "updateCreate": registered.update_create,
        "conditionalCreate": "create" in interactions,
        "conditionalRead": "full-support",
        "conditionalUpdate": "update" in interactions,
        "conditionalDelete": "single",
        "referencePolicy": ["literal", "logical", "local"],
    }
    if includes := registered.includes.get(type_):
        resource["searchInclude"] = list(includes)
    if reverse := registered.reverse_includes.get(type_):
        resource["searchRevInclude"] = list(reverse)
    if parameters := registered.search_parameters.get(type_):
        resource["searchParam"] = [_search_parameter(parameter) for parameter in parameters]
    operations = [
        operation
        for operation in registered.operations
        if (operation.type or operation.instance) and {type_, "Resource"} & set(operation.resources)
    ]
    if operations:
        resource["operation"] = _operations(operations)
    return resource


def _codes(order: Iterable[str], registered: Collection[str]) -> list[dict[str, str]]:
    return [{"code": code} for code in order if code in registered]


def _search_parameter(parameter: SearchParameter) -> dict[str, str]:
    return {"name": parameter.code, "definition": parameter.url, "type": parameter.type}


def _operations(operations: Iterable[OperationDefinition]) -> list[dict[str, str]]:
    return [{"name": operation.code, "definition": operation.url} for operation in operations]
