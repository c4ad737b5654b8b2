import base64

import pytest

from hl7_bridge.datatypes.media import content_type, encapsulated, pointer
from hl7_bridge.mapping.context import Context
from tests.hl7_bridge.datatypes.fields import field

PDF = base64.b64encode(b"%PDF-1.4 made up").decode()


def test_base64_data_stay_as_sent(context: Context) -> None:
    assert encapsulated(field(f"LAB^AP^PDF^Base64^{PDF}"), context, None) == {
        "contentType": "application/pdf",
        "data": PDF,
        "title": "LAB",
    }


@pytest.mark.parametrize(
    ("encoding", "data"), [("A", "plain words"), ("Hex", b"plain words".hex()), ("Base64", "plain words")]
)
def test_data_in_another_encoding_become_base64(context: Context, encoding: str, data: str) -> None:
    found = encapsulated(field(f"^TEXT^PLAIN^{encoding}^{data}"), context, None)
    assert found is not None
    assert base64.b64decode(found["data"]) == b"plain words"


def test_pointer_is_an_address(context: Context) -> None:
    found = pointer(field("https://pacs.example.org/1^PACS^IM^JPEG"), context, None)
    assert found == {"url": "https://pacs.example.org/1", "contentType": "image/jpeg", "title": "PACS"}


def test_pointer_with_blanks_is_a_title(context: Context) -> None:
    assert pointer(field("shelf 4, box 2"), context, None) == {"title": "shelf 4, box 2"}


@pytest.mark.parametrize(
    ("family", "subtype", "expected"),
    [
        ("IM", "JPEG", "image/jpeg"),
        ("application/pdf", "", "application/pdf"),
        ("TEXT", "", "text/plain"),
        ("IM", "x-y", "image/x-y"),
        ("", "", None),
    ],
)
def test_media_type_comes_from_both_tables(family: str, subtype: str, expected: str | None) -> None:
    assert content_type(family, subtype) == expected
