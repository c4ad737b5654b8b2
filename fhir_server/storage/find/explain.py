"""The database's plan for a search, in words that name stages, indexes and fields, never values.

Spec: https://www.mongodb.com/docs/manual/reference/explain-results/
"""

from collections.abc import Iterator, Mapping
from typing import Any

_WORDS = {
    "COLLSCAN": "look at every document",
    "EOF": "nothing is stored",
    "FETCH": "read the documents",
    "IDHACK": "read by id",
    "SORT": "sort in memory",
    "SORT_MERGE": "merge sorted ranges",
    "OR": "join ranges",
}


def in_words(type_: str, explained: Mapping[str, Any], probes: int) -> str:
    """Return one line: "Patient: index rare on index.rare.gender, then read the documents".

    Shape: `explained` is the answer of the command `explain`; `probes` tells how many steps are put to candidates
    """
    planner = explained.get("queryPlanner") or explained["stages"][0]["$cursor"]["queryPlanner"]
    steps = list(dict.fromkeys(_steps(planner["winningPlan"])))
    if "stages" in explained:
        steps.append("sort what was found by computed values")
    if probes:
        steps.append(f"put {probes} steps of chains to each few candidates")
    return f"{type_}: {', then '.join(steps)}"


def _steps(stage: Mapping[str, Any]) -> Iterator[str]:
    """Yield what stages do, the innermost first."""
    inner = [stage["inputStage"]] if "inputStage" in stage else stage.get("inputStages", [])
    if "queryPlan" in stage:
        inner = [stage["queryPlan"]]
    for one in inner:
        yield from _steps(one)
    if stage.get("stage") == "IXSCAN":
        yield f"index {stage['indexName']} on {', '.join(stage['keyPattern'])}"
    elif stage.get("stage") in _WORDS:
        yield _WORDS[stage["stage"]]
