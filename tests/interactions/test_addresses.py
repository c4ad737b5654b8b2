"""fhir_server.interactions.addresses: methods and paths → interactions."""

import pytest

from fhir_server.interactions.addresses import address
from fhir_server.kernel.call import Address
from fhir_server.kernel.errors import Invalid, MethodNotAllowed, NotFound

TYPES = frozenset({"Patient", "Observation"})


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "", Address("search-system")),
        ("POST", "/", Address("batch")),
        ("GET", "metadata", Address("capabilities")),
        ("GET", "_history", Address("history-system")),
        ("POST", "_search", Address("search-system")),
        ("GET", "Patient", Address("search-type", "Patient")),
        ("POST", "/Patient", Address("create", "Patient")),
        ("PUT", "Patient", Address("update", "Patient")),
        ("PATCH", "Patient", Address("patch", "Patient")),
        ("DELETE", "Patient", Address("delete", "Patient")),
        ("POST", "Patient/_search", Address("search-type", "Patient")),
        ("GET", "Patient/_history", Address("history-type", "Patient")),
        ("GET", "Patient/1", Address("read", "Patient", "1")),
        ("HEAD", "Patient/1", Address("read", "Patient", "1")),
        ("PUT", "Patient/1", Address("update", "Patient", "1")),
        ("PATCH", "Patient/1", Address("patch", "Patient", "1")),
        ("DELETE", "Patient/1", Address("delete", "Patient", "1")),
        ("GET", "Patient/1/_history", Address("history-instance", "Patient", "1")),
        ("GET", "Patient/1/_history/2", Address("vread", "Patient", "1", "2")),
        ("GET", "Patient/1/Observation", Address("search-compartment", "Observation", "1", compartment_type="Patient")),
        ("GET", "Patient/1/*", Address("search-compartment", None, "1", compartment_type="Patient")),
        ("GET", "Patient/1/$everything", Address("operation", "Patient", "1", operation="everything")),
        ("POST", "$meta", Address("operation", operation="meta")),
    ],
)
def test_what_a_method_and_a_path_mean(method: str, path: str, expected: Address) -> None:
    assert expected == address(method, path, TYPES)


@pytest.mark.parametrize("path", ["Foo", "Foo/1", "Patient/1/Foo", "Patient/1/_history/2/3", "_search/x", "metadata/x"])
def test_paths_that_fhir_does_not_know_are_404(path: str) -> None:
    with pytest.raises(NotFound):
        address("GET", path, TYPES)


def test_a_path_with_an_impossible_id_is_invalid() -> None:
    with pytest.raises(Invalid):
        address("GET", "Patient/a_b", TYPES)


def test_a_method_that_the_path_has_not_is_405_and_names_those_it_has() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        address("PUT", "Patient/1/_history", TYPES)
    assert {"Allow": "GET, HEAD"} == caught.value.headers
