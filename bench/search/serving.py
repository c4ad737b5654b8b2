"""Searches over HTTP beside reads by id, at the same server: many connections, two workers.

Those of 100 patients come again and again, as those of screens that are watched do: the server remembers what they
mean. How fast it is without that is told by searches that differ, so many that none comes again before it is forgotten.

Spec: https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Iterator, Sequence

from bench.figures import CONNECTIONS, WORKERS, Figure
from bench.firing import Plan, Shots, fire, request
from bench.search.queries import BY_PATIENT_AND_CODE, PAGE, by_patient_and_code, reads
from bench.search.samples import Samples
from bench.servers import fhir_server
from fhir_server.kernel.settings import Settings
from fhir_server.search.request import MOST_KEPT

_PART_OF_READS = 0.5

_ROUNDS = 15
"""Short ones, in turn, and the one with the middle ratio counts: a shared machine is slower for some seconds."""


def over_http(settings: Settings, found: Samples, seconds: float) -> Iterator[Figure]:
    """Yield the rate of the search by patient and code, with that of reads by id as its floor."""
    flags = ("--mongo", settings.mongo or "", "--database", settings.database, "--workers", str(WORKERS))
    with fhir_server(*flags) as server:

        def fired(urls: list[str]) -> Shots:
            shots = [request("GET", f"/fhir{url}") for url in urls]
            return fire(Plan("127.0.0.1", server.port, CONNECTIONS, shots, 3 * seconds / _ROUNDS, 0.5))

        kinds = reads(found), by_patient_and_code(found), _different(by_patient_and_code(found))
        rounds = [[fired(urls) for urls in kinds] for _ in range(_ROUNDS)]
    name = f"{BY_PATIENT_AND_CODE} over HTTP"
    yield _figure(name, [(searches, gets) for gets, searches, _ in rounds])
    yield _figure(f"{name}, none asked before", [(different, gets) for gets, _, different in rounds])


def _figure(name: str, rounds: Sequence[tuple[Shots, Shots]]) -> Figure:
    """Return the figure of the round whose ratio of searches to reads is the middle one."""
    searches, gets = sorted(rounds, key=lambda one: one[0].rate / one[1].rate)[len(rounds) // 2]
    note = f"median {searches.median_ms:.1f} ms, 99 % {searches.p99_ms:.1f} ms, {searches.failed} failed"
    return Figure(name, searches.rate, "requests/s", _PART_OF_READS, gets.rate, note=note)


def _different(urls: list[str]) -> list[str]:
    """Return many more searches than are remembered; they find the same, since few patients have more than a page."""
    pages = range(PAGE, PAGE + 8 * MOST_KEPT // len(urls))
    return [url.replace(f"_count={PAGE}", f"_count={size}") for size in pages for url in urls]
