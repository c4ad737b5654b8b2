"""The statistics of $stats in decimal arithmetic.

What has no one agreed formula (skew, kurtosis) or is no quantity (regression) is not offered.
Spec: https://hl7.org/fhir/R4/valueset-observation-statistics.html
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal, localcontext
from statistics import median

_CONTEXT = Context(prec=60)
_MORE_PLACES = 2
"""Decimal places that a computed value has beyond those of the most precise measurement."""

_MOST_PLACES = 20


def computed(statistic: str, values: Sequence[Decimal]) -> Decimal | None:
    """Return a statistic of some measurements; None where there are too few for it.

    Shape: std-dev and variance are those of a sample (n - 1); quantiles lie between the two nearest measurements,
           in proportion
    Errors: ArithmeticError for numbers too far apart in size to be computed with 60 digits
    """
    if len(values) < (2 if statistic in ("std-dev", "variance") else 1):
        return None
    with localcontext(_CONTEXT):
        result = MEASURES[statistic](sorted(values))
        places = max(0, *(-exponent for one in values if isinstance(exponent := one.as_tuple().exponent, int)))
        finest = Decimal(1).scaleb(-min(places + _MORE_PLACES, _MOST_PLACES))
        exponent = result.as_tuple().exponent
        return result.quantize(finest) if isinstance(exponent, int) and exponent < -places - _MORE_PLACES else result


def _average(values: Sequence[Decimal]) -> Decimal:
    return sum(values, Decimal()) / len(values)


def _variance(values: Sequence[Decimal]) -> Decimal:
    average = _average(values)
    return sum(((value - average) ** 2 for value in values), Decimal()) / (len(values) - 1)


def _quantile(values: Sequence[Decimal], part: Decimal) -> Decimal:
    place = part * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def _at(part: str) -> Callable[[Sequence[Decimal]], Decimal]:
    return lambda values: _quantile(values, Decimal(part))


def _quartile_deviation(values: Sequence[Decimal]) -> Decimal:
    return (_quantile(values, Decimal("0.75")) - _quantile(values, Decimal("0.25"))) / 2


MEASURES: Mapping[str, Callable[[Sequence[Decimal]], Decimal]] = {
    "average": _average,
    "maximum": lambda values: values[-1],
    "minimum": lambda values: values[0],
    "median": median,
    "std-dev": lambda values: _variance(values).sqrt(),
    "sum": lambda values: sum(values, Decimal()),
    "variance": _variance,
    "20-percent": _at("0.2"),
    "80-percent": _at("0.8"),
    "4-lower": _at("0.25"),
    "4-upper": _at("0.75"),
    "4-dev": _quartile_deviation,
    "5-1": _at("0.2"),
    "5-2": _at("0.4"),
    "5-3": _at("0.6"),
    "5-4": _at("0.8"),
}
"""By code of the standard: the statistic of sorted measurements."""
