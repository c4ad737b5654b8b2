"""Which types a reference parameter can lead to, as its expression says: "…subject.where(resolve() is Patient)".

The definitions list the targets of the whole element, also for parameters that select references to one type alone.
Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from collections.abc import Sequence
from functools import lru_cache

from conformance.fhirpath import Call, Node, TypeTest, alternatives, parse


def narrowed(targets: Sequence[str], expression: str) -> tuple[str, ...]:
    """Return those of some types that the references of an expression can be of."""
    types = {type_ for _, type_ in _branches(expression)}
    if None in types:
        return tuple(targets)
    return tuple(target for target in targets if target in types) or tuple(targets)


@lru_cache(maxsize=1_024)
def narrows(expression: str | None, wider: str, target: str) -> bool:
    """Tell whether an expression selects, of the references of a wider one, those to the target type alone."""
    if expression is None:
        return False
    elements = {element for element, type_ in _branches(expression) if type_ == target}
    return len(elements) == len(_branches(expression)) and elements == {
        element for element, type_ in _branches(wider) if type_ is None
    }


@lru_cache(maxsize=1_024)
def _branches(expression: str) -> tuple[tuple[Node, str | None], ...]:
    """Return the elements that an expression selects, each with the one type that it leaves of references."""
    return tuple(_restricted(branch) for branch in alternatives(parse(expression)))


def _restricted(node: Node) -> tuple[Node, str | None]:
    match node:
        case Call(source, "where", (TypeTest("is", Call(None, "resolve"), type_),)) if source is not None:
            return source, type_.removeprefix("FHIR.")
    return node, None
