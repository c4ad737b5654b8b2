"""What a bridge that runs alone is told: where the FHIR server is, how messages come, where the journal lies.

Spec: https://hl7.org/fhir/R4/http.html
"""

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values in force.

    Shape: `fhir` is the base URL of the FHIR server, `token` the bearer token for it; `port` None: no MLLP listener;
           `folder` is watched for files; `maps` are folders of map files beside the built-in ones; `partners` is the
           file of those who are told of changes
    """

    fhir: str
    token: str | None = None
    journal: Path = Path("hl7-bridge.sqlite")
    host: str = "127.0.0.1"
    port: int | None = None
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    zone: ZoneInfo = UTC
    charset: str | None = None
    maps: tuple[Path, ...] = ()
    folder: Path | None = None
    partners: Path | None = None
