"""Required bindings of CodeableConcept and Coding (those of code are part of the primitive).

Spec: https://hl7.org/fhir/R4/terminologies.html#required
"""

from conformance.definitions import CodeSet
from conformance.walk.objects import Check, JsonObject
from conformance.walk.problems import Problem, error, shown


def bound(check: Check, fhir_type: str, codes: CodeSet, value_set: str) -> Check:
    """Return a check that also asks for a code of the value set.

    Of a CodeableConcept one coding must be from the value set, others may translate it; one that has only text or
    extensions is left to the profiles that forbid it.
    """

    def check_bound(value: object, owner: JsonObject, depth: int) -> list[Problem] | None:
        problems = check(value, owner, depth)
        if problems:
            return problems
        codings = [value] if fhir_type == "Coding" else _codings(value)
        if not codings or any(_is_in(codes, coding) for coding in codings):
            return None
        return [error("code-invalid", f"{_code_of(codings)} is not in the required value set {value_set}")]

    return check_bound


def _codings(concept: object) -> list[object]:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return codings if isinstance(codings, list) else []


def _is_in(codes: CodeSet, coding: object) -> bool:
    return isinstance(coding, dict) and coding.get("code") in codes.get(coding.get("system", ""), ())


def _code_of(codings: list[object]) -> str:
    first = codings[0]
    return shown(first.get("code") if isinstance(first, dict) else None, "the code")
