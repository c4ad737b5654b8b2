"""JSON Patch: operations on places that JSON Pointers name, all of them or none.

Spec: https://www.rfc-editor.org/rfc/rfc6902, https://www.rfc-editor.org/rfc/rfc6901
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fhir_server.kernel.errors import Invalid, Issue, TooCostly, Unprocessable
from fhir_server.kernel.types import Resource
from fhir_server.resources.patch.tree import copied, equal, size

LARGEST = 16 * 2**20
"""Characters that the `copy` operations of one patch may add: a document of MongoDB holds no more."""

_POINTER = re.compile(r"(?:/(?:[^/~]|~[01])*)*").fullmatch
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}").fullmatch
_SHOWN = 100

Pointer: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Operation:
    """One well-formed operation: `source` is the "from" of move and copy, `value` that of add, replace and test."""

    op: str
    path: Pointer
    source: Pointer = ()
    value: Any = None


class _Refused(Exception):
    """The operation does not apply to the document; its text says why, without values."""


def json_patch(resource: Resource, operations: object, *, limit: int = 10_000) -> Resource:
    """Return the resource after all operations; the given one stays as it is.

    Errors: Invalid for a document that is no JSON Patch, TooCostly for more than `limit` operations, Unprocessable
            naming the first operation that does not apply or whose test fails
    """
    if not isinstance(operations, list):
        raise Invalid(Issue("structure", "a JSON Patch is an array of operations"))
    if len(operations) > limit:
        raise TooCostly(f"the patch has more than {limit} operations")
    try:
        parsed = [_parsed(operation, index) for index, operation in enumerate(operations)]
        document = _Document(copied(resource))
        for index, operation in enumerate(parsed):
            _apply(document, operation, index)
    except RecursionError:
        raise Invalid(Issue("structure", "the patch or the resource nests too deep")) from None
    return document.resource()


def _parsed(operation: object, index: int) -> _Operation:
    place = f"operation {index}"
    if not isinstance(operation, dict):
        raise Invalid(Issue("structure", f"{place} is not a JSON object"))
    op = operation.get("op")
    if not isinstance(op, str) or op not in _APPLY:
        raise Invalid(Issue("structure", f"{place}: op must be one of {', '.join(_APPLY)}"))
    path = _pointer(operation.get("path"), f"{place} ({op}): path")
    if op in ("move", "copy"):
        return _Operation(op, path, source=_pointer(operation.get("from"), f"{place} ({op}): from"))
    if op != "remove" and "value" not in operation:
        raise Invalid(Issue("structure", f"{place} ({op}) has no value"))
    return _Operation(op, path, value=operation.get("value"))


def _pointer(text: object, place: str) -> Pointer:
    if not isinstance(text, str) or not _POINTER(text):
        raise Invalid(Issue("structure", f"{place} must be a JSON Pointer, such as /name/0/family"))
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:])


def _apply(document: "_Document", operation: _Operation, index: int) -> None:
    try:
        _APPLY[operation.op](document, operation)
    except _Refused as refused:
        path = "/".join(("", *operation.path))
        raise Unprocessable(f"operation {index} ({operation.op} {path[:_SHOWN]}): {refused}") from None


class _Document:
    """The copy of the resource that the operations change in place, inside of a holder so that "" has a parent."""

    def __init__(self, resource: Resource) -> None:
        self._holder: dict[str, Any] = {"": resource}
        self._copied = 0

    def resource(self) -> Resource:
        """Return the patched resource.

        Errors: Unprocessable when operations on the whole document left something that is no JSON object
        """
        found = self._holder.get("")
        if not isinstance(found, dict):
            raise Unprocessable("the patch leaves no resource")
        return found

    def get(self, path: Pointer) -> Any:
        value: Any = self._holder
        for token in ("", *path):
            value = _child(value, token)
        return value

    def add(self, path: Pointer, value: Any) -> None:
        parent, token = self._parent(path)
        if isinstance(parent, dict):
            parent[token] = value
        else:
            parent.insert(_index(token, len(parent) + 1, after=len(parent)), value)

    def replace(self, path: Pointer, value: Any) -> None:
        parent, token = self._parent(path)
        _child(parent, token)
        parent[token if isinstance(parent, dict) else int(token)] = value

    def remove(self, path: Pointer) -> Any:
        parent, token = self._parent(path)
        _child(parent, token)
        return parent.pop(token if isinstance(parent, dict) else int(token))

    def charge(self, value: Any) -> None:
        """Count what a copy adds: copies of copies double, and a short patch must not become a huge document."""
        self._copied += size(value)
        if self._copied > LARGEST:
            raise _Refused("the copies of this patch are too large")

    def _parent(self, path: Pointer) -> tuple[Any, str]:
        *above, token = ("", *path)
        value: Any = self._holder
        for step in above:
            value = _child(value, step)
        if not isinstance(value, dict | list):
            raise _Refused("the place lies inside of a value that is neither object nor array")
        return value, token


def _child(value: Any, token: str) -> Any:
    if isinstance(value, list):
        return value[_index(token, len(value))]
    if not isinstance(value, dict) or token not in value:
        raise _Refused("the place does not exist")
    return value[token]


def _index(token: str, end: int, *, after: int | None = None) -> int:
    if token == "-" and after is not None:
        return after
    if not _INDEX(token):
        raise _Refused("an array is indexed by a number without leading zeros")
    if int(token) >= end:
        raise _Refused("the index lies beyond the end of the array")
    return int(token)


def _add(document: _Document, operation: _Operation) -> None:
    document.add(operation.path, copied(operation.value))


def _remove(document: _Document, operation: _Operation) -> None:
    document.remove(operation.path)


def _replace(document: _Document, operation: _Operation) -> None:
    document.replace(operation.path, copied(operation.value))


def _move(document: _Document, operation: _Operation) -> None:
    depth = len(operation.source)
    if len(operation.path) > depth and operation.path[:depth] == operation.source:
        raise _Refused("a value cannot be moved into itself")
    document.add(operation.path, document.remove(operation.source))


def _copy(document: _Document, operation: _Operation) -> None:
    value = document.get(operation.source)
    document.charge(value)
    document.add(operation.path, copied(value))


def _test(document: _Document, operation: _Operation) -> None:
    if not equal(document.get(operation.path), operation.value):
        raise _Refused("the test fails")


_APPLY: Mapping[str, Callable[[_Document, _Operation], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
