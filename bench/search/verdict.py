"""From times to figures: each search against its goal, and against the same search on a smaller data set.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Iterator, Mapping

from bench.figures import Figure
from bench.search.queries import (
    BY_PATIENT_AND_CODE,
    BY_VALUE,
    BY_VALUE_DEEP,
    DEFAULT_TOTAL,
    IN_RANGE,
    IN_RANGE_DEEP,
    MEASURED,
    NO_TOTAL,
)
from bench.search.timing import Times

SLOWER_BY = 2.0
"""How much slower a search may be on ten times the data, and a late page than the first."""

TIMES_OF_THE_DRIVER = 2.0
_TOTAL_COSTS_MS = 1.0
_NEVER_MISSED = float("inf")


def figures(taken: Mapping[str, Times], driver: Times, smaller: Mapping[str, float]) -> Iterator[Figure]:
    """Yield a figure for each search, and those that compare two; `smaller` has medians of the smaller data set."""
    for measurement in MEASURED:
        one = taken[measurement.name]
        goal = _NEVER_MISSED if measurement.goal_ms is None else measurement.goal_ms
        note = f"95 %: {one.p95:.2f} ms, {one.entries:.0f} entries, {one.runs} runs"
        yield Figure(measurement.name, one.p50, "ms", goal, at_most=True, note=note)
    yield _against(
        f"{BY_PATIENT_AND_CODE}, over the driver", taken[BY_PATIENT_AND_CODE].p50, driver.p50, TIMES_OF_THE_DRIVER
    )
    yield _against(IN_RANGE_DEEP + " over page 1", taken[IN_RANGE_DEEP].p50, taken[IN_RANGE].p50, SLOWER_BY)
    yield _against(BY_VALUE_DEEP + " over page 1", taken[BY_VALUE_DEEP].p50, taken[BY_VALUE].p50, SLOWER_BY)
    more = taken[DEFAULT_TOTAL].p50 - taken[NO_TOTAL].p50
    yield Figure("default _total costs", more, "ms", _TOTAL_COSTS_MS, at_most=True)
    for measurement in MEASURED:
        if measurement.compared and measurement.name in smaller:
            before = smaller[measurement.name]
            yield _against(f"growth: {measurement.name}", taken[measurement.name].p50, before, SLOWER_BY)


def _against(work: str, value: float, floor: float, goal: float) -> Figure:
    return Figure(work, value, "ms", goal, floor, at_most=True)
