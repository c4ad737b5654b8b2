"""What the operator learns of each message: counted for each sender, and one line in the log without its content.

Spec: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram

from fhir_server.http.log import LOGGER, trace
from hl7_bridge.inbound.pipeline import Processed

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SENDERS = 200
"""Senders that get figures of their own: their names come from messages, so their number must have an end."""

_OTHERS = "others"


def observer(registry: CollectorRegistry) -> Callable[[Processed], None]:
    """Return the function that counts and logs processed messages."""
    messages = Counter("hl7_messages", "HL7 v2 messages by result", ["sender", "result"], registry=registry)
    seconds = Histogram(
        "hl7_message_seconds", "Duration of processing", ["sender"], buckets=_SECONDS, registry=registry
    )
    known: set[str] = set()

    def observe(processed: Processed) -> None:
        sender = processed.name
        if sender not in known:
            if len(known) >= _SENDERS:
                sender = _OTHERS
            known.add(sender)
        messages.labels(sender, processed.result).inc()
        seconds.labels(sender).observe(processed.seconds)
        _log(processed)

    return observe


def _log(processed: Processed) -> None:
    fields = processed.facts()
    if processed.failure is not None:
        LOGGER.error("hl7 failed", extra={"fields": {**fields, "trace": trace(processed.failure)}})
    elif processed.result in ("accepted", "repeated"):
        LOGGER.info("hl7", extra={"fields": fields})
    else:
        LOGGER.warning("hl7", extra={"fields": fields})
