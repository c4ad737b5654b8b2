"""One search parameter and its value → a filter: modifiers, lists, chains, reverse chains and _filter.

Spec: https://hl7.org/fhir/R4/search.html#modifiers, https://hl7.org/fhir/R4/search.html#chaining
"""

from functools import partial

from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.query import Filter
from fhir_server.search.criteria.chains import chain, in_list, reverse_chain
from fhir_server.search.criteria.expression import evaluate
from fhir_server.search.criteria.grammar import parse
from fhir_server.search.criteria.plain import either, plain
from fhir_server.search.criteria.presence import EXISTS, alive, is_positive
from fhir_server.search.criteria.scope import Scope, UnknownParameter

__all__ = ["EXISTS", "Scope", "UnknownParameter", "alive", "criterion", "either", "is_positive"]

FILTER = "_filter"
_LIST = "_list"
_HAS = "_has"


def criterion(scope: Scope, type_: str, name: str, value: str) -> Filter:
    """Return the filter that one parameter of a search means.

    Shape:  name as in the URL, with modifier and chain: "subject:Patient.name:exact"
    Errors: UnknownParameter; Invalid for a bad modifier, chain or value; all name the parameter
    """
    try:
        return _criterion(name, value, scope, type_)
    except Invalid as error:
        shown = name[:100]
        raise type(error)(
            *(
                Issue(issue.code, f"{shown}: {issue.diagnostics}", issue.severity, expression=shown)
                for issue in error.issues
            )
        ) from None


def _criterion(name: str, value: str, scope: Scope, type_: str) -> Filter:
    if name == FILTER:
        return _filtered(value, scope, type_)
    if name.partition(":")[0] == _HAS:
        parts = name.split(":", 3)
        if len(parts) != 4 or not all(parts):
            raise Invalid(Issue("invalid", "write _has:Type:reference:parameter"))
        return reverse_chain(scope, type_, parts[1], parts[2], partial(_criterion, parts[3], value))
    head, dot, rest = name.partition(".")
    code, _, modifier = head.partition(":")
    if name == _LIST:
        return in_list(scope, type_, value)
    if code == _LIST:
        raise Invalid(Issue("not-supported", "there is no modifier here and no chain; the value is the id of a List"))
    parameter = scope.parameter(type_, code)
    if dot:
        return chain(scope, parameter, modifier, partial(_criterion, rest, value))
    return plain(scope, parameter, modifier or None, value)


def _filtered(text: str, scope: Scope, type_: str) -> Filter:
    try:
        return evaluate(parse(text), scope, type_)
    except UnknownParameter as error:  # to ignore it would change what the rest means
        raise Invalid(*error.issues) from None
