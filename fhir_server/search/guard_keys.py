"""Which conditional writes may not run side by side: those whose criteria can mean the same new resource.

Spec: https://hl7.org/fhir/R4/http.html#ccreate
"""

from collections.abc import Iterator

from fhir_server.kernel.call import Params
from fhir_server.search.registry import Registry
from fhir_server.search.syntax import split, unescape

_BY_VALUE = frozenset({"token", "reference", "uri"})
_LONGEST = 200


def guard_keys(type_: str, params: Params, registry: Registry) -> tuple[str, ...]:
    """Return the names of the guards that criteria take, sorted; they are harmless when there are too few matches.

    Shape:  ("identifier", "urn:x|1,2") -> ("Patient?identifier=1", "Patient?identifier=2"): one for each value without
            its system or type, because another writer may leave those out; of kinds that match more than one value
            the parameter alone
    """
    return tuple(sorted({key for name, value in params for key in _keys(type_, name, value, registry)}))


def _keys(type_: str, name: str, value: str, registry: Registry) -> Iterator[str]:
    code = name.partition(":")[0].partition(".")[0]
    parameter = registry[type_].get(name)
    if parameter is None or parameter.kind not in _BY_VALUE or code != name:
        yield f"{type_}?{code}"
        return
    separator = "/" if parameter.kind == "reference" else "|"
    for text in split(value, ","):
        last = split(text, separator)[-1] if separator == "|" else text.rpartition("/")[2]
        yield f"{type_}?{code}={unescape(last).casefold()[:_LONGEST]}"
