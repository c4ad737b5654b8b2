"""docs/parameters.md: every search parameter of every resource type, by kind.

Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from collections.abc import Iterator, Mapping

from conformance.load import definitions
from fhir_server.search import Search
from fhir_server.search.registry import Parameter

_HEAD = """# Search parameters

Written by `./scripts/docs` from the definitions of R4 that the server works with. How each kind is asked for:
[search.md](search.md). Parameters of your own: [search-parameters.md](search-parameters.md).

A parameter in bold has an index of its own, alone or with others; all others share one index.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_lines(Search(definitions()).registry)]) + "\n"


def _lines(registry: Mapping[str, Mapping[str, Parameter]]) -> Iterator[str]:
    common = {code for code in registry["Basic"] if code.startswith("_")}
    yield "## Every type"
    yield ""
    yield from _by_kind({code: one for code, one in registry["Basic"].items() if code in common})
    for type_, parameters in registry.items():
        yield ""
        yield f"## {type_}"
        yield ""
        yield from _by_kind({code: one for code, one in parameters.items() if code not in common})


def _by_kind(parameters: Mapping[str, Parameter]) -> Iterator[str]:
    if not parameters:
        yield "None but those of every type."
    for kind in sorted({one.kind for one in parameters.values()}):
        names = sorted(code for code, one in parameters.items() if one.kind == kind)
        yield f"- {kind}: " + ", ".join(_named(parameters[code]) for code in names)


def _named(parameter: Parameter) -> str:
    own = parameter.is_stored and ".rare." not in parameter.field.path
    return f"**`{parameter.code}`**" if own else f"`{parameter.code}`"
