"""FHIR search without I/O: from the parameters of a URL to a query, and from hits to what goes with them.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo

from conformance.definitions import Definitions, SearchParameter
from fhir_server.kernel.call import Params
from fhir_server.kernel.errors import Invalid, Issue, PreconditionFailed
from fhir_server.kernel.fhir_json import decode_stored, encode
from fhir_server.kernel.layout import IndexSpec
from fhir_server.kernel.query import Query
from fhir_server.kernel.types import Alteration, Resource
from fhir_server.search import contained
from fhir_server.search.contained import Inside
from fhir_server.search.context import Context, Terminology
from fhir_server.search.custom import alteration, defined, in_force, incomplete, is_asked_for, own_fields
from fhir_server.search.fields import index_specs
from fhir_server.search.guard_keys import guard_keys
from fhir_server.search.includes import Follower, Include
from fhir_server.search.page import to_text
from fhir_server.search.registry import registry
from fhir_server.search.request import Asked, Memory, Request, plain_criteria, understand
from fhir_server.search.results import Results, results
from fhir_server.search.shape import summarised, unknown_elements, with_elements

__all__ = ["Asked", "Context", "Include", "Inside", "Request", "Results", "Search", "Terminology", "to_text"]


class Search:
    """Everything that search knows, compiled from the definitions; `zone` is for times that name none.

    Shape: `custom` are the SearchParameters of users, `indexed` the names of those that are complete; `content` says
           that all words of resources are indexed, for _content
    """

    def __init__(
        self,
        definitions: Definitions,
        *,
        zone: tzinfo = UTC,
        custom: Sequence[Resource] = (),
        indexed: Collection[str] = (),
        content: bool = False,
    ) -> None:
        self._definitions = definitions
        self._zone = zone
        self.in_force = in_force(custom, indexed, registry(definitions, content=content), definitions)
        self.registry = self.in_force.registry
        self._pending = self.in_force.pending
        self.follower = Follower(definitions, self.registry)
        self.memory = Memory()

    @property
    def parameters(self) -> Mapping[str, Sequence[SearchParameter]]:
        """The search parameters that work, by resource type."""
        return {type_: [one.definition for one in codes.values()] for type_, codes in self.registry.items()}

    @property
    def includes(self) -> Mapping[str, Sequence[str]]:
        """The values that _include may have, by the type that is searched."""
        return {
            type_: [f"{type_}:{code}" for code, one in codes.items() if one.kind == "reference"]
            for type_, codes in self.registry.items()
        }

    @property
    def reverse_includes(self) -> Mapping[str, Sequence[str]]:
        """The values that _revinclude may have, by the type that is searched."""
        found: dict[str, list[str]] = {type_: [] for type_ in self.registry}
        for type_, codes in self.registry.items():
            for code, one in codes.items():
                for target in one.field.targets:
                    found[target].append(f"{type_}:{code}")
        return found

    def indexes(self, type_: str) -> tuple[IndexSpec, ...]:
        """Return the database indexes that searches of a type need."""
        specs = index_specs(type_, {code: one.definition for code, one in self.registry[type_].items()})
        return (*specs, contained.SPEC)

    def request(self, asked: Asked, *, key: bytes) -> Request:
        """Return what a search means; see `request.understand`.

        It warns of parameters with which not all resources are indexed yet, and of elements that no type has; when
        strict, it is refused for them.
        """
        if asked.context.zone is not self._zone:
            asked = replace(asked, context=replace(asked.context, zone=self._zone))
        found = understand(asked, self.registry, key, self.memory)
        warnings = incomplete(found.query, found.includes, self._pending) if self._pending else []
        if found.results.elements:
            warnings += self.unknown_elements(found.results, asked.types)
        if warnings and asked.strict:
            raise Invalid(*(replace(one, severity="error") for one in warnings))
        return replace(found, issues=(*found.issues, *warnings)) if warnings else found

    def unknown_elements(self, wanted: Results, types: Collection[str]) -> list[Issue]:
        """Return a warning for each of the wanted elements that none of some types has."""
        return [
            Issue("value", f"_elements: there is no {name[:60]!r} here", severity="warning", expression="_elements")
            for name in unknown_elements(wanted.elements, types, self._definitions)
        ]

    def criteria(self, type_: str, params: Params, base_url: str) -> Query:
        """Return the query of a conditional interaction; see `request.plain_criteria`.

        Errors: PreconditionFailed for a parameter that could overlook resources: what is there might be made twice
        """
        query = plain_criteria(type_, params, Context(zone=self._zone, base_url=base_url), self.registry)
        if self._pending and (warnings := incomplete(query, (), self._pending)):
            raise PreconditionFailed(*(replace(one, severity="error") for one in warnings))
        return query

    def rests_on_custom(self, query: Query) -> bool:
        """Tell whether a query reads parameters that users define."""
        return bool(self.in_force.sources and own_fields(query))

    def check_custom(self, resource: Resource) -> None:
        """Raise Unusable when a valid SearchParameter is to be a parameter but cannot be one."""
        if is_asked_for(resource, self._definitions):
            defined(resource, self.registry, self._definitions)

    def alteration(self, before: Resource | None, after: Resource | None, *, generation: int) -> Alteration | None:
        """Return what a SearchParameter in the place of another alters; see `in_force.alteration`."""
        return alteration(before, after, self.in_force, self._definitions, generation=generation)

    def guard_keys(self, type_: str, params: Params) -> tuple[str, ...]:
        """Return the guards of a conditional write; see `guard_keys.guard_keys`."""
        return guard_keys(type_, params, self.registry)

    def shape(self, text: bytes, params: Params) -> bytes:
        """Return the part of a resource's text that _summary or _elements among the parameters ask for."""
        return self.shaped(text, results(pair for pair in params if pair[0] in ("_summary", "_elements")))

    def shaped(self, text: bytes, wanted: Results) -> bytes:
        """Return the part of a resource's text that a client wants: the same bytes when that is all of it."""
        if wanted.whole:
            return text
        resource: Resource = decode_stored(text)
        if wanted.elements:
            return encode(with_elements(resource, wanted.elements, self._definitions))
        assert wanted.summary is not None
        return encode(summarised(resource, wanted.summary, self._definitions))
