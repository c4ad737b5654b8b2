from typing import Any

import pytest

from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.tables import Code, compile_tables


def test_code_is_looked_up_as_sent_and_in_capitals() -> None:
    table = compile_tables(
        {"t": {"system": "s", "codes": {"M": "male", "F": {"code": "female", "display": "Female"}}}}
    )["t"]
    assert table.look_up("M") == table.look_up("m") == Code("male", "s")
    assert table.look_up("F") == Code("female", "s", "Female")


def test_unknown_and_absent_codes_have_their_own_answers() -> None:
    table = compile_tables({"t": {"codes": {"A": "a"}, "default": "other", "absent": "none"}})["t"]
    assert [(table.look_up(code) or Code("")).code for code in ("A", "B", "")] == ["a", "other", "none"]


@pytest.mark.parametrize(
    "described",
    [{}, {"codes": []}, {"codes": {"N": False}}, {"codes": {}, "sytem": "s"}, {"codes": {"A": {"display": "x"}}}],
)
def test_wrong_table_is_refused(described: Any) -> None:
    with pytest.raises(MapError) as caught:
        compile_tables({"t": described})
    assert "tables.t" in str(caught.value)
