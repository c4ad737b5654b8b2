"""A search as it is asked → what to find, what to return, and what was not understood.

Spec: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html#search
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from fhir_server.kernel import query_string
from fhir_server.kernel.call import Params
from fhir_server.kernel.equalities import equalities
from fhir_server.kernel.errors import Invalid, Issue, NotSupported
from fhir_server.kernel.layout import COMPARTMENTS
from fhir_server.kernel.query import Filter, Query, SortKey
from fhir_server.search import page
from fhir_server.search.contained import Inside, legs
from fhir_server.search.context import Context
from fhir_server.search.criteria import Scope, UnknownParameter, alive, criterion
from fhir_server.search.criteria.limits import check_patterns, check_size
from fhir_server.search.includes import Include, is_include
from fhir_server.search.includes import parse as parse_include
from fhir_server.search.plan import assured, natural_order, overlap
from fhir_server.search.registry import Parameter, Registry
from fhir_server.search.results import IGNORED, RESULT_PARAMETERS, Results, results, sort_keys

MOST_KEPT = 500
"""Searches: each takes 5 to 8 kB."""

LONGEST_KEPT = 1_000
"""Characters of the parameters of a search whose meaning is remembered: clients decide how long those are."""

_ABOUT = "ap"
"""The prefix (or the operator of _filter) whose meaning depends on when it is asked."""

LONGEST_CRITERION = 100
MOST_CRITERIA_KEPT = 2_000

_PARAMETER = re.compile(r"[a-z][a-z-]*").fullmatch
"""A parameter of a type by itself: no modifier, whose meaning may depend on stored value sets, and no chain."""

_TYPE, _QUERY = "_type", "_query"
_COMMON_ORDER = frozenset({"_lastUpdated", "_id"})
"""What several types can be sorted by together: every type stores it alike."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it comes.

    Shape: `types` are those of the address (all, for the system level); `compartment` as "Patient/1"; `path` is the
           address below the base URL; `strict` refuses what is not understood instead of ignoring it; `containers` are
           the types that may contain what is searched for
    """

    types: tuple[str, ...]
    params: Params
    path: str
    context: Context
    compartment: str | None = None
    strict: bool = False
    principal: str = ""
    page_size: int = 50
    max_page_size: int = 1_000
    containers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A search as it is understood.

    Shape: `understood` are the parameters that count, `self_query` their text for the self link; `issues` warn of the
           others; `inside` is what is looked for inside of the hits, None where nothing is
    """

    query: Query
    results: Results
    includes: tuple[Include, ...]
    understood: Params
    self_query: str
    binding: page.Binding
    issues: tuple[Issue, ...] = ()
    inside: Inside | None = None


