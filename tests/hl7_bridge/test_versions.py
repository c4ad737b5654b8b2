import pytest

from hl7_bridge.versions import nearest


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2.5.1", ("2.5.1", True)),
        (" 2.3 ", ("2.3", True)),
        ("2.9.1", ("2.9", False)),
        ("2.5.2", ("2.5.1", False)),
        ("3.0", ("2.9", False)),
        ("1.0", ("2.1", False)),
        ("", ("2.5.1", False)),
        ("²", ("2.5.1", False)),
        ("two", ("2.5.1", False)),
    ],
)
def test_version_is_the_nearest_that_is_known(sent: str, expected: tuple[str, bool]) -> None:
    assert nearest(sent) == expected


def test_version_of_very_many_digits_is_not_known() -> None:
    assert nearest("2." + "9" * 5_000) == ("2.9", False)
