from bench.figures import Figure
from bench.search.queries import BY_PATIENT_AND_CODE, DEFAULT_TOTAL, IN_RANGE, IN_RANGE_DEEP, MEASURED, NO_TOTAL
from bench.search.timing import Times
from bench.search.verdict import figures


def timed(**milliseconds: float) -> dict[str, Times]:
    return {one.name: Times(milliseconds.get(one.name, 0.5), 1.0, 100, 20) for one in MEASURED}


def named(found: dict[str, Times], smaller: dict[str, float] | None = None) -> dict[str, Figure]:
    return {one.work: one for one in figures(found, Times(0.4, 0.5, 100, 20), smaller or {})}


def test_every_search_has_a_figure_and_fails_above_its_goal() -> None:
    found = named(timed(**{BY_PATIENT_AND_CODE: 1.6}))
    assert found.keys() >= {one.name for one in MEASURED}
    assert not found[BY_PATIENT_AND_CODE].reached
    assert found[IN_RANGE].reached


def test_search_without_goal_is_never_missed() -> None:
    found = named(timed(**{NO_TOTAL: 1e6, DEFAULT_TOTAL: 1e6}))
    assert found[NO_TOTAL].reached


def test_late_page_is_set_against_the_first_and_total_against_none() -> None:
    found = named(timed(**{IN_RANGE: 1.0, IN_RANGE_DEEP: 2.1, NO_TOTAL: 1.0, DEFAULT_TOTAL: 2.5}))
    assert found[f"{IN_RANGE_DEEP} over page 1"].ratio == 2.1
    assert not found[f"{IN_RANGE_DEEP} over page 1"].reached
    assert found["default _total costs"].value == 1.5
    assert not found["default _total costs"].reached


def test_search_by_patient_and_code_is_set_against_the_driver() -> None:
    found = named(timed(**{BY_PATIENT_AND_CODE: 0.8}))[f"{BY_PATIENT_AND_CODE}, over the driver"]
    assert (found.ratio, found.reached) == (2.0, True)


def test_growth_is_judged_where_the_smaller_data_set_was_measured() -> None:
    found = named(timed(read=1.0), {"read": 0.4})
    assert not found["growth: read"].reached
    assert f"growth: {IN_RANGE}" not in found
