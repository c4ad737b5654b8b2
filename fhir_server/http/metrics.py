"""Figures for Prometheus: requests, latency, database batches; summed over all workers.

Spec: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import os
from dataclasses import dataclass, field

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one process; with several workers each writes to files that every one of them can sum."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    batches: Histogram
    connections: Gauge

    _rows: dict[tuple[str, int], tuple[Counter, Histogram]] = field(default_factory=dict)

    def interaction(self, name: str, status: int, seconds: float) -> None:
        """Count one interaction."""
        row = self._rows.get((name, status))
        if row is None:  # looking up labels costs more than counting
            row = self._rows[name, status] = (self.requests.labels(name, str(status)), self.seconds.labels(name))
        row[0].inc()
        row[1].observe(seconds)

    def batch(self, kind: str, size: int) -> None:
        """Count one database call that served `size` callers at once."""
        self.batches.labels(kind).observe(size)

    def pool(self, difference: int) -> None:
        """Count opened (+1) and closed (-1) database connections."""
        self.connections.inc(difference)


def build_metrics() -> Metrics:
    """Return fresh metrics in a registry of their own."""
    registry = CollectorRegistry()
    return Metrics(
        registry,
        requests=Counter("fhir_requests", "Interactions by status", ["interaction", "status"], registry=registry),
        seconds=Histogram(
            "fhir_request_seconds", "Duration of interactions", ["interaction"], buckets=_SECONDS, registry=registry
        ),
        batches=Histogram(
            "fhir_batch_size", "Callers served by one database call", ["kind"], buckets=_SIZES, registry=registry
        ),
        connections=Gauge(
            "fhir_mongo_connections", "Open database connections", multiprocess_mode="livesum", registry=registry
        ),
    )


def exposition(metrics: Metrics) -> bytes:
    """Return the text that Prometheus reads, of all workers where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(metrics.registry)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client has no annotations here
    return generate_latest(registry)
