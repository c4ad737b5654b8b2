"""TLS for MLLP: the server's certificate, and, where demanded, the sender's.

Spec: https://profiles.ihe.net/ITI/TF/Volume2/ITI-19.html
"""

import ssl
from pathlib import Path


def server_context(certificate: Path, key: Path, *, clients: Path | None = None) -> ssl.SSLContext:
    """Return a server's context from PEM files; `clients`: only senders certified by these authorities may connect.

    Errors: OSError, ssl.SSLError when a file is missing or does not fit
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(
    *, authorities: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """Return a client's context: whom it trusts (the system's authorities unless given), and who it is.

    Errors: OSError, ssl.SSLError when a file is missing or does not fit
    """
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context
