"""$stats: average, median, count and the like of what was measured of a subject.

Spec: https://hl7.org/fhir/R4/observation-operation-stats.html
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.kernel.call import Call, Params, Result
from fhir_server.kernel.errors import Invalid, Issue, NotSupported, Unprocessable
from fhir_server.kernel.fhir_json import Raw, decode_stored, encode
from fhir_server.kernel.fhir_time import instant
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Resource
from fhir_server.operations.definition import standard
from fhir_server.operations.observations.measures import MEASURES, computed
from fhir_server.operations.observations.newest import newest_first
from fhir_server.operations.observations.series import Code, Series, series_of
from fhir_server.operations.parameters import Arguments, checked

_SYSTEM = "http://terminology.hl7.org/CodeSystem/observation-statistics"
_COUNTS = ("count", "total-count")
_SHORT = {"max": "maximum", "min": "minimum"}
"""Words that the standard's own example uses for codes."""

_SQUARED = frozenset({"variance"})
_escaped = re.compile(r"([\\,|$])").sub


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose measurements of what, in which time, and which statistics of them."""

    subject: str
    codes: tuple[Code, ...]
    statistics: tuple[str, ...]
    period: Resource
    sources: int | None
    """How many of the Observations are to be returned; 0 for none, None for all."""

    def criteria(self) -> Params:
        """Return the search parameters that find the Observations."""
        codes = ",".join(
            "|".join(_escaped(r"\\\1", part) for part in (one.system, one.code) if part is not None)
            for one in self.codes
        )
        bounds = [
            ("date", prefix + self.period[name]) for name, prefix in (("start", "ge"), ("end", "le"))
            if name in self.period
        ]  # fmt: skip
        subject = _escaped(r"\\\1", self.subject)
        return (("subject", subject), ("combo-code", codes), ("status:not", "entered-in-error"), *bounds)


async def stats(env: Env, call: Call, access: Access) -> Result:
    """Return Parameters with an Observation for each code, its components the statistics; its sources where asked.

    Errors: Invalid for parameters that are missing or cannot be read, NotSupported for a statistic that is not
            offered, Unprocessable for measurements in different units, TooCostly for too many of them
    """
    passed = checked(env.pipeline, OPERATION.definition, call.params, call.body)
    asked = _asked(passed, env.clock())
    versions = await newest_first(env, call, access, asked.criteria())
    series = series_of([decode_stored(version.json) for version in versions], asked.codes)
    returned: list[dict[str, Any]] = [{"name": "statistics", "resource": _observation(one, asked)} for one in series]
    returned += [{"name": "source", "resource": Raw(version.json)} for version in versions[: asked.sources]]
    return Result(200, body=encode({"resourceType": "Parameters", "parameter": returned}))


def _asked(passed: Arguments, now: datetime) -> Asked:
    subject = passed.text("subject")
    if subject is None:
        raise _missing("subject", "whose measurements?")
    codes = _codes(passed)
    if not codes:
        raise _missing("code", "measurements of what? Give code (with system) or coding")
    statistics = tuple(dict.fromkeys(_SHORT.get(name, name) for name in passed.texts("statistic")))
    if not statistics:
        raise _missing("statistic", f"one of {', '.join((*MEASURES, *_COUNTS))}")
    for name in statistics:
        if name not in MEASURES and name not in _COUNTS:
            raise NotSupported(
                Issue("not-supported", f"statistic: one of {', '.join((*MEASURES, *_COUNTS))}", expression="statistic")
            )
    limit = passed.positive("limit")
    return Asked(subject, codes, statistics, _period(passed, now), limit if passed.flag("include") else 0)


def _codes(passed: Arguments) -> tuple[Code, ...]:
    system = passed.text("system")
    codings = [Code(one["code"], one.get("system")) for one in passed.elements("coding", "Coding") if "code" in one]
    return tuple(dict.fromkeys([*(Code(code, system) for code in passed.texts("code")), *codings]))


def _period(passed: Arguments, now: datetime) -> Resource:
    """Return the Period of interest; empty when it is all time."""
    hours, period = passed.decimal("duration"), passed.element("period", "Period")
    if hours is None:
        return {} if period is None else {name: period[name] for name in ("start", "end") if name in period}
    if period is not None:
        raise Invalid(Issue("invalid", "duration: give this or period", expression="duration"))
    try:
        start = now - timedelta(hours=float(hours))
    except OverflowError:
        raise Invalid(Issue("value", "duration: longer than the calendar", expression="duration")) from None
    return {"start": instant(start), "end": instant(now)}


def _observation(series: Series, asked: Asked) -> Resource:
    """Return the Observation that tells the statistics of one series."""
    effective = {"effectivePeriod": asked.period} if asked.period else {}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": series.concept,
        "subject": {"reference": asked.subject},
        **effective,
        "component": [_component(series, statistic) for statistic in asked.statistics],
    }


def _component(series: Series, statistic: str) -> Resource:
    code = {"coding": [{"system": _SYSTEM, "code": statistic}]}
    if statistic in _COUNTS:
        return {
            "code": code,
            "valueQuantity": {"value": series.total if statistic == "total-count" else len(series.quantities)},
        }
    unit = series.unit()
    try:
        value = computed(statistic, series.values)
    except ArithmeticError:
        raise Unprocessable(f"statistic: {statistic} cannot be computed of numbers of such different size") from None
    if value is None:
        return {"code": code, "dataAbsentReason": _not_applicable()}
    return {"code": code, "valueQuantity": {"value": value, **(_squared(unit) if statistic in _SQUARED else unit)}}


def _squared(unit: Resource) -> Resource:
    """Return the unit of a variance; (mm[Hg])2 is UCUM's way to write a square."""
    return {name: value if name == "system" else f"({value})2" for name, value in unit.items()}


def _not_applicable() -> Resource:
    system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
    return {"coding": [{"system": system, "code": "not-applicable"}]}


def _missing(name: str, why: str) -> Invalid:
    return Invalid(Issue("required", f"{name}: {why}", expression=name))


OPERATION = Operation(standard("stats", "Observation"), stats)
