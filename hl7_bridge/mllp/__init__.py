"""MLLP over TCP and TLS: a server that answers in order, and a client that waits for its acknowledgement.

Spec: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

from hl7_bridge.mllp.client import Answer, Client, MllpError, Unanswered, Unreachable
from hl7_bridge.mllp.server import Handle, Limits, Refuse, Server, serve
from hl7_bridge.mllp.tls import client_context, server_context

__all__ = [
    "Answer",
    "Client",
    "Handle",
    "Limits",
    "MllpError",
    "Refuse",
    "Server",
    "Unanswered",
    "Unreachable",
    "client_context",
    "serve",
    "server_context",
]
