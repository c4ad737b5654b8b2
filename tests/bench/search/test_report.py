import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.figures import Figure
from bench.search.plans import Explained, Plan
from bench.search.report import figures_table, medians, plans_table, write

READ = Figure("read", 0.5, "ms", float("inf"), at_most=True)
GROWTH = Figure("growth: read", 0.5, "ms", 2.0, floor=0.4, at_most=True)
RATE = Figure("over HTTP", 5_000, "requests/s", 0.5, floor=8_000)
PLAN = Plan("find Patient", ("rare",), 3, 3, 3, 0, scans=False, sorted_in_memory=3)


def test_medians_of_searches_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "report.json"
    write(path, {"resources": 10}, [READ, GROWTH, RATE], [Explained("/Patient", (PLAN,))])
    assert medians(path) == {"read": 0.5}
    assert json.loads(path.read_text())["resources"] == 10


def test_no_earlier_report_means_no_medians(tmp_path: Path) -> None:
    assert medians(tmp_path / "none.json") == {}


def test_tables_have_a_row_for_each_figure_and_command_and_for_a_refusal() -> None:
    assert figures_table([READ, GROWTH, RATE], "title").row_count == 3
    refused = Explained("/Patient?x=1", (), "400: no")
    assert plans_table([Explained("/Patient", (PLAN, PLAN)), refused], "plans", judged=True).row_count == 3


@pytest.mark.parametrize(("judged", "remarks"), [(True, "SORT BAD"), (False, "SORT")])
def test_only_plans_that_are_judged_are_called_bad(judged: bool, remarks: str) -> None:
    sorting = replace(PLAN, sorted_in_memory=3_000)
    table = plans_table([Explained("/Patient", (sorting,))], "plans", judged=judged)
    assert list(table.columns[-1].cells) == [remarks]
