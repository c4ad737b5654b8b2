from pathlib import Path

import pytest

from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.layers import Layer, join, load_layers, read_layer


def layer(**content: object) -> Layer:
    return Layer("test", content)


def test_later_rule_with_same_source_and_target_replaces_the_earlier_one() -> None:
    first = layer(
        segments={"PID": {"Patient": [{"from": 7, "to": "birthDate", "as": "date"}, {"from": 8, "to": "gender"}]}}
    )
    second = layer(segments={"PID": {"Patient": [{"from": 7, "to": "birthDate", "as": "dateTime"}]}})
    assert join([first, second])["segments"]["PID"]["Patient"] == [
        {"from": 8, "to": "gender"},
        {"from": 7, "to": "birthDate", "as": "dateTime"},
    ]


def test_rule_can_be_removed() -> None:
    first = layer(segments={"PID": {"Patient": {"rules": [{"from": 8, "to": "gender"}], "ignores": [1]}}})
    second = layer(segments={"PID": {"Patient": [{"from": 8, "to": "gender", "remove": True}]}})
    assert join([first, second])["segments"]["PID"]["Patient"] == {"rules": [], "ignores": [1]}


def test_groups_tables_and_roles_are_joined_deeply() -> None:
    first = layer(
        tables={"t": {"codes": {"A": "a"}}}, messages={"M": {"groups": {"patient": {"segments": {"PID": ["Patient"]}}}}}
    )
    second = layer(
        tables={"t": {"codes": {"B": "b"}}}, messages={"M": {"groups": {"patient": {"segments": {"ZPI": ["Patient"]}}}}}
    )
    whole = join([first, second])
    assert whole["tables"]["t"]["codes"] == {"A": "a", "B": "b"}
    assert whole["messages"]["M"]["groups"]["patient"]["segments"] == {"PID": ["Patient"], "ZPI": ["Patient"]}


def test_layer_applies_to_its_versions_and_senders() -> None:
    old = Layer("old", {}, versions=("2.1", "2.2"))
    lab = Layer("lab", {}, senders=("LAB*|*",))
    assert (old.applies("2.2", "X|Y"), old.applies("2.5", "X|Y")) == (True, False)
    assert (lab.applies("2.5", "LAB7|NORTH"), lab.applies("2.5", "WARD|NORTH")) == (True, False)


def test_users_folder_comes_after_the_built_in_maps(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("systems: {X: http://example.org/b}")
    (tmp_path / "a.yaml").write_text("systems: {X: http://example.org/a}")
    assert [one.origin for one in load_layers([tmp_path])][-2:] == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize("text", ["- a list", "segmets: {}", "a: [", "", b"\xff\xfe\xff"])
def test_file_that_is_no_map_is_refused(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(MapError) as caught:
        read_layer(path)
    assert "x.yaml" in str(caught.value)


def test_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapError):
        load_layers([tmp_path / "nowhere"])
