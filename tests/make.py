"""Builders of small valid resources; every keyword replaces or adds an element."""

from typing import Any

from fhir_server.kernel.types import Resource

SYSTEM = "urn:test:ids"


def patient(**elements: Any) -> Resource:
    return {"resourceType": "Patient", **elements}


def observation(**elements: Any) -> Resource:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}, **elements}


def identified(value: str, system: str = SYSTEM) -> list[dict[str, str]]:
    """An `identifier` element."""
    return [{"system": system, "value": value}]


def bundle(type_: str, *entries: dict[str, Any]) -> Resource:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


def entry(method: str, url: str, resource: Any = None, full_url: str | None = None, **request: str) -> dict[str, Any]:
    """An entry of a batch or transaction."""
    made: dict[str, Any] = {}
    if full_url is not None:
        made["fullUrl"] = full_url
    if resource is not None:
        made["resource"] = resource
    return {**made, "request": {"method": method, "url": url, **request}}
