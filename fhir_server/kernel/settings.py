"""Every setting, once: its name, type, default and meaning; CLI flags, environment, TOML and docs come from here.

A field `max_body_bytes` is `--max-body-bytes` on the command line, `FHIR_MAX_BODY_BYTES` in the environment and
`max_body_bytes = …` in the TOML file; the first of these that speaks wins. Adding a setting is adding one field.
Spec: https://hl7.org/fhir/R4/http.html (what the limits and switches govern)
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from math import isfinite
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, NewType, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PREFIX = "FHIR_"
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Doc:
    """What a setting means; two bounds of numbers, `secret` hides the value wherever it is printed."""

    help: str
    minimum: int = 0
    maximum: int = 2**53
    secret: bool = False


ZoneName = NewType("ZoneName", str)
"""The name of a time zone that this machine knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values in force."""

    host: Annotated[str, Doc("address to listen on")] = "127.0.0.1"
    port: Annotated[int, Doc("TCP port to listen on; 0 picks a free one", maximum=65_535)] = 8080
    workers: Annotated[int, Doc("server processes that share the port", minimum=1, maximum=1_024)] = 1
    base_url: Annotated[
        str | None, Doc("public base URL, as https://example.org/fhir; unset: from each request's Host")
    ] = None
    auth: Annotated[Literal["none"], Doc("authorization; `none` is refused on a non-loopback address")] = "none"
    mongo: Annotated[
        str | None, Doc("MongoDB replica-set URI; unset: a private mongod in the data folder", secret=True)
    ] = None
    database: Annotated[str, Doc("name of the MongoDB database")] = "fhir"
    data: Annotated[
        Path | None, Doc("folder of the private mongod; unset: fhir-server in the user's data folder (XDG)")
    ] = None
    mongod: Annotated[Path | None, Doc("mongod binary; unset: PATH, then the `demo` extra's wheel")] = None
    mongo_cache_gb: Annotated[float, Doc("most memory that the private mongod uses as cache, in GB")] = 1.0
    mongo_pool_size: Annotated[int, Doc("connections to MongoDB that one worker may hold", minimum=1)] = 50
    native_copy: Annotated[bool, Doc("also store each resource as native BSON, for people and aggregation")] = True
    query_time_limit_ms: Annotated[int, Doc("how long one database operation may take, in milliseconds", minimum=1)] = (
        10_000
    )
    max_body_bytes: Annotated[int, Doc("largest request body as sent, in bytes", minimum=1)] = 50_000_000
    body_patience_s: Annotated[
        int, Doc("seconds to wait for the head of a request, or the next part of its body", minimum=1)
    ] = 30
    max_decompressed_bytes: Annotated[int, Doc("largest request body after decompression, in bytes", minimum=1)] = (
        200_000_000
    )
    max_bundle_entries: Annotated[int, Doc("most entries of a batch or transaction", minimum=1)] = 20_000
    max_bundle_answer_bytes: Annotated[
        int, Doc("what the reading entries of a batch or transaction may bring together; more is refused", minimum=1)
    ] = 64_000_000
    page_size: Annotated[int, Doc("entries of a search or history page when _count is not given", minimum=1)] = 50
    max_page_size: Annotated[int, Doc("most entries of a page, whatever _count says", minimum=1)] = 1_000
    search_content: Annotated[
        bool, Doc("index all words of every resource for `_content`: nearly doubles the cost of writes")
    ] = False
    cursor_key: Annotated[
        str | None, Doc("key that signs page links; unset: made once and kept in the database", secret=True)
    ] = None
    update_as_create: Annotated[bool, Doc("a PUT to an unknown id creates the resource")] = True
    no_change_makes_no_version: Annotated[bool, Doc("an update that changes nothing makes no new version")] = True
    time_zone: Annotated[ZoneName, Doc("time zone of dates and search values that name none, as Europe/Vienna")] = (
        ZoneName("UTC")
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Doc("least severe record to log")] = "info"
    log_format: Annotated[Literal["json", "text"], Doc("form of the log on stderr")] = "json"
    mllp: Annotated[
        int | None, Doc("TCP port on which HL7 v2 messages are taken (MLLP), as 2575; unset: none", maximum=65_535)
    ] = None
    mllp_host: Annotated[str, Doc("address on which HL7 v2 messages are taken")] = "127.0.0.1"
    mllp_workers: Annotated[
        int, Doc("server processes that take HL7 v2 messages by MLLP; at most `workers`", minimum=1, maximum=1_024)
    ] = 1
    mllp_trust_network: Annotated[
        bool, Doc("take HL7 v2 from other machines without asking for their certificates")
    ] = False
    mllp_certificate: Annotated[Path | None, Doc("PEM file of the MLLP server's certificate; set: TLS only")] = None
    mllp_key: Annotated[Path | None, Doc("PEM file of the key of `mllp_certificate`")] = None
    mllp_client_ca: Annotated[
        Path | None, Doc("PEM file of the authorities whose certificates MLLP senders must show (mutual TLS)")
    ] = None
    mllp_idle_s: Annotated[int, Doc("seconds after which a silent MLLP connection is closed", minimum=1)] = 600
    hl7_time_zone: Annotated[ZoneName | None, Doc("time zone of HL7 v2 times without offset; unset: `time_zone`")] = (
        None
    )
    hl7_charset: Annotated[str | None, Doc("character set of HL7 v2 messages without MSH-18, as iso-8859-1")] = None
    hl7_maps: Annotated[Path | None, Doc("folder of your own HL7 v2 maps (docs/hl7v2-maps.md)")] = None
    hl7_folder: Annotated[Path | None, Doc("folder that is watched for files of HL7 v2 messages")] = None
    hl7_partners: Annotated[
        Path | None, Doc("YAML file of the systems that are told of changes by HL7 v2 (docs/hl7v2.md)")
    ] = None
    hl7_max_message_bytes: Annotated[int, Doc("largest HL7 v2 message, in bytes", minimum=1, maximum=11_000_000)] = (
        10_000_000
    )
    shutdown_grace_s: Annotated[int, Doc("seconds that requests in flight get to finish at shutdown")] = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table; `type` is the annotation without `Doc`, `choices` only for closed sets."""

    name: str
    type: Any
    default: Any
    doc: Doc

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def choices(self) -> tuple[str, ...]:
        return get_args(self.type) if get_origin(self.type) is Literal else ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings in force, and for each where its value comes from: a flag, a variable, a file or `default`."""

    settings: Settings
    sources: Mapping[str, str]


class SettingError(ValueError):
    """A value that cannot be used; the text is one line that names the setting and where the value came from."""


def _table() -> Iterator[Setting]:
    hints = get_type_hints(Settings, include_extras=True)
    for field in fields(Settings):
        assert field.default is not MISSING
        annotated, doc = get_args(hints[field.name])
        # `X | None` is read as X: not giving the setting is the only way to say None.
        types = [part for part in get_args(annotated) if part is not NoneType] if None in _options(annotated) else []
        yield Setting(field.name, types[0] if types else annotated, field.default, doc)


def _options(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal:
        return ()
    return tuple(None if part is NoneType else part for part in get_args(annotation))


SETTINGS: tuple[Setting, ...] = tuple(_table())
"""The table itself, in the order in which people want to read it."""


def resolve(
    *,
    arguments: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Mapping[str, Any] | None = None,
    file_name: str = "fhir-server.toml",
) -> Resolved:
    """Return the settings that flags, environment and TOML file give, in this order of precedence.

    Shape:  `arguments` and `file` are keyed by setting name, `environ` by variable ("FHIR_PORT")
    Errors: SettingError for a value of the wrong kind and for a name in the file that is no setting
    """
    arguments, environ, file = arguments or {}, environ or {}, file or {}
    if unknown := sorted(set(file) - {setting.name for setting in SETTINGS}):
        raise SettingError(f"{unknown[0]}: not a setting (in {file_name}); `fhir-server settings` lists them")
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        given = [
            (arguments.get(setting.name), setting.flag),
            (environ.get(setting.variable) or None, setting.variable),
            (file.get(setting.name), file_name),
        ]
        raw, source = next(((raw, source) for raw, source in given if raw is not None), (None, "default"))
        values[setting.name] = setting.default if raw is None else _read(setting, raw, source)
        sources[setting.name] = source
    if values["data"] is None:
        values["data"] = _data_folder(environ)
    return Resolved(Settings(**values), sources)


def to_environment(settings: Settings) -> dict[str, str]:
    """Return the variables from which `resolve` makes the same settings: how a parent tells its workers."""
    values = ((setting.variable, getattr(settings, setting.name)) for setting in SETTINGS)
    return {variable: text(value) for variable, value in values if value is not None}


def text(value: object) -> str:
    """Return a value as flags, variables and tables write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(setting: Setting, raw: Any, source: str) -> Any:
    """Return a raw value in the setting's own type."""
    try:
        value = _convert(setting, raw)
    except (ValueError, OverflowError):
        raise _bad(setting, raw, source, f"is not {_kind(setting)}") from None
    if isinstance(value, int | float) and not setting.doc.minimum <= value <= setting.doc.maximum:
        bounds = f"from {setting.doc.minimum} to {setting.doc.maximum}"
        raise _bad(setting, raw, source, f"is not a number {bounds}")
    return value


