"""The write pipeline: what must be true of a resource, and what is computed from it, before it is stored.

validate → stamp (id, version, instant) → index → draft; pure, and the same for every way of writing.
Spec: https://hl7.org/fhir/R4/http.html#create, https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from conformance.walk import Validator
from fhir_server.kernel.errors import Invalid, Issue, only_errors
from fhir_server.kernel.fhir_json import decode_stored, encode
from fhir_server.kernel.types import Alteration, Draft, Method, Resource, Version
from fhir_server.resources.indexing import Indexer
from fhir_server.resources.versioning import next_instant, stamp
from fhir_server.search import Search

_RULE = "SearchParameter"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The compiled rules that a write passes.

    `search` judges the SearchParameters of users, None where none is to come into force; `generation` numbers the rules
    of indexing.
    """

    validator: Validator
    indexer: Indexer
    search: Search | None = None
    generation: int = 0

    def check(self, resource: object, *, at: str | None = None) -> tuple[Issue, ...]:
        """Return the warnings of a resource; `at` is its place in a Bundle, for the issues' expressions.

        Errors: Invalid with all issues (at most 100) when the resource breaks a rule of FHIR, or is to be a search
                parameter and cannot be one
        """
        problems = self.validator.issues(resource)
        if not problems:
            self._check_parameter(resource, at)
            return ()
        issues = tuple(
            Issue(problem.code, problem.diagnostics, problem.severity, _placed(problem.expression, at))
            for problem in problems
        )
        if only_errors(issues):
            raise Invalid(*issues)
        self._check_parameter(resource, at)
        return issues

    def draft(self, resource: Resource, id_: str, *, method: Method, now: datetime, replaces: Version | None) -> Draft:
        """Return the version to store for a checked resource; it follows `replaces`."""
        updated = next_instant(now, replaces)
        number = 1 if replaces is None else replaces.version + 1
        stamped = stamp(resource, id_, version=number, updated=updated)
        indexed = self.indexer.index(stamped)
        version = Version(
            type=stamped["resourceType"],
            id=id_,
            version=number,
            updated=updated,
            method=method,
            json=encode(stamped),
            compartments=indexed.compartments,
            security=indexed.security,
        )
        alters = self._alteration(replaces, stamped) if version.type == _RULE else None
        return Draft(version, stamped, indexed.index, self.generation, alters)

    def tombstone(self, current: Version, now: datetime) -> Draft:
        """Return the version that a delete makes; see the function of the same name."""
        alters = self._alteration(current, None) if current.type == _RULE else None
        return replace(tombstone(current, now), generation=self.generation, alters=alters)

    def _check_parameter(self, resource: Any, at: str | None) -> None:
        if self.search is None or resource["resourceType"] != _RULE:
            return
        try:
            self.search.check_custom(resource)
        except Invalid as error:
            raise type(error)(
                *(replace(one, expression=_placed(one.expression or "", at)) for one in error.issues)
            ) from None

    def _alteration(self, replaces: Version | None, after: Resource | None) -> Alteration | None:
        if self.search is None:
            return None
        before = None if replaces is None or replaces.deleted else decode_stored(replaces.json)
        return self.search.alteration(before, after, generation=self.generation)


def tombstone(current: Version, now: datetime) -> Draft:
    """Return the version that a delete makes; it keeps the compartments, so that access rules still apply."""
    version = Version(
        type=current.type,
        id=current.id,
        version=current.version + 1,
        updated=next_instant(now, current),
        method="DELETE",
        json=b"",
        compartments=current.compartments,
        security=current.security,
    )
    return Draft(version)


def resource_of_type(body: object, type_: str) -> Resource:
    """Return the body when it is a resource of the URL's type.

    Errors: Invalid when it is no JSON object, names no resourceType, or another one
    """
    if not isinstance(body, Mapping):
        raise Invalid(Issue("structure", "the body must be a JSON object: a resource"))
    named: Any = body.get("resourceType")
    if not isinstance(named, str):
        raise Invalid(Issue("structure", "the body has no resourceType", expression="resourceType"))
    if named != type_:
        raise Invalid(Issue("invalid", f"the URL says {type_}, the body another type", expression="resourceType"))
    return dict(body)


def _placed(expression: str, at: str | None) -> str:
    """Return the expression as seen from the Bundle: "Patient.name" at "Bundle.entry[2].resource"."""
    if at is None:
        return expression
    _, dot, path = expression.partition(".")
    return f"{at}{dot}{path}"
