"""By which search parameters can one resource be found by another that it refers to?

Spec: https://hl7.org/fhir/R4/search.html#reference
"""

from collections.abc import Iterator

from conformance.definitions import Definitions


def reference_parameters(definitions: Definitions, target: str) -> Iterator[tuple[str, str]]:
    """Yield the (type, code) of each search parameter whose references may point to resources of the target type."""
    for type_, parameters in definitions.search_parameters.items():
        for code, parameter in parameters.items():
            if parameter.type == "reference" and (not parameter.targets or target in parameter.targets):
                yield type_, code
