"""Content negotiation: which form a body has and which one the caller wants. This server speaks JSON.

Spec: https://hl7.org/fhir/R4/http.html#mime-type, https://hl7.org/fhir/R4/http.html#parameters
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from fhir_server.kernel.call import Preferences, Returning
from fhir_server.kernel.errors import NotAcceptable, UnsupportedMediaType

FHIR_JSON = "application/fhir+json"
_JSON = frozenset({FHIR_JSON, "application/json", "text/json", "application/json+fhir"})
_FORMATS = _JSON | {"json"}
_WILDCARDS = frozenset({"*/*", "application/*"})
_RETURNS: dict[str, Returning] = {
    "minimal": "minimal",
    "representation": "representation",
    "operationoutcome": "OperationOutcome",
}


@dataclass(frozen=True, slots=True)
class MediaType:
    """One media type of a header: its lower-case name and parameters."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str | None:
        return next((value for key, value in self.parameters if key == name), None)

    @property
    def is_json(self) -> bool:
        return self.name in _JSON


@lru_cache(maxsize=512)
def media_type(text: str) -> MediaType:
    """Return the parsed value of a Content-Type header, or of one member of Accept."""
    name, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest)
    parameters = tuple((key.strip().lower(), value.strip().strip('"')) for key, _, value in pairs)
    return MediaType(name.strip().lower(), parameters)


def check_request_type(type_: MediaType) -> None:
    """Raise UnsupportedMediaType when the text of a body is not FHIR R4 JSON in UTF-8."""
    if not type_.is_json:
        raise UnsupportedMediaType(f"send {FHIR_JSON}: the type {type_.name[:60]!r} is not understood here")
    charset = type_.parameter("charset")
    if charset is not None and charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType("FHIR JSON is UTF-8: another charset is not understood")
    if not _is_r4(type_):
        raise UnsupportedMediaType("this server speaks FHIR R4 (fhirVersion=4.0)")


@lru_cache(maxsize=512)
def check_accept(accept: str | None, format_: str | None) -> None:
    """Raise NotAcceptable when the caller takes no form that this server has; _format goes before Accept."""
    if format_ is not None:
        # A '+' in an unescaped URL arrives as a space.
        if media_type(format_.replace(" ", "+")).name not in _FORMATS:
            raise NotAcceptable(f"_format: this server answers {FHIR_JSON} only")
        return
    if accept is None or not accept.strip():
        return
    accepted = [type_ for part in accept.split(",") if _weight(type_ := media_type(part)) > 0]
    if not any((type_.is_json or type_.name in _WILDCARDS) and _is_r4(type_) for type_ in accepted):
        raise NotAcceptable(f"Accept: this server answers {FHIR_JSON} for FHIR R4 only")


@lru_cache(maxsize=512)
def binary_form(accept: str | None, format_: str | None) -> Literal["resource", "content"]:
    """Return whether a Binary is served as a resource, or as its content: only who asks for FHIR gets FHIR."""
    if format_ is not None:
        return "resource"
    types = [media_type(part) for part in (accept or "").split(",")]
    return "resource" if any(type_.name == FHIR_JSON for type_ in types) else "content"


@lru_cache(maxsize=512)
def accepts_gzip(header: str | None) -> bool:
    """Tell whether Accept-Encoding allows gzip: named, and not with the weight 0."""
    codings = [media_type(part) for part in (header or "").split(",")]
    return any(coding.name == "gzip" and _weight(coding) > 0 for coding in codings)


@lru_cache(maxsize=512)
def preferences(header: str | None) -> Preferences:
    """Return what a Prefer header asks for; what is unknown is ignored, as RFC 7240 says."""
    if header is None:
        return Preferences()
    # Of a preference that stands twice the first counts (RFC 7240, section 2).
    pairs = (part.partition("=") for part in reversed(header.replace(";", ",").split(",")))
    named = {key.strip().lower(): value.strip().strip('"').lower() for key, _, value in pairs}
    returning = _RETURNS.get(named.get("return", ""))
    return Preferences(returning, "strict" if named.get("handling") == "strict" else "lenient")


def _is_r4(type_: MediaType) -> bool:
    version = type_.parameter("fhirversion")
    return version is None or version in ("4.0", "4.0.0", "4.0.1")


def _weight(type_: MediaType) -> float:
    try:
        return float(type_.parameter("q") or 1)
    except ValueError:
        return 1.0
