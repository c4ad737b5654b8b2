"""The line through samples of memory, and when its slope counts as growth."""

import pytest

from bench.memory import Sample, Slope, slope


def samples(*kbs: float) -> list[Sample]:
    return [Sample(1_000 * number, kb) for number, kb in enumerate(kbs)]


def test_samples_on_a_line_have_its_slope_and_no_error() -> None:
    assert slope(samples(100, 107, 114, 121)) == Slope(7, 0)


def test_the_error_is_that_of_least_squares() -> None:
    found = slope(samples(1, 3, 2, 4))
    assert (round(found.kb, 6), round(found.error, 6)) == (0.8, 0.424264)  # residuals -0.3 0.9 -0.9 0.3


def test_memory_that_only_swings_does_not_grow() -> None:
    assert not slope(samples(100, 180, 90, 170, 110, 190, 100)).exceeds(5)


def test_steady_growth_over_the_bound_is_growth_and_below_it_is_none() -> None:
    steady = slope(samples(100, 161, 219, 281, 340, 400))
    assert steady.exceeds(50)
    assert not steady.exceeds(60)


@pytest.mark.parametrize("few", [[], samples(1, 2), [Sample(5, 1), Sample(5, 2), Sample(5, 3)]])
def test_too_few_samples_have_no_slope(few: list[Sample]) -> None:
    with pytest.raises(ValueError, match="three samples"):
        slope(few)
