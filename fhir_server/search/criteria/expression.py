"""A _filter that was read → a filter: every comparison as the kind of its parameter makes it.

Spec: https://hl7.org/fhir/R4/search_filter.html
"""

import re
from dataclasses import replace
from functools import partial
from typing import assert_never

from fhir_server.kernel.errors import Invalid, Issue, NotSupported
from fhir_server.kernel.query import Filter
from fhir_server.search.criteria.chains import chain, reverse_chain
from fhir_server.search.criteria.grammar import Comparison, Expression, Logical, Not, Step
from fhir_server.search.criteria.plain import either, one_value
from fhir_server.search.criteria.presence import LOGICAL_ID, absent, alive, present
from fhir_server.search.criteria.scope import Scope, UnknownParameter
from fhir_server.search.kinds import KINDS
from fhir_server.search.kinds.kind import bad_value
from fhir_server.search.registry import Parameter

_HAS = "_has:"

_NAMESPACES = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ucum": "http://unitsofmeasure.org",
}
_SHORT = re.compile(rf"^([^|]*\||)({'|'.join(_NAMESPACES)})\|")


def evaluate(expression: Expression, scope: Scope, type_: str) -> Filter:
    """Return the filter of a _filter expression on resources of a type.

    Errors: UnknownParameter; Invalid for a comparison that its kind does not have, and a malformed value; all tell the
            parameter
    """
    match expression:
        case Comparison(name):
            return _named(name, partial(_compared, expression), scope, type_)
        case Step(name):
            return _named(name, partial(_step, expression), scope, type_)
        case Not(operand):
            return {"$nor": [evaluate(operand, scope, type_)]}
        case Logical(operator):
            sides = [evaluate(side, scope, type_) for side in _sides(expression)]
            return {"$and": sides} if operator == "and" else either(sides)
        case _:
            assert_never(expression)


def _sides(expression: Logical) -> list[Expression]:
    """Return the operands that one operator joins: "a and b and c" is one list of three."""
    sides: list[Expression] = [expression.right]
    left = expression.left
    while isinstance(left, Logical) and left.operator == expression.operator:
        sides.append(left.right)
        left = left.left
    return [left, *reversed(sides)]


def _named(name: str, make: "partial[Filter]", scope: Scope, type_: str) -> Filter:
    """Return what `make` makes of a scope and a type; errors tell the name of the parameter."""
    try:
        return make(scope, type_)
    except UnknownParameter:
        raise
    except Invalid as error:
        raise type(error)(*(Issue(one.code, f"{name[:60]}: {one.diagnostics}") for one in error.issues)) from None


def _step(step: Step, scope: Scope, type_: str) -> Filter:
    code, _, target = step.name.partition(":")
    return chain(scope, scope.parameter(type_, code), target, partial(_behind, step))


def _behind(step: Step, scope: Scope, type_: str) -> Filter:
    rest = evaluate(step.rest, scope, type_)
    if step.restriction is None:
        return rest
    return {"$and": [evaluate(step.restriction, scope, type_), rest]}


def _compared(comparison: Comparison, scope: Scope, type_: str) -> Filter:
    name, operator, value = comparison.name, comparison.operator, comparison.value
    if name.startswith(_HAS):
        parts = name.split(":", 3)
        if len(parts) != 4 or not all(parts):
            raise bad_value("write _has:Type:reference:parameter")
        inner = Comparison(parts[3], operator, value)
        return reverse_chain(scope, type_, parts[1], parts[2], partial(_compared, inner))
    if "\0" in value:
        raise bad_value("a NUL character stands in no resource")
    code, colon, modifier = name.partition(":")
    if colon:
        raise NotSupported(Issue("not-supported", f"a filter has operators, no modifier {modifier[:60]!r}"))
    parameter = scope.parameter(type_, code)
    comparison = replace(comparison, value=_in_full(value))
    if operator == "pr":
        if value not in ("true", "false"):
            raise bad_value("the value of pr is true or false")
        return present(scope, parameter) if value == "true" else absent(scope, parameter)
    return _by_kind(parameter, comparison, scope)


def _in_full(value: str) -> str:
    """Return the value with the namespace for which a short name may stand: "loinc|8867-4", "gt5|ucum|mg"."""
    return _SHORT.sub(lambda found: found[1] + _NAMESPACES[found[2]] + "|", value, count=1)


def _by_kind(parameter: Parameter, comparison: Comparison, scope: Scope) -> Filter:
    operator, value = comparison.operator, comparison.value
    if parameter.any_of:
        made_of = (scope.parameter(parameter.type, code) for code in parameter.any_of)
        return either([_by_kind(part, comparison, scope) for part in made_of])
    if parameter.parts or parameter.code == LOGICAL_ID:
        if operator not in ("eq", "ne"):
            raise _refusal(parameter, comparison, ("eq", "ne", "pr"))
        equal = one_value(scope, parameter, None, value)
        return equal if operator == "eq" else alive({"$nor": [equal]})
    comparisons = KINDS[parameter.kind].comparisons
    compare = comparisons.get(operator)
    if compare is None:
        raise _refusal(parameter, comparison, (*comparisons, "pr"))
    return compare(value, parameter.field, scope.context)


def _refusal(parameter: Parameter, comparison: Comparison, known: tuple[str, ...]) -> NotSupported:
    what = f"{parameter.kind} parameters are not compared by {comparison.operator}; there is {', '.join(known)}"
    return NotSupported(Issue("not-supported", what))
