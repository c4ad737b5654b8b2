"""Which compartments a resource lies in."""

from conformance.load import definitions
from fhir_server.resources.indexing import Indexer
from tests.make import observation, patient


def compartments(resource: dict[str, object]) -> set[str]:
    return set(Indexer(definitions()).index({"id": "x", **resource}).compartments)


def test_resource_lies_in_the_compartments_that_it_refers_to() -> None:
    found = compartments(
        observation(
            subject={"reference": "Patient/a"},
            performer=[{"reference": "Practitioner/b"}],
            encounter={"reference": "Encounter/c/_history/2"},
        )
    )
    assert found == {"Patient/a", "Practitioner/b", "Encounter/c"}


def test_patient_lies_in_its_own_compartment() -> None:
    assert compartments(patient()) == {"Patient/x"}


def test_links_elsewhere_make_no_member() -> None:
    found = compartments(
        observation(subject={"reference": "http://other.org/Patient/a"}, focus=[{"reference": "Patient/b"}])
    )
    assert found == set()
