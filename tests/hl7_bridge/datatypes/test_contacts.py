import pytest

from hl7_bridge.datatypes.contacts import address, contact_point
from hl7_bridge.mapping.context import Context
from tests.hl7_bridge.datatypes.fields import field


def test_address_has_lines_city_state_code_country_and_use(context: Context) -> None:
    assert address(field("4 BIRCH RD^Apt 2^UPPSALA^UP^75310^SWE^H^c/o Berg^Uppland"), context, None) == {
        "use": "home",
        "line": ["4 BIRCH RD", "Apt 2", "c/o Berg"],
        "city": "UPPSALA",
        "district": "Uppland",
        "state": "UP",
        "postalCode": "75310",
        "country": "SWE",
    }


def test_mailing_address_is_postal(context: Context) -> None:
    found = address(field("PO Box 1^^UPPSALA^^^^M"), context, None)
    assert found is not None
    assert found["type"] == "postal"


def test_address_that_is_a_type_only_is_none(context: Context) -> None:
    assert address(field("^^^^^^H"), context, None) is None


@pytest.mark.parametrize(
    ("sent", "system", "value"),
    [
        ("(206)3345232", "phone", "(206)3345232"),
        ("^PRN^PH^^46^18^5551212", "phone", "+46 18 5551212"),
        ("^PRN^PH^^^206^3345232^12", "phone", "(206) 3345232 x12"),
        ("^NET^Internet^marta@example.org", "email", "marta@example.org"),
        ("^WPN^FX^^^^5551212", "fax", "5551212"),
        ("^^PH^^^^^^^^^+46185551212", "phone", "+46185551212"),
        ("marta@example.org", "email", "marta@example.org"),
    ],
)
def test_contact_point_is_what_one_dials_or_writes_to(context: Context, sent: str, system: str, value: str) -> None:
    found = contact_point(field(sent), context, None)
    assert found is not None
    assert (found["system"], found["value"]) == (system, value)


def test_use_comes_from_the_code_or_from_the_field(context: Context) -> None:
    home = context.sender.tables["at-home"]
    assert [(contact_point(field(text), context, home) or {})["use"] for text in ("1", "1^WPN", "1^PRN^CP")] == [
        "home",
        "work",
        "mobile",
    ]


def test_contact_without_number_is_none(context: Context) -> None:
    assert contact_point(field("^PRN^PH"), context, None) is None


@pytest.mark.parametrize(
    ("text", "rank"),
    [("2", 2), (" 1 ", 1), ("0", None), ("-1", None), ("²", None), ("9" * 5_000, None), ("1.5", None)],
)
def test_preference_order_that_is_no_positive_number_is_no_rank(context: Context, text: str, rank: int | None) -> None:
    found = contact_point(field(f"5550100{'^' * 17}{text}"), context, None)
    assert found is not None
    assert found.get("rank") == rank


@pytest.mark.parametrize(
    ("told", "period"),
    [
        ("20200101&20201231", {"start": "2020-01-01", "end": "2020-12-31"}),
        ("2020&20241399", {"start": "2020"}),
        ("٢٠٢٤", None),
        ("20240230", None),
    ],
)
def test_validity_range_leaves_out_what_is_no_date(context: Context, told: str, period: dict[str, str] | None) -> None:
    found = address(field(f"MAIN^{'^' * 10}{told}"), context, None)
    assert found is not None
    assert found.get("period") == period
