"""fhir_server.access.policy: until authorization exists, everyone may see everything, through the same door."""

import httpx2
import pytest

from fhir_server.access import policy
from fhir_server.interactions import run as door
from fhir_server.kernel.call import Address, Call
from fhir_server.kernel.errors import Forbidden
from fhir_server.kernel.query import EVERYTHING, Access
from tests.make import bundle, entry, patient

pytestmark = pytest.mark.anyio

NOTHING = Access(filter={"compartments": {"$in": []}}, allows=lambda _compartments, _security: False)


def test_without_authorization_everything_is_visible() -> None:
    access = policy.decide(Call(Address("read", "Patient", "1"), "http://test/fhir"))
    assert EVERYTHING == access
    assert access.allows((), ("secret",))


async def test_a_rule_that_shows_nothing_hides_and_protects_everything(
    fhir: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = (await fhir.post("/Patient", json=patient(gender="male"))).json()
    url = f"/Patient/{created['id']}"
    monkeypatch.setattr(policy, "decide", lambda _call: NOTHING)
    assert 404 == (await fhir.get(url)).status_code
    assert 404 == (await fhir.get(f"{url}/_history/1")).status_code
    assert 404 == (await fhir.get(f"{url}/_history")).status_code
    assert 0 == (await fhir.get("/Patient/_history")).json().get("total", 0)
    assert 0 == (await fhir.get(f"/Patient?_id={created['id']}")).json()["total"]
    assert 403 == (await fhir.post("/Patient", json=patient())).status_code
    assert 403 == (await fhir.put(url, json=created | {"gender": "female"})).status_code
    transaction = bundle("transaction", entry("POST", "Patient", patient()))
    assert 403 == (await fhir.post("/", json=transaction)).status_code
    await fhir.delete(url)
    monkeypatch.undo()
    assert created == (await fhir.get(url)).json()


async def test_a_caller_who_may_do_nothing_is_refused_at_the_door(
    fhir: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_call: Call) -> Access:
        raise Forbidden("not for you")

    monkeypatch.setattr(door.policy, "decide", refuse)
    for method, path in (("GET", "/Patient/1"), ("GET", "/Patient"), ("GET", "/_history"), ("DELETE", "/Patient/1")):
        assert 403 == (await fhir.request(method, path)).status_code
