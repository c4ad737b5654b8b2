"""Who is told what: a YAML file with one entry for each partner.

    laboratory:
      address: lab.example.org:2575
      tells: [ServiceRequest, Patient]
      sender: [FHIR, CITY HOSPITAL]
      receiver: [LAB, NORTH]
      tls: {authorities: ca.pem, certificate: us.pem, key: us.key}

Further: processing_id (P, T, D), orders (OML, ORM), claims (EHC, DFT), authorities, coding_systems, timeout (seconds),
final (wait for the application's acknowledgement that follows a commit accept).
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, MSH)
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from hl7_bridge.mllp import Client, client_context
from hl7_bridge.outbound.messages import COMPOSERS
from hl7_bridge.outbound.partner import Partner


class PartnersError(Exception):
    """The file cannot be used; the text names the partner and the entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A partner, where it listens, and the types of resources that it is told of."""

    name: str
    host: str
    port: int
    tells: frozenset[str]
    partner: Partner
    tls: ssl.SSLContext | None = None
    timeout: float = 30.0
    final: bool = False

    def client(self) -> Client:
        """Return a client that is not connected yet."""
        return Client(self.host, self.port, tls=self.tls, timeout=self.timeout)


_PARTNER: Final = {"sender", "receiver", "processing_id", "orders", "claims", "authorities", "coding_systems"}
_KNOWN: Final = _PARTNER | {"address", "tells", "tls", "timeout", "final"}
_CHOICES: Final = {"processing_id": ("P", "T", "D"), "orders": ("OML", "ORM"), "claims": ("EHC", "DFT")}


def load_partners(path: Path) -> Sequence[Destination]:
    """Return the partners of a file; paths in it are relative to it.

    Errors: PartnersError
    """
    try:
        described = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PartnersError(f"{path}: cannot be read: {type(error).__name__}") from None
    if not isinstance(described, Mapping) or not described:
        raise PartnersError(f"{path}: names no partners")
    return [_destination(str(name), entry, path.parent) for name, entry in described.items()]


def _destination(name: str, entry: Any, folder: Path) -> Destination:
    if not isinstance(entry, Mapping):
        raise PartnersError(f"{name}: is no mapping")
    if unknown := set(entry) - _KNOWN:
        raise PartnersError(f"{name}: unknown entries: {', '.join(sorted(map(str, unknown)))}")
    host, colon, port = str(entry.get("address", "")).rpartition(":")
    if not (host and colon and port.isdigit()):
        raise PartnersError(f"{name}.address: is not host:port")
    tells = entry.get("tells")
    if not isinstance(tells, list) or not tells or set(tells) - set(COMPOSERS):
        raise PartnersError(f"{name}.tells: takes any of {', '.join(COMPOSERS)}")
    return Destination(
        name=name,
        host=host.strip("[]"),
        port=int(port),
        tells=frozenset(tells),
        partner=_partner(name, entry),
        tls=_tls(name, entry.get("tls"), folder),
        timeout=_seconds(name, entry.get("timeout", 30.0)),
        final=entry.get("final") is True,
    )


def _partner(name: str, entry: Mapping[str, Any]) -> Partner:
    given = {key: entry[key] for key in _PARTNER & set(entry)}
    for key in ("sender", "receiver"):
        if key in given:
            given[key] = _pair(f"{name}.{key}", given[key])
    for key, choices in _CHOICES.items():
        if given.get(key, choices[0]) not in choices:
            raise PartnersError(f"{name}.{key}: is none of {', '.join(choices)}")
    for key in ("authorities", "coding_systems"):
        if not isinstance(given.get(key, {}), Mapping):
            raise PartnersError(f"{name}.{key}: is no mapping")
    return Partner(**given)


def _pair(place: str, value: Any) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise PartnersError(f"{place}: is not [application, facility]")
    return str(value[0]), str(value[1])


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise PartnersError(f"{name}.timeout: is no number of seconds")
    return float(value)


def _tls(name: str, described: Any, folder: Path) -> ssl.SSLContext | None:
    if described in (None, False):
        return None
    if described is True:
        return client_context()
    if not isinstance(described, Mapping) or set(described) - {"authorities", "certificate", "key"}:
        raise PartnersError(f"{name}.tls: takes authorities, certificate and key, or true")
    try:
        return client_context(**{part: folder / str(path) for part, path in described.items()})
    except OSError as error:
        raise PartnersError(f"{name}.tls: {type(error).__name__}") from None
