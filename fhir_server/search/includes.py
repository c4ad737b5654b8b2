"""_include and _revinclude: which other resources come with the hits.

Spec: https://hl7.org/fhir/R4/search.html#include
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from conformance.definitions import Definitions
from conformance.paths import Extractor, compile
from conformance.reference_text import split_reference
from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.fhir_text import prefix_end
from fhir_server.kernel.query import Filter, Query
from fhir_server.kernel.types import Resource
from fhir_server.search.context import Context
from fhir_server.search.criteria import alive, either
from fhir_server.search.fields import Field
from fhir_server.search.kinds import KINDS
from fhir_server.search.kinds.kind import between, one_of
from fhir_server.search.kinds.reference import spellings
from fhir_server.search.registry import Parameter, Registry, canonical_url
from fhir_server.search.syntax import escape

_NAMES = {"_include": False, "_revinclude": True}
_ITERATE = frozenset({"iterate", "recurse"})
ANY = "*"
_LONGEST_NUMBER = 10

Link: TypeAlias = tuple[str, str, int | None]
"""Type, id and version of a resource; None is the current version."""


@dataclass(frozen=True, slots=True)
class Include:
    """One _include or (`reverse`) _revinclude: links of `source` by parameter `code` (or any) to `target` (or any)."""

    source: str
    code: str
    target: str | None = None
    reverse: bool = False
    iterate: bool = False


def is_include(name: str) -> bool:
    """Tell whether a parameter asks for includes."""
    return name.partition(":")[0] in _NAMES


def parse(name: str, value: str, registry: Registry) -> Include:
    """Return what one _include or _revinclude asks for.

    Errors: Invalid for types, parameters and targets that are not there
    """
    plain, colon, modifier = name.partition(":")
    if colon and modifier not in _ITERATE:
        raise _invalid(name, "the only modifier is :iterate")
    source, _, rest = value.partition(":")
    code, _, target = rest.partition(":")
    include = Include(source, code or ANY, target or None, _NAMES[plain], bool(colon))
    _check(name, include, registry)
    return include


def _check(name: str, include: Include, registry: Registry) -> None:
    source, code, target = include.source, include.code, include.target
    if source == ANY:
        if code != ANY:
            raise _invalid(name, "write Type:parameter, or * alone")
        return
    if source not in registry:
        raise _invalid(name, f"{source[:60]!r} is no resource type")
    if target is not None and target not in registry:
        raise _invalid(name, f"{target[:60]!r} is no resource type")
    if code == ANY:
        return
    parameter = registry[source].get(code)
    if parameter is None or parameter.kind != "reference":
        raise _invalid(name, f"{source} has no reference parameter {code[:60]!r}")
    if target is not None and target not in parameter.field.targets:
        raise _invalid(name, f"{code} does not refer to {target}")


class Follower:
    """Finds what includes lead to; expressions are compiled when first followed."""

    def __init__(self, definitions: Definitions, registry: Registry) -> None:
        self._definitions = definitions
        self._registry = registry
        self._extractors: dict[tuple[str, str], Extractor] = {}

    def reads(self, includes: Sequence[Include]) -> bool:
        """Tell whether resources must be read to follow includes from them; else their addresses are enough."""
        return any(not include.reverse for include in includes) or bool(self._canonical(includes))

    def links(self, resources: Sequence[Resource], includes: Sequence[Include], base_url: str) -> list[Link]:
        """Return what resources link to on this server, each once, in order."""
        found = (
            link
            for include in includes
            if not include.reverse
            for resource in resources
            if include.source in (ANY, resource["resourceType"])
            for link in self._links(resource, include, base_url)
        )
        return list(dict.fromkeys(found))

    def reverse(
        self, references: Sequence[tuple[str, str]], includes: Sequence[Include], base_url: str, count: int
    ) -> list[Query]:
        """Return the queries for what links to some resources; at most `count` hits each."""
        return [
            query
            for include in includes
            if include.reverse
            for query in self._reverse(references, include, base_url, count)
        ]

    def by_url(self, resources: Sequence[Resource], includes: Sequence[Include], count: int) -> list[Query]:
        """Return the queries for what resources name by canonical URL, and what names them; at most `count` hits each.

        A canonical with version leads to this version, one without to all of them.
        """
        found: dict[str, list[Filter]] = {}
        for include, parameter in self._canonical(includes):
            follow = self._naming if include.reverse else self._named
            for resource in resources:
                for type_, filter_ in follow(resource, include, parameter):
                    found.setdefault(type_, []).append(filter_)
        return [Query(legs=((type_, alive(either(filters))),), count=count) for type_, filters in found.items()]

    def _canonical(self, includes: Sequence[Include]) -> list[tuple[Include, Parameter]]:
        """Return the parameters that includes follow and whose values may be canonical URLs."""
        return [
            (include, parameter)
            for include in includes
            for source in (self._registry if include.source == ANY else (include.source,))
            for parameter in self._parameters(source, include.code)
            if parameter.field.canonical
        ]

    def _named(self, resource: Resource, include: Include, parameter: Parameter) -> Iterator[tuple[str, Filter]]:
        """Yield the types and filters of what a resource names by URL."""
        if resource["resourceType"] != parameter.type:
            return
        targets = parameter.field.targets if include.target is None else (include.target,)
        named = [value for value, fhir_type in self._extractor(parameter)(resource) if fhir_type == "canonical"]
        for type_ in targets:
            where = canonical_url(self._registry, type_)
            if where is not None:
                yield from ((type_, _has_url(value, where, self._registry[type_]["version"])) for value in named)

    def _naming(self, resource: Resource, include: Include, parameter: Parameter) -> Iterator[tuple[str, Filter]]:
        """Yield the type and filters of what names a resource by URL, with its version or with none."""
        type_, url, version = resource["resourceType"], resource.get("url"), resource.get("version")
        if type_ not in parameter.field.targets or include.target not in (None, type_):
            return
        if url is None or canonical_url(self._registry, type_) is None:
            return
        where, start = parameter.field, f"{url}|"
        yield parameter.type, {"$and": [one_of(where, [url]), {"$nor": [between(where, start, prefix_end(start))]}]}
        if version is not None:
            yield parameter.type, one_of(where, [start + version])

    def _links(self, resource: Resource, include: Include, base_url: str) -> Iterator[Link]:
        for parameter in self._parameters(resource["resourceType"], include.code):
            for value, _fhir_type in self._extractor(parameter)(resource):
                link = split_reference(_text(value))
                if link is not None and link.base in (None, base_url) and include.target in (None, link.type):
                    yield link.type, link.id, _number(link.version)

    def _reverse(
        self, references: Sequence[tuple[str, str]], include: Include, base_url: str, count: int
    ) -> Iterator[Query]:
        sources = self._registry if include.source == ANY else (include.source,)
        for source in sources:
            filters = []
            for parameter in self._parameters(source, include.code):
                wanted = [
                    spelling
                    for type_, id_ in references
                    if type_ in parameter.field.targets and include.target in (None, type_)
                    for spelling in spellings(f"{type_}/{id_}", base_url)
                ]
                if wanted:
                    filters.append({parameter.field.path: {"$in": wanted}})
            if filters:
                yield Query(legs=((source, alive(either(filters))),), count=count)

    def _parameters(self, type_: str, code: str) -> Sequence[Parameter]:
        of_type = self._registry[type_]
        if code != ANY:
            return [of_type[code]] if code in of_type else []
        return [one for one in of_type.values() if one.kind == "reference"]

    def _extractor(self, parameter: Parameter) -> Extractor:
        key = (parameter.type, parameter.code)
        found = self._extractors.get(key)
        if found is None:
            assert parameter.definition.expression is not None
            found = compile(parameter.definition.expression, parameter.type, self._definitions)
            self._extractors[key] = found
        return found


def _number(version: str | None) -> int | None:
    """Return the version that a reference names; None where it names none that this server can have."""
    return int(version) if version is not None and version.isdecimal() and len(version) < _LONGEST_NUMBER else None


def _has_url(canonical: str, where: Field, version: Parameter) -> Filter:
    """Return the filter of what a canonical names: in its version, where it tells one."""
    url, _, named = canonical.partition("#")[0].partition("|")
    told = [KINDS[version.kind].condition(escape(named), None, version.field, Context())] if named else []
    return alive(one_of(where, [url]), *told)


def _text(value: Any) -> str:
    match value:
        case {"reference": str(text)} | str(text):
            return text
        case {"resourceType": str(type_), "id": str(id_)}:
            return f"{type_}/{id_}"
    return ""


def _invalid(name: str, why: str) -> Invalid:
    return Invalid(Issue("not-supported", f"{name}: {why}", expression=name[:100]))