def _convert(setting: Setting, raw: Any) -> Any:
    if setting.type is bool:
        return _switch(raw)
    if setting.choices:
        if raw not in setting.choices:
            raise ValueError
        return raw
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError
    if setting.type in (int, float):
        number = setting.type(raw)
        if number != float(raw) or not isfinite(number):  # 1.5 is not a whole number
            raise ValueError
        return number
    if not isinstance(raw, str) or not raw:
        raise ValueError
    return _FROM_TEXT.get(setting.type, str)(raw)


def _zone_name(raw: str) -> ZoneName:
    try:
        ZoneInfo(raw)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError from None
    return ZoneName(raw)


_FROM_TEXT: Mapping[Any, Callable[[str], Any]] = {Path: lambda raw: Path(raw).expanduser(), ZoneName: _zone_name}


def _switch(raw: Any) -> bool:
    text = str(raw).lower()
    if text not in _TRUE + _FALSE:
        raise ValueError
    return text in _TRUE


_KINDS: Mapping[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    ZoneName: "a time zone known here",
}


def _kind(setting: Setting) -> str:
    if setting.choices:
        return "one of " + ", ".join(setting.choices)
    return _KINDS.get(setting.type, "a text")


def _bad(setting: Setting, raw: Any, source: str, why: str) -> SettingError:
    shown = "the value" if setting.doc.secret else repr(raw)[:60]
    return SettingError(f"{setting.name}: {shown} {why} (from {source})")


def _data_folder(environ: Mapping[str, str]) -> Path:
    """Return where a user's programs keep data: https://specifications.freedesktop.org/basedir-spec/latest/."""
    home = environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path("~/.local/share").expanduser()) / "fhir-server"
