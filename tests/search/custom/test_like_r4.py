"""R4's own parameters under other names: what users define is extracted as if the standard had defined it."""

from collections.abc import Iterator
from typing import Any

from conformance.load import definitions
from fhir_server.kernel.fhir_json import decode
from fhir_server.kernel.types import Resource
from fhir_server.resources.indexing import Indexer
from fhir_server.search.custom import InForce, in_force
from fhir_server.search.registry import Parameter, registry
from tests.conformance.official import needs_official_package, texts

DEFINITIONS = definitions()
OWN = registry(DEFINITIONS)
EVERY = 31
"""One of so many examples is compared: all of them take two minutes."""


def renamed(parameter: Parameter) -> Resource:
    """Return the SearchParameter that asks for the same under another name."""
    definition = parameter.definition
    code = f"x-{definition.code.strip('_')}"
    components = [{"definition": one.definition, "expression": one.expression} for one in definition.components]
    return {
        "resourceType": "SearchParameter",
        "id": f"{parameter.type}.{code}",
        "url": f"urn:{parameter.type}:{code}",
        "status": "active",
        "code": code,
        "base": [parameter.type],
        "type": definition.type,
        "expression": definition.expression,
        "target": list(definition.targets),
        **({"component": components} if components else {}),
    }


def parameters() -> Iterator[Parameter]:
    for codes in OWN.values():
        yield from (one for one in codes.values() if one.kind != "special" and one.definition.base == one.type)


def all_renamed() -> InForce:
    return in_force([renamed(one) for one in parameters()], (), OWN, DEFINITIONS)


def test_all_but_those_whose_own_definition_is_amiss_or_made_of_others_could_be_a_users() -> None:
    refused = all_renamed().refused
    assert {
        "DocumentReference.x-relationship",
        "Group.x-characteristic-value",
        "MolecularSequence.x-chromosome-variant-coordinate",
        "MolecularSequence.x-referenceseqid-variant-coordinate",
        "Observation.x-combo-code-value-concept",
        "Observation.x-combo-code-value-quantity",
    } == {reference.partition("/")[2] for reference in refused}


@needs_official_package
def test_the_values_are_those_of_the_standards_own() -> None:
    found = all_renamed()
    indexer = Indexer(DEFINITIONS, found.registry)
    compared = 0
    for number, (_name, text) in enumerate(texts()):
        resource = decode(text)
        type_ = resource.get("resourceType")
        if number % EVERY or type_ not in DEFINITIONS.resource_types or "id" not in resource:
            continue
        index = indexer.index({"meta": {}, **resource}).index
        for code, one in found.registry[type_].items():
            own = found.registry[type_].get(code.removeprefix("x-"))
            if one.source is not None and own is not None and own.is_stored:
                ours, theirs = (stored(index, parameter) for parameter in (one, own))
                assert theirs == ours, f"{resource['id']} {one.source}"
                compared += bool(theirs)
    assert compared > 1_000


def stored(index: dict[str, Any], parameter: Parameter) -> list[Any] | None:
    """Return the values of a parameter, those that stand alone too as a list."""
    found: Any = index
    for step in parameter.field.path.split(".")[1:]:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, list) or found is None else [found]
