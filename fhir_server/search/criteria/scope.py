"""What criteria are read against: the parameters that there are, and how deep a chain has come.

Spec: https://hl7.org/fhir/R4/search.html#chaining
"""

from dataclasses import dataclass, replace

from fhir_server.kernel.errors import Issue, NotSupported, TooCostly
from fhir_server.search.context import Context
from fhir_server.search.fields import of_type
from fhir_server.search.registry import CONTENT, Parameter, Registry
from fhir_server.search.targets import narrows

DEEPEST_CHAIN = 8


class UnknownParameter(NotSupported):
    """The type has no such search parameter; lenient handling may ignore it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What criteria are read against; `depth` counts the steps of a chain so far."""

    registry: Registry
    context: Context
    depth: int = 0

    def parameter(self, type_: str, code: str) -> Parameter:
        """Return a parameter of a type.

        Errors: UnknownParameter when there is none; NotSupported for _content where it is switched off: without it the
                search would find everything
        """
        found = self.registry[type_].get(code)
        if found is None and code == CONTENT:
            raise NotSupported(
                Issue("not-supported", "the setting search_content is off: only words of _text are indexed")
            )
        if found is None:
            raise UnknownParameter(Issue("not-supported", f"{type_} has no search parameter {code[:60]!r}"))
        return found

    def leading_to(self, target: str, parameter: Parameter) -> Parameter:
        """Return the parameter by which to find references to one type: a narrower one where that has an index.

        "subject" asked for Patients is "patient".
        """
        own = of_type(parameter.type).own
        wider = parameter.definition.expression
        if parameter.code in own or parameter.source is not None or wider is None:
            return parameter
        indexed = (self.registry[parameter.type][code] for code in sorted(own))
        references = (one for one in indexed if one.kind == "reference")
        return next((one for one in references if narrows(one.definition.expression, wider, target)), parameter)

    def leading_inside(self, target: str, parameter: Parameter) -> Parameter:
        """Return the parameter by which contained resources of one type are reached.

        A narrower parameter has no values for them: their references do not tell the type. "patient" is "subject".
        """
        narrow = parameter.definition.expression
        references = (one for one in self.registry[parameter.type].values() if one.kind == "reference")
        wider = ((one, one.definition.expression) for one in references)
        return next((one for one, wide in wider if wide is not None and narrows(narrow, wide, target)), parameter)

    def deeper(self) -> "Scope":
        if self.depth >= DEEPEST_CHAIN:
            raise TooCostly(f"a chain may have {DEEPEST_CHAIN} steps")
        return replace(self, depth=self.depth + 1)
