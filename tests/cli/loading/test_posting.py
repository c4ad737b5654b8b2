import httpx2
import pytest

from fhir_server.cli.loading.posting import _pause_s


@pytest.mark.parametrize(
    ("wish", "seconds"), [("3", 3.0), ("0", 0.0), ("²", 0.5), ("Fri, 31 Dec 1999 23:59:59 GMT", 0.5)]
)
def test_pause_is_what_the_server_wishes_where_that_is_a_number_of_seconds(wish: str, seconds: float) -> None:
    answer = httpx2.Response(503, headers=[(b"Retry-After", wish.encode("latin-1"))])
    assert _pause_s(answer, 0) == seconds
