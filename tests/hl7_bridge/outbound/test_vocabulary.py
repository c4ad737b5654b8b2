"""FHIR codes as values of HL7 v2 tables."""

from collections.abc import Mapping
from typing import Any

import pytest

from hl7_bridge.convert import load_layers
from hl7_bridge.mapping.layers import join
from hl7_bridge.outbound.vocabulary import _tables, code, code_of


def test_an_unknown_code_has_the_default() -> None:
    assert (code("gender", "female"), code("gender", "x", "U"), code("gender", None)) == ("F", "U", "")


def test_the_first_known_coding_counts() -> None:
    concept = {"coding": [{"code": "nobody"}, {"code": "SPS"}]}
    assert (code_of("relationship", concept), code_of("relationship", None)) == ("SPO", "")


@pytest.mark.parametrize(
    ("ours", "theirs", "several"),
    [
        ("gender", "0001", set()),
        ("name-use", "0200", set()),
        ("address-use", "0190-use", set()),
        ("marital-status", "0002", set()),
        ("relationship", "0063", set()),
        ("subscriber", "0063-subscriber", {"injured"}),
        ("observation-status", "0085", {"amended"}),
        ("report-status", "0123", {"amended", "appended", "entered-in-error"}),
        ("priority", "0485", set()),
    ],
)
def test_what_is_sent_is_read_back_as_the_same_but_where_v2_has_one_code_for_several(
    ours: str, theirs: str, several: set[str]
) -> None:
    table: Mapping[str, Any] = join(load_layers())["tables"][theirs]
    back = {code: meant if isinstance(meant, str) else meant["code"] for code, meant in table["codes"].items()}
    default = table.get("default")
    back_default = default if isinstance(default, str) or default is None else default["code"]
    differing = {fhir for fhir, v2 in _tables()[ours].items() if back.get(v2, back_default) != fhir}
    assert differing == several
