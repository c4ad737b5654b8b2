"""Which interaction a method and a path mean: one table for HTTP requests and for entries of a Bundle.

Spec: https://hl7.org/fhir/R4/http.html#summary
"""

from collections.abc import Collection, Mapping
from typing import TypeAlias

from fhir_server.kernel.call import Address, Interaction
from fhir_server.kernel.errors import Invalid, Issue, MethodNotAllowed, NotFound
from fhir_server.kernel.ids import is_logical_id

Methods: TypeAlias = Mapping[str, Interaction]

_OPERATION: Methods = {"GET": "operation", "POST": "operation"}

TABLE: Mapping[tuple[str, ...], Methods] = {
    (): {"GET": "search-system", "POST": "batch"},
    ("metadata",): {"GET": "capabilities"},
    ("_history",): {"GET": "history-system"},
    ("_search",): {"POST": "search-system"},
    ("$",): {**_OPERATION, "DELETE": "operation"},
    ("type",): {
        "GET": "search-type",
        "POST": "create",
        "PUT": "update",
        "PATCH": "patch",
        "DELETE": "delete",
    },
    ("type", "_search"): {"POST": "search-type"},
    ("type", "_history"): {"GET": "history-type"},
    ("type", "$"): _OPERATION,
    ("type", "id"): {"GET": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete"},
    ("type", "id", "_history"): {"GET": "history-instance"},
    ("type", "id", "_history", "version"): {"GET": "vread"},
    ("type", "id", "_history", "version", "$"): _OPERATION,
    ("type", "id", "$"): _OPERATION,
    ("type", "id", "member"): {"GET": "search-compartment"},
    ("type", "id", "member", "_search"): {"POST": "search-compartment"},
}
"""Path shape → method → interaction. POST on the base is a batch or a transaction: the Bundle's type says which."""

_WORDS = frozenset({"metadata", "_history", "_search"})


def address(method: str, path: str, resource_types: Collection[str]) -> Address:
    """Return what `method` on `path` (below the base URL, without query) means; HEAD is read as GET.

    Errors: NotFound for a path or type that FHIR does not know, Invalid for an id that is none,
            MethodNotAllowed (with Allow) where the path exists but not for this method
    """
    type_, _, id_ = path.removeprefix("/").partition("/")
    if method == "GET" and type_ in resource_types:  # most of all requests, and a tenth of what one costs
        if is_logical_id(id_):
            return Address("read", type_, id_)
        if not id_:
            return Address("search-type", type_)
    segments = [segment for segment in path.split("/") if segment]
    shape = tuple(_word(position, segment, segments) for position, segment in enumerate(segments))
    methods = TABLE.get(shape)
    if methods is None:
        raise NotFound(Issue("not-found", f"no FHIR interaction has the path /{'/'.join(segments)[:200]}"))
    named = dict(zip(shape, segments, strict=True))
    _check_names(named, resource_types)
    interaction = methods.get("GET" if method == "HEAD" else method)
    if interaction is None:
        allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
        raise MethodNotAllowed(f"{method[:20]} is not allowed here", headers={"Allow": ", ".join(allowed)})
    return _named_address(interaction, named)


def _word(position: int, segment: str, segments: list[str]) -> str:
    """Return the role of one segment in its path's shape."""
    if segment in _WORDS:
        return segment
    if segment.startswith("$"):
        return "$"
    if position == 0:
        return "type"
    if position == 1:
        return "id"
    return "version" if segments[position - 1] == "_history" else "member"


def _check_names(named: Mapping[str, str], resource_types: Collection[str]) -> None:
    type_ = named.get("type")
    if type_ is not None and type_ not in resource_types:
        raise NotFound(Issue("not-found", f"{type_[:64]!r} is not a resource type of FHIR R4"))
    member = named.get("member")
    if member is not None and member != "*" and member not in resource_types:
        raise NotFound(Issue("not-found", f"{member[:64]!r} is not a resource type of FHIR R4"))
    if "id" in named and not is_logical_id(named["id"]):
        raise Invalid(Issue("value", "the id in the URL is not a FHIR id: 1 to 64 letters, digits, '-' or '.'"))


def _named_address(interaction: Interaction, named: Mapping[str, str]) -> Address:
    if interaction == "search-compartment":
        member = named["member"]
        return Address(
            interaction,
            type=None if member == "*" else member,
            id=named["id"],
            compartment_type=named["type"],
        )
    return Address(
        interaction,
        type=named.get("type"),
        id=named.get("id"),
        version_id=named.get("version"),
        operation=named.get("$", "")[1:] or None,
    )
