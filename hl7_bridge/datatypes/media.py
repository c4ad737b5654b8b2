"""ED and RP become Attachment; TX, FT and ST become text.

Spec: https://hl7.org/fhir/R4/datatypes.html#attachment
"""

import base64
import binascii
from typing import Any

from hl7_bridge.mapping.context import Context, Text
from hl7_bridge.mapping.tables import Table

Element = dict[str, Any]

FORMATS = {
    "PDF": "application/pdf", "JPEG": "image/jpeg", "JPG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif",
    "TIFF": "image/tiff", "TIF": "image/tiff", "RTF": "application/rtf", "HTML": "text/html", "XML": "text/xml",
    "DICOM": "application/dicom", "DICM": "application/dicom", "BASIC": "audio/basic", "SGML": "text/sgml",
    "PLAIN": "text/plain", "TEXT": "text/plain", "TXT": "text/plain", "OCTET-STREAM": "application/octet-stream",
    "X-HL7-CDA-LEVEL-ONE": "text/xml", "CCDA": "text/xml", "MSWORD": "application/msword",
    "DOC": "application/msword", "MPEG": "video/mpeg", "MP4": "video/mp4",
}  # fmt: skip
FAMILIES = {"IM": "image", "TEXT": "text", "AU": "audio", "VIDEO": "video", "AP": "application", "TX": "text"}


def encapsulated(field: Text, _context: Context, _table: Table | None) -> Element | None:
    """Return the Attachment of an ED: its data in base64, whatever encoding it came in."""
    data = field.value(5).strip()
    found: Element = {}
    if kind := content_type(field.value(2), field.value(3)):
        found["contentType"] = kind
    if data:
        found["data"] = in_base64(data, field.value(4).strip().upper())
    elif not found:
        return None
    if source := field.value(1).strip():
        found["title"] = source
    return found


def in_base64(data: str, encoding: str) -> str:
    """Return the data in base64: as sent when it is already, from its bytes when it came as text or hexadecimal."""
    try:
        if encoding in ("HEX", "HEXADECIMAL"):
            return base64.b64encode(bytes.fromhex(data)).decode("ascii")
        if encoding in ("BASE64", "BASE 64", ""):
            packed = "".join(data.split())
            base64.b64decode(packed, validate=True)
            if encoding or len(packed) > 15:
                return packed
    except (ValueError, binascii.Error):
        pass  # said to be encoded, and is not: kept as the text that it is
    return base64.b64encode(data.encode("utf-8", "surrogatepass")).decode("ascii")


def content_type(family: str, subtype: str) -> str | None:
    """Return the media type of ED-2 and ED-3 (tables 0191 and 0291)."""
    family, subtype = family.strip(), subtype.strip()
    if "/" in family:
        return family.lower()
    known = FORMATS.get(subtype.upper()) or FORMATS.get(family.upper())
    if known:
        return known
    base = FAMILIES.get(family.upper(), "")
    if base and subtype:
        return f"{base}/{subtype.lower()}"
    return {"text": "text/plain"}.get(base)


def pointer(field: Text, _context: Context, _table: Table | None) -> Element | None:
    """Return the Attachment of an RP: the address of data that stay with the sender."""
    place = field.value(1).strip()
    if not place:
        return None
    application = field.value(2).strip()
    found: Element = {"url": place if "://" in place or place.startswith("urn:") else f"urn:hl7v2:pointer:{place}"}
    if any(map(str.isspace, found["url"])):
        found = {"title": place}
    if kind := content_type(field.value(3), field.value(4)):
        found["contentType"] = kind
    return {**found, "title": application} if application and "title" not in found else found


def text(field: Text, _context: Context, _table: Table | None) -> str | None:
    """Return the field's first component as text (ST, TX, FT)."""
    return field.value(1).strip() or None


def whole_text(field: Text, _context: Context, _table: Table | None) -> str | None:
    """Return all of the field as text, with the component separators that the sender did not escape."""
    return field.text.strip() or None


def annotation(field: Text, _context: Context, _table: Table | None) -> Element | None:
    """Return the Annotation of a comment."""
    found = field.text.strip()
    return {"text": found} if found else None