class Memory:
    """Keeps what searches mean, as long as that follows from their key alone; the oldest make room for new ones.

    Most searches are asked only once, and to keep one costs half of what it costs to understand it: it is kept when it
    is asked for the second time. What one criterion means is kept at once: a search that was not asked before is often
    one for a known code of a known patient.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, Request] = {}
        self._asked_once: set[int] = set()
        self._criteria: dict[tuple[str, str, str, str], Filter] = {}

    def criterion(self, scope: Scope, type_: str, name: str, value: str) -> Filter:
        """Return the filter of a criterion; it is kept when that is one value of a parameter, without modifier.

        Errors: those of `criteria.criterion`
        """
        if len(value) > LONGEST_CRITERION or _ABOUT in value or not _PARAMETER(name):
            return criterion(scope, type_, name, value)
        key = type_, name, value, scope.context.base_url
        found = self._criteria.get(key)
        if found is None:
            found = criterion(scope, type_, name, value)
            if len(self._criteria) >= MOST_CRITERIA_KEPT:
                del self._criteria[next(iter(self._criteria))]
            self._criteria[key] = found
        return found

    def get(self, key: Hashable) -> Request | None:
        """Return what a search means; None when it is not known, or has to be found out each time."""
        return self._kept.get(key)

    def keep(self, key: Hashable, request: Request, params: Params) -> None:
        """Keep what the search of some parameters means, unless the next one may mean something else by them.

        A page is not kept either: hardly anybody asks for the same one again.
        """
        mark = hash(key)
        if mark not in self._asked_once:
            if len(self._asked_once) >= MOST_KEPT:
                self._asked_once.clear()
            self._asked_once.add(mark)
            return
        if request.inside is not None or sum(len(name) + len(value) for name, value in params) > LONGEST_KEPT:
            return
        if any(_ABOUT in value or name == page.PARAMETER for name, value in params):
            return
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = request


@dataclass(slots=True)
class _Sorted:
    """The parameters of a search by what they are."""

    criteria: list[tuple[str, str]] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    understood: list[tuple[str, str]] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    types: list[str] | None = None


def understand(asked: Asked, registry: Registry, key: bytes, memory: Memory) -> Request:
    """Return what a search means; `key` signs and checks page links, `memory` goes with the registry and its zone.

    Errors: Invalid for values that are malformed or too much, NotSupported for what is unknown when strict
    """
    check_size(asked.params)
    sorted_ = _sorted(asked, registry)
    types = asked.types if sorted_.types is None else tuple(one for one in asked.types if one in sorted_.types)
    filters = _filters(asked, Scope(registry, asked.context), types, sorted_, memory)
    check_patterns(sorted_.criteria, filters.values())
    wanted = results(sorted_.understood)
    if wanted.summary == "text" and sorted_.includes:
        _leave_includes(asked, sorted_)
    around: tuple[Filter, ...] = () if asked.compartment is None else ({COMPARTMENTS: asked.compartment},)
    inside = None
    if wanted.contained != "false":
        inside = Inside({type_: alive(*filters[type_]) for type_ in types}, around, whole=wanted.contained == "both")
    keys, ids_descend = _order(wanted, types, filters, registry)
    binding = page.Binding(asked.principal, asked.path, page.without_page(asked.params))
    token = next((value for name, value in asked.params if name == page.PARAMETER), None)
    found = (
        tuple((type_, alive(*around, *filters[type_])) for type_ in types)
        if inside is None
        else legs(inside, asked.containers)
    )
    query = Query(
        legs=found,
        keys=keys,
        ids_descend=ids_descend,
        count=min(wanted.count or asked.page_size, asked.max_page_size),
        position=None if token is None else page.from_text(token, binding, key),
        equalities=equalities(found[0][1]) if len(found) == 1 else None,
        several=overlap(*found[0], registry[found[0][0]]) if len(found) == 1 else None,
    )
    return Request(
        query,
        wanted,
        tuple(sorted_.includes),
        tuple(sorted_.understood),
        query_string.text(sorted_.understood),
        binding,
        tuple(sorted_.issues),
        inside,
    )


def plain_criteria(type_: str, params: Params, context: Context, registry: Registry) -> Query:
    """Return the query of criteria alone, as conditional interactions have them.

    Errors: Invalid for anything else, unknown or malformed
    """
    check_size(params)
    scope = Scope(registry, context)
    for name, _ in params:
        if name in RESULT_PARAMETERS or is_include(name) or name == page.PARAMETER:
            raise Invalid(Issue("not-supported", f"{name[:60]} has no meaning in criteria", expression=name[:60]))
    filters = [criterion(scope, type_, name, value) for name, value in params]
    check_patterns(params, [filters])
    return Query(legs=((type_, alive(*filters)),))


def _sorted(asked: Asked, registry: Registry) -> _Sorted:
    found = _Sorted()
    for name, value in asked.params:
        if name in IGNORED or name == page.PARAMETER:
            continue
        if not value:
            _leave(asked, found, Issue("value", f"{name[:60]} has no value", expression=name[:60]))
        elif name == _QUERY:
            raise NotSupported(Issue("not-supported", "_query: there are no named queries here", expression=_QUERY))
        elif is_include(name):
            _include(asked, found, name, value, registry)
        elif name == _TYPE:
            named = _types(value, registry)
            found.types = named if found.types is None else [one for one in found.types if one in named]
            found.understood.append((name, value))
        elif name in RESULT_PARAMETERS:
            found.understood.append((name, value))
        else:
            found.criteria.append((name, value))
    return found


def _include(asked: Asked, found: _Sorted, name: str, value: str, registry: Registry) -> None:
    try:
        found.includes.append(parse_include(name, value, registry))
    except Invalid as error:
        for issue in error.issues:
            _leave(asked, found, issue)
    else:
        found.understood.append((name, value))


def _leave_includes(asked: Asked, found: _Sorted) -> None:
    named = next(name for name, _ in found.understood if is_include(name))
    _leave(asked, found, Issue("not-supported", f"{named} does not go with _summary=text", expression=named))
    found.includes = []
    found.understood = [pair for pair in found.understood if not is_include(pair[0])]


def _leave(asked: Asked, found: _Sorted, issue: Issue) -> None:
    """Refuse what is not understood when strict, else go on without it and say so."""
    if asked.strict:
        raise Invalid(issue)
    found.issues.append(
        Issue(issue.code, f"{issue.diagnostics}; it was ignored", severity="warning", expression=issue.expression)
    )


def _types(value: str, registry: Registry) -> list[str]:
    names = value.split(",")
    for name in names:
        if name not in registry:
            raise Invalid(Issue("value", f"_type: {name[:60]!r} is no resource type", expression=_TYPE))
    return names


def _filters(
    asked: Asked, scope: Scope, types: Sequence[str], sorted_: _Sorted, memory: Memory
) -> Mapping[str, list[Filter]]:
    """Return the filters of every type; a criterion that one of them does not know is none for all."""
    found: dict[str, list[Filter]] = {type_: [] for type_ in types}
    for name, value in sorted_.criteria:
        try:
            of_types = [memory.criterion(scope, type_, name, value) for type_ in types]
        except UnknownParameter as error:
            for issue in error.issues:
                _leave(asked, sorted_, issue)
            continue
        sorted_.understood.append((name, value))
        for type_, one in zip(types, of_types, strict=True):
            found[type_].append(one)
    return found


def _order(
    wanted: Results, types: Sequence[str], filters: Mapping[str, list[Filter]], registry: Registry
) -> tuple[tuple[SortKey, ...], bool]:
    """Return the sort keys, and whether ids descend among equals."""
    if not types:
        return (), True
    type_ = types[0]
    parameters: Mapping[str, Parameter] = registry[type_]
    several = len(types) > 1 or wanted.contained != "false"  # containers may be of any type
    if several and any(code.removeprefix("-") not in _COMMON_ORDER for code in wanted.sort):
        why = "_sort: several types can be sorted by _lastUpdated and _id"
        raise NotSupported(Issue("not-supported", why, expression="_sort"))
    keys, ids_descend = sort_keys(wanted.sort, parameters)
    if not wanted.sort and not several:
        natural = natural_order(type_, filters[type_], parameters)
        keys = () if natural is None else (natural,)
    if len(keys) == 1 and wanted.contained == "false":
        keys = (assured(keys[0], filters[type_]),)
    if ids_descend is None:
        ids_descend = not (keys and keys[-1].descending)
    return keys, ids_descend
