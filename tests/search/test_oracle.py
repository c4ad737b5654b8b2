"""Both searches find the same: the database by its indexes, the oracle by looking at every resource.

Each of 60 examples has up to 25 resources and 40 searches, alone and in pairs: up to 120,000 decisions in a run.
"""

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.kernel.query import EVERYTHING
from tests.search import oracle
from tests.search.world import World, empty

UCUM = "http://unitsofmeasure.org"
Resource = dict[str, Any]
Search = tuple[str, str, Callable[[Resource], bool]]
"""Parameter, value, and what the oracle says."""

days = st.builds("{}-{:02}-{:02}".format, st.integers(2018, 2021), st.integers(1, 12), st.integers(1, 28))
times = st.builds("{}T{:02}:00:0{}Z".format, days, st.integers(0, 23), st.integers(0, 9))
moments = st.one_of(st.sampled_from(["2019", "2020"]), days.map(lambda day: day[:7]), days, times)
numbers = st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(-300, 300), st.integers(0, 2))
codes = st.sampled_from(["a", "A", "b", "c"])
systems = st.sampled_from(["urn:s", "urn:t", None])
texts = st.text("aAbB -'.", min_size=1, max_size=5).filter(lambda text: any(c.isalpha() for c in text))


@st.composite
def coding(draw: st.DrawFn) -> dict[str, str]:
    system = draw(systems)
    return {"code": draw(codes), **({"system": system} if system else {})}


@st.composite
def effective(draw: st.DrawFn) -> Resource:
    match draw(st.sampled_from(["moment", "moment", "period", "from", "until", "none"])):
        case "moment":
            return {"effectiveDateTime": draw(moments)}
        case "period":
            start, end = sorted([draw(days), draw(days)])
            return {"effectivePeriod": {"start": start, "end": end}}
        case "from":
            return {"effectivePeriod": {"start": draw(days)}}
        case "until":
            return {"effectivePeriod": {"end": draw(days)}}
    return {}


@st.composite
def value(draw: st.DrawFn) -> Resource:
    match draw(st.sampled_from(["quantity", "quantity", "string", "none"])):
        case "quantity":
            unit = draw(st.sampled_from(["g", "mg", "kg", None]))
            return {"valueQuantity": {"value": draw(numbers), **({"system": UCUM, "code": unit} if unit else {})}}
        case "string":
            return {"valueString": draw(texts)}
    return {}


@st.composite
def resource(draw: st.DrawFn) -> Resource:
    return {
        "resourceType": "Observation",
        "status": draw(st.sampled_from(["final", "preliminary"])),
        "code": {"coding": draw(st.lists(coding(), max_size=2))} if draw(st.booleans()) else {"text": "t"},
        **({"category": [{"coding": [draw(coding())]}]} if draw(st.booleans()) else {}),
        **draw(effective()),
        **draw(value()),
    }


@st.composite
def date_search(draw: st.DrawFn) -> Search:
    prefix, text = draw(st.sampled_from(sorted(oracle.DATE))), draw(moments)
    asked = oracle.interval(text)
    return "date", prefix + text, lambda one: any(oracle.DATE[prefix](asked, target) for target in oracle.dates(one))


@st.composite
def quantity_search(draw: st.DrawFn) -> Search:
    prefix = draw(st.sampled_from(["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]))
    number, unit = f"{draw(numbers):f}", draw(st.sampled_from([None, "g", "mg", "kg"]))
    text = prefix + number + (f"|{UCUM}|{unit}" if unit else "")
    return (
        "value-quantity",
        text,
        lambda one: "valueQuantity" in one and oracle.quantity_matches(prefix, number, unit, one["valueQuantity"]),
    )


@st.composite
def token_search(draw: st.DrawFn) -> Search:
    name = draw(st.sampled_from(["code", "category"]))
    forms = st.one_of(
        codes,
        st.builds("urn:s|{}".format, codes),
        st.builds("|{}".format, codes),
        st.sampled_from(["urn:s|", "urn:t|"]),
    )
    alternatives = draw(st.lists(forms, min_size=1, max_size=3))
    negated = draw(st.booleans())

    def says(one: Resource) -> bool:
        found = any(oracle.token_matches(form, c) for form in alternatives for c in oracle.codings(one, name))
        return found != negated

    return f"{name}{':not' if negated else ''}", ",".join(alternatives), says


@st.composite
def string_search(draw: st.DrawFn) -> Search:
    modifier, text = draw(st.sampled_from([None, "exact", "contains"])), draw(texts)
    name = f"value-string:{modifier}" if modifier else "value-string"
    return name, text, lambda one: "valueString" in one and oracle.string_matches(modifier, text, one["valueString"])


@st.composite
def missing_search(draw: st.DrawFn) -> Search:
    name, elements = draw(
        st.sampled_from(
            [
                ("date", "effective"),
                ("value-quantity", "valueQuantity"),
                ("value-string", "valueString"),
                ("category", "category"),
            ]
        )
    )
    missing = draw(st.booleans())

    def says(one: Resource) -> bool:
        return any(key.startswith(elements) for key in one) != missing

    return f"{name}:missing", str(missing).lower(), says


searches = st.one_of(date_search(), quantity_search(), token_search(), string_search(), missing_search())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(resources=st.lists(resource(), min_size=5, max_size=25), asked=st.lists(searches, min_size=10, max_size=40))
async def test_database_and_oracle_agree(shared_world: World, resources: list[Resource], asked: list[Search]) -> None:
    await empty(shared_world)
    stored = {f"r{number}": one for number, one in enumerate(resources)}
    await shared_world.store({**one, "id": id_} for id_, one in stored.items())
    for name, text, says in asked:
        expected = {id_ for id_, one in stored.items() if says(one)}
        assert (name, text, await found(shared_world, (name, text))) == (name, text, expected)
    for (name, text, says), (other, other_text, other_says) in pairwise(asked):
        both = {id_ for id_, one in stored.items() if says(one) and other_says(one)}
        assert await found(shared_world, (name, text), (other, other_text)) == both


async def found(world: World, *params: tuple[str, str]) -> set[str]:
    request = world.request(f"Observation?{urlencode(params)}")
    page = await world.storage.finder.page(request.query, EVERYTHING)
    return {version.id for version in page.versions}
