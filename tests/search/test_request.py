"""What a search means as a whole: result parameters, lenient and strict handling, limits."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from conformance.load import definitions
from fhir_server.kernel.errors import Invalid, NotSupported, TooCostly
from fhir_server.kernel.fhir_time import bounds
from fhir_server.search import Asked, Context, Request, Search
from fhir_server.search.page import PARAMETER
from fhir_server.search.results import MOST_KEYS
from tests.storage.test_find_ranges import matches

SEARCH = Search(definitions())


def request(*params: tuple[str, str], types: tuple[str, ...] = ("Patient",), **asked: Any) -> Request:
    context = Context(now=datetime(2026, 1, 1, tzinfo=UTC), base_url="http://test/fhir")
    return SEARCH.request(Asked(types, params, types[0], context, **asked), key=b"k")


def test_unknown_parameter_is_ignored_with_a_warning() -> None:
    found = request(("foo", "1"), ("gender", "male"))
    assert found.understood == (("gender", "male"),)
    assert [(issue.severity, issue.code, issue.expression) for issue in found.issues] == [
        ("warning", "not-supported", "foo")
    ]


def test_unknown_parameter_is_refused_when_strict() -> None:
    with pytest.raises(Invalid) as error:
        request(("foo", "1"), strict=True)
    assert "foo" in error.value.issues[0].diagnostics


def test_empty_value_is_ignored_or_refused() -> None:
    assert request(("family", "")).understood == ()
    with pytest.raises(Invalid):
        request(("family", ""), strict=True)


@pytest.mark.parametrize(
    "param",
    [
        ("_count", "-1"),
        ("_count", "many"),
        ("_count", "1.5"),
        ("_total", "exact"),
        ("_summary", "short"),
        ("_sort", "shoe-size"),
        ("_sort", "-near"),
        ("_contained", "yes"),
        ("_containedType", "both"),
        ("_type", "Nonsense"),
        ("birthdate", "soon"),
        ("birthdate", "2000-13-01"),
        ("gender:exact", "male"),
        ("gender:missing", "perhaps"),
        ("family[$ne]", "1"),
        (PARAMETER, "forged"),
    ],
)
def test_bad_value_names_its_parameter(param: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as error:
        request(param, strict=True)
    assert param[0].partition(":")[0] in error.value.issues[0].diagnostics


@pytest.mark.parametrize(("name", "shown"), [("na\0me", r"na\x00me"), ("a\nb", r"a\nb"), ("\x85", r"\x85")])
def test_name_that_is_no_text_is_refused_and_told_in_letters(name: str, shown: str) -> None:
    with pytest.raises(Invalid) as error:
        request((name, "1"))
    assert shown in error.value.issues[0].diagnostics


def test_refused_modifier_of_a_reference_is_told_which_types_there_are() -> None:
    with pytest.raises(Invalid, match=re.escape("missing, Group, Device, Patient, Location")):
        request(("subject:patient", "1"), types=("Observation",))


def test_second_sort_by_the_same_parameter_changes_nothing() -> None:
    assert request(("_sort", "family,-family,gender")).query.keys == request(("_sort", "family,gender")).query.keys


def test_sorts_by_more_keys_than_the_database_takes_are_refused() -> None:
    codes = [code for code, one in SEARCH.registry["Observation"].items() if one.is_stored and one.kind == "token"]
    most = ",".join(codes[:MOST_KEYS])
    assert len(request(("_sort", most), types=("Observation",)).query.keys) == MOST_KEYS
    with pytest.raises(TooCostly, match="_sort"):
        request(("_sort", ",".join(codes[: MOST_KEYS + 1])), types=("Observation",))


@pytest.mark.parametrize(("name", "value"), [("_include", "Patient:link"), ("_revinclude:iterate", "Patient:link")])
def test_includes_do_not_go_with_a_summary_of_text(name: str, value: str) -> None:
    found = request((name, value), ("_summary", "text"))
    assert (found.includes, found.understood) == ((), (("_summary", "text"),))
    assert [(one.severity, one.expression) for one in found.issues] == [("warning", name)]
    with pytest.raises(Invalid, match="_summary=text"):
        request((name, value), ("_summary", "text"), strict=True)
    assert request((name, value), ("_summary", "data"), strict=True).includes


def test_elements_that_are_not_there_are_told_or_refused_when_strict() -> None:
    found = request(("_elements", "naem,name,status"), types=("Patient", "Observation"))
    assert [(one.severity, one.expression) for one in found.issues] == [("warning", "_elements")]
    assert "naem" in found.issues[0].diagnostics
    with pytest.raises(Invalid, match="naem"):
        request(("_elements", "naem"), strict=True)


def test_values_are_checked_in_lenient_handling_too() -> None:
    with pytest.raises(Invalid):
        request(("birthdate", "soon"))


def test_count_is_bounded_by_the_server() -> None:
    assert request(("_count", "99999999999")).query.count == 1_000
    assert request(("_count", "7")).query.count == 7
    assert request().query.count == 50


def test_count_of_zero_asks_for_the_count_alone() -> None:
    assert request(("_count", "0")).results.count_only
    assert request(("_summary", "count")).results.count_only


@pytest.mark.parametrize(
    ("param", "kind"),
    [
        (("gender", ",".join(["male"] * 1_001)), TooCostly),
        (("link" + ".link" * 9 + ".name", "x"), TooCostly),
        (("_query", "x"), NotSupported),
        (("name:contains", "a" * 1_001), Invalid),
    ],
)
def test_shapes_that_cost_too_much_are_refused(param: tuple[str, str], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        request(param, strict=True)


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(TooCostly):
        request(*[("gender", "male")] * 201)


def test_values_that_are_too_long_together_are_refused_by_the_name_of_the_longest() -> None:
    assert request(("name", "x" * 50_000), ("address", "y" * 50_000)).understood
    with pytest.raises(Invalid, match="address: all values") as error:
        request(("name", "x" * 50_000), ("address", "y" * 50_001))
    assert [(one.code, one.expression) for one in error.value.issues] == [("too-long", "address")]


@pytest.mark.parametrize("name", ["name:contains", "_filter"])
def test_too_many_texts_inside_of_others_are_refused(name: str) -> None:
    def asked(number: int) -> str:
        texts = [f"t{one}" for one in range(number)]
        return " or ".join(f"name co {text}" for text in texts) if name == "_filter" else ",".join(texts)

    assert request((name, asked(50)), (name, asked(50))).understood
    with pytest.raises(TooCostly, match="not for 101"):
        request((name, asked(50)), (name, asked(51)))


def test_texts_inside_of_others_count_behind_a_chain_too() -> None:
    with pytest.raises(TooCostly, match="texts inside of others"):
        request(("general-practitioner:Practitioner.name:contains", ",".join(f"t{one}" for one in range(101))))


def test_url_of_above_lies_in_a_bounded_number_of_folders() -> None:
    assert request(("url:above", "http://a" + "/b" * 50), types=("ValueSet",)).understood
    with pytest.raises(Invalid, match="url:above"):
        request(("url:above", "http://a" + "/b" * 51), types=("ValueSet",))


def test_include_that_leads_nowhere_is_ignored_or_refused() -> None:
    for value in ("Patient:nope", "Nope:x", "Patient:gender", "Patient:organization:Device", "*:x"):
        assert request(("_include", value)).includes == ()
        with pytest.raises(Invalid) as error:
            request(("_include", value), strict=True)
        assert "_include" in error.value.issues[0].diagnostics


def test_several_types_share_only_common_parameters() -> None:
    types = ("Observation", "Patient")
    assert request(("_id", "x"), types=types).understood == (("_id", "x"),)
    assert request(("gender", "male"), types=types).understood == ()
    with pytest.raises(Invalid):
        request(("_sort", "gender"), types=types)


def test_compartment_is_part_of_every_filter() -> None:
    found = request(("status", "final"), types=("Observation",), compartment="Patient/1")
    assert {"compartments": "Patient/1"} in found.query.legs[0][1]["$and"]


def test_no_text_of_a_client_becomes_an_operator() -> None:
    """Values and names of parameters are text wherever they end up."""

    def check(part: Any) -> None:
        match part:
            case dict():
                assert all(not name.startswith("$evil") for name in part)
                for value in part.values():
                    check(value)
            case list():
                for value in part:
                    check(value)

    values = ("$evil", '{"$evil": 1}', "a,$evil", "$evil|$evil")
    for name in ("family", "gender", "identifier", "general-practitioner", "_id", "_tag", "_profile", "name:contains"):
        for value in values:
            check(request((name, value)).query.legs[0][1])


def test_criteria_have_no_result_parameters() -> None:
    assert SEARCH.criteria("Patient", (("identifier", "x|1"),), "").legs[0][0] == "Patient"
    for name in ("_sort", "_count", "_include", "foo"):
        with pytest.raises(Invalid):
            SEARCH.criteria("Patient", ((name, "name"),), "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((("identifier", "s|1"),), (("identifier", "1"),)),
        ((("identifier", "s|1,s|2"),), (("identifier", "s|2"), ("gender", "male"))),
        ((("organization", "Organization/o"),), (("organization", "http://x/Organization/o"),)),
        ((("birthdate", "2000"),), (("birthdate", "2000-01-01"),)),
        ((("name", "ann"),), (("name", "Anna"),)),
    ],
)
def test_criteria_that_can_mean_the_same_share_a_guard(
    one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]
) -> None:
    assert set(SEARCH.guard_keys("Patient", one)) & set(SEARCH.guard_keys("Patient", other))


def test_other_identifiers_have_other_guards() -> None:
    one, other = (SEARCH.guard_keys("Patient", (("identifier", f"s|{n}"),)) for n in (1, 2))
    assert not set(one) & set(other)


@pytest.mark.parametrize("stored", ["2026-03-01T10:00:05Z", "2026-03-01T10:00:05.500Z"])
@pytest.mark.parametrize("prefix", ["", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
@pytest.mark.parametrize(
    "text",
    [
        "2026-03",
        "2026-03-01T10:00",
        "2026-03-01T10:00:04Z",
        "2026-03-01T10:00:05Z",
        "2026-03-01T10:00:05.200Z",
        "2026-03-01T10:00:05.500Z",
        "2026-03-01T10:00:05.900Z",
        "2026-03-01T10:00:06Z",
    ],
)
def test_instants_are_found_as_any_other_time_is(prefix: str, text: str, stored: str) -> None:
    low, high = bounds(stored, UTC)
    document = {"index": {name: {"low": low, "high": high} for name in ("_lastUpdated", "date")}}
    (_, instant), *_ = request(("_lastUpdated", prefix + text), types=("Observation",)).query.legs
    (_, time), *_ = request(("date", prefix + text), types=("Observation",)).query.legs
    assert matches(instant, document) == matches(time, document)
    assert "span" not in str(instant)
