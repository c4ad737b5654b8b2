"""Opens the socket that all workers share, and refuses addresses on which the server must not be seen.

Spec: https://hl7.org/fhir/R4/security.html
"""

import errno
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from fhir_server.cli.failure import CommandError
from fhir_server.kernel.settings import Settings

_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags that choose an address, for people who have to choose another."""

    host: str
    port: str


HTTP, MLLP = Flags("--host", "--port"), Flags("--mllp-host", "--mllp")


def refuse_open_door(settings: Settings) -> None:
    """Raise CommandError when the server would answer other machines without asking who they are."""
    if settings.auth == "none" and not _is_loopback(settings.host):
        raise CommandError(
            f"--auth none is refused on {settings.host}, which other machines can reach: use --host 127.0.0.1"
        )


def refuse_open_mllp(settings: Settings) -> None:
    """Raise CommandError when other machines could send HL7 v2 messages, and nobody said that this is meant.

    MLLP knows no passwords: who may send is decided by certificates (mutual TLS), or by the network.
    """
    if settings.mllp is None or settings.mllp_trust_network or _is_loopback(settings.mllp_host):
        return
    if settings.mllp_certificate is None or settings.mllp_client_ca is None:
        raise CommandError(
            f"MLLP on {settings.mllp_host}, which other machines can reach, needs --mllp-certificate and "
            "--mllp-client-ca, or --mllp-trust-network true"
        )


def listen(host: str, port: int, count: int = 1, *, flags: Flags = HTTP) -> list[socket.socket]:
    """Return listening sockets on one port, one for each child process that is to inherit it.

    The kernel spreads connections over them. From one shared socket the process that wakes first takes all that come
    at once: of two workers one got 8 connections of 8 (measured), and did the work of both.

    Errors: CommandError when the address is taken, forbidden or not one of this machine; `flags` choose another
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise CommandError(f"cannot listen on {host[:60]}: no such address; choose another with {flags.host}") from None
    with socket.socket(family, kind, protocol) as probe:
        # Alone, without sharing: what shares a port would not notice that another server has it already.
        _bind(probe, address, flags, shared=False)
        address = probe.getsockname()
    listeners = [socket.socket(family, kind, protocol) for _ in range(count)]
    for listener in listeners:
        _bind(listener, address, flags, shared=count > 1)
        listener.set_inheritable(True)
    return listeners


def _bind(listener: socket.socket, address: Any, flags: Flags, *, shared: bool) -> None:
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        host, port = address[:2]
        raise CommandError(_reason(error, host, port, flags)) from None


def origin(settings: Settings) -> str:
    """Return how a client on this machine reaches the server: "http://127.0.0.1:8080"."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def base_url(settings: Settings) -> str:
    """Return the FHIR base URL to tell people: the configured one, else that of this machine."""
    return settings.base_url or f"{origin(settings)}/fhir"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(error: OSError, host: str, port: int, flags: Flags) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken: stop the program that uses it, or choose another port with {flags.port}"
        )
    if error.errno == errno.EACCES:
        return f"port {port} is reserved for the system: choose one from 1024 up with {flags.port}"
    return f"cannot listen on {host}, port {port}: {error.strerror}; choose another with {flags.host} or {flags.port}"
