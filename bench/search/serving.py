"""Searches over HTTP beside reads by id, at the same server: many connections, two workers.

Spec: https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Iterator

from bench.figures import CONNECTIONS, WORKERS, Figure
from bench.firing import Plan, Shots, fire, request
from bench.search.queries import BY_PATIENT_AND_CODE, by_patient_and_code, reads
from bench.search.samples import Samples
from bench.servers import fhir_server
from fhir_server.kernel.settings import Settings

_PART_OF_READS = 0.5


def over_http(settings: Settings, found: Samples, seconds: float) -> Iterator[Figure]:
    """Yield the rate of the search by patient and code, with that of reads by id as its floor."""
    flags = ("--mongo", settings.mongo or "", "--database", settings.database, "--workers", str(WORKERS))
    with fhir_server(*flags) as server:

        def fired(urls: list[str]) -> Shots:
            shots = [request("GET", f"/fhir{url}") for url in urls]
            return fire(Plan("127.0.0.1", server.port, CONNECTIONS, shots, seconds, 1))

        gets, searches = fired(reads(found)), fired(by_patient_and_code(found))
    note = f"median {searches.median_ms:.1f} ms, 99 % {searches.p99_ms:.1f} ms, {searches.failed} failed"
    yield Figure(f"{BY_PATIENT_AND_CODE} over HTTP", searches.rate, "requests/s", _PART_OF_READS, gets.rate, note=note)
