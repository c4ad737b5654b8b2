"""The bytes of a posted message, in a character set that its reader understands.

Spec: https://www.rfc-editor.org/rfc/rfc2046#section-4.1.2, https://terminology.hl7.org/CodeSystem-v2-0211.html
"""

import codecs
from typing import Final

from fhir_server.http.negotiate import MediaType
from fhir_server.kernel.errors import Invalid, Issue, UnsupportedMediaType

_CHARACTER_SET: Final = 17
"""MSH-18, among the parts of the header between field separators."""


def in_its_charset(type_: MediaType, body: bytes) -> bytes:
    """Return a message as UTF-8 when only its media type tells its character set, else as it came.

    What MSH-18 says goes before the media type: the message brings it along from its sender.
    Errors: UnsupportedMediaType for a character set that is unknown here; Invalid for text that is not in its own
    """
    charset = type_.parameter("charset")
    if charset is None:
        return body
    try:
        codecs.lookup(charset)
        return body if _declares(body) else body.decode(charset).encode()
    except UnicodeError:
        raise Invalid(Issue("value", f"the message is not in the character set {charset[:40]}")) from None
    except (LookupError, ValueError):
        # Python knows some codecs that make no text, and no names with control characters.
        raise UnsupportedMediaType(f"the character set {charset[:40]!r} is not understood here; send UTF-8") from None


def _declares(body: bytes) -> bool:
    """Tell whether a message says its character set itself, by MSH-18 or by a mark of UTF-16 or UTF-32."""
    start = body.find(b"MSH")
    header = body[start:].replace(b"\n", b"\r").partition(b"\r")[0]
    parts = header.split(header[3:4]) if start >= 0 and header[3:4] else []
    return start < 0 or b"\0" in header or (len(parts) > _CHARACTER_SET and parts[_CHARACTER_SET].strip() != b"")
