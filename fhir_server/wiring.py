"""The composition root: every collaborator is built here, once, and handed down in one `Env`."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from socket import socket
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from conformance.capability import Registered, statement
from conformance.definitions import Definitions
from conformance.load import definitions as load_definitions
from conformance.walk import Validator
from fhir_server import __version__
from fhir_server.bridge.bridge import opened_bridge
from fhir_server.bridge.listening import listening
from fhir_server.bridge.outbox import delivering
from fhir_server.http.hl7 import hl7_routes, observer
from fhir_server.http.log import LOGGER, configure
from fhir_server.http.metrics import Metrics, build_metrics
from fhir_server.http.middleware import Edge
from fhir_server.http.negotiate import FHIR_JSON
from fhir_server.http.routes import FhirEndpoint, elsewhere, routes
from fhir_server.interactions.current import Current
from fhir_server.interactions.entries import PATCH_KINDS
from fhir_server.interactions.env import Env
from fhir_server.interactions.run import EXECUTE
from fhir_server.jobs import jobs_at_work
from fhir_server.kernel.fhir_json import encode
from fhir_server.kernel.fhir_time import instant
from fhir_server.kernel.ids import uuid7_source
from fhir_server.kernel.settings import Settings
from fhir_server.kernel.types import Resource, RulesState
from fhir_server.operations import OPERATIONS
from fhir_server.resources.indexing import Indexer
from fhir_server.resources.prepare import Pipeline
from fhir_server.resources.references import Links
from fhir_server.search import Search
from fhir_server.storage import open_storage

_EXPOSED = ("Content-Location", "ETag", "Last-Modified", "Location", "X-Progress", "X-Request-Id")

EVERY_CLINIC = (
    *("Patient", "Practitioner", "Organization", "Coverage", "Appointment", "Encounter", "Condition", "Observation"),
    *("Procedure", "DiagnosticReport", "MedicationRequest", "Immunization", "CarePlan", "CareTeam", "Goal"),
    *("Claim", "ExplanationOfBenefit", "Invoice"),
)
"""Types whose collections are made at the first start; all others are made when their first resource comes.

Making one takes some 50 ms, which the first Bundle of a clinic would otherwise pay for each of them.
"""


def build_app(settings: Settings, mllp: socket | None = None) -> Edge:
    """Return the ASGI application; it connects to the database when it starts and disconnects when it stops.

    While it runs, it also takes HL7 v2 messages at the listening socket `mllp`.

    Errors: Unavailable at start when the database cannot be reached
    """
    configure(settings.log_level, settings.log_format)
    metrics = build_metrics()
    observe = observer(metrics.registry)

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with opened_env(settings, metrics) as env, opened_bridge(env, observe) as bridge:
            edge.fhir = _open_to_browsers(FhirEndpoint(env))
            framework.router.routes[:] = [*routes(env, metrics), *hl7_routes(bridge, settings)]
            itself = httpx2.ASGITransport(app=edge)
            async with listening(bridge, mllp, settings), delivering(env, itself):
                yield

    framework = FastAPI(title="fhir-server", version=__version__, lifespan=lifespan, docs_url=None, openapi_url=None)
    framework.add_exception_handler(404, elsewhere)
    framework.add_exception_handler(405, elsewhere)
    edge = Edge(framework, uuid7_source()())
    return edge


def _open_to_browsers(endpoint: ASGIApp) -> ASGIApp:
    """Return the endpoint with CORS for requests that come from a web page of another origin."""
    for_pages = CORSMiddleware(
        endpoint, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"], expose_headers=_EXPOSED
    )

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        from_page = any(name == b"origin" for name, _ in scope["headers"])
        await (for_pages if from_page else endpoint)(scope, receive, send)

    return dispatch


@asynccontextmanager
async def opened_env(settings: Settings, metrics: Metrics) -> AsyncIterator[Env]:
    """Yield the collaborators of a running server; the database connections end with it."""
    definitions = load_definitions()
    zone = ZoneInfo(settings.time_zone)
    search = Search(definitions, zone=zone, content=settings.search_content)
    started = _utc_now()
    async with open_storage(settings, search.indexes, observe=metrics.batch, observe_pool=metrics.pool) as storage:
        if storage.warning is not None:
            LOGGER.warning(storage.warning)
        await storage.schema.ensure(EVERY_CLINIC)
        current = Current(storage, search.criteria("SearchParameter", (("status", "active"),), ""))
        env = Env(
            settings=settings,
            zone=zone,
            definitions=definitions,
            pipeline=Pipeline(Validator(definitions), Indexer(definitions, search.registry, zone=zone), search),
            links=Links(definitions),
            search=search,
            rules=RulesState(),
            current=current,
            storage=storage,
            cursor_key=(settings.cursor_key or await storage.secret("cursor")).encode(),
            clock=_utc_now,
            new_id=uuid7_source(),
            measure=metrics.interaction,
            operations=OPERATIONS,
            capabilities=_capabilities(definitions, search, settings, started),
        )
        env = await current.begin(env, partial(_with_rules, started))
        async with jobs_at_work(env):
            yield env


def _with_rules(started: datetime, env: Env, rules: RulesState, custom: Sequence[Resource]) -> Env:
    """Return the same collaborators by other rules of indexing; `custom` are the SearchParameters that users stored."""
    search = Search(
        env.definitions,
        zone=env.zone,
        custom=custom,
        indexed=rules.indexed,
        content=env.settings.search_content,
    )
    for source, reason in search.in_force.refused.items():
        LOGGER.warning(f"{source} is no search parameter here: {reason}")
    indexer = Indexer(env.definitions, search.registry, zone=env.zone)
    return replace(
        env,
        pipeline=Pipeline(env.pipeline.validator, indexer, search, rules.generation),
        search=search,
        rules=rules,
        capabilities=_capabilities(env.definitions, search, env.settings, started),
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the one clock, handed down as env.clock


def _capabilities(
    definitions: Definitions, search: Search, settings: Settings, started: datetime
) -> Callable[[str], bytes]:
    """Return the function base URL → text of the CapabilityStatement, made once for each base URL."""
    registered = Registered(
        interactions=EXECUTE.keys(),
        search_parameters=search.parameters,
        includes=search.includes,
        reverse_includes=search.reverse_includes,
        operations=[operation.definition for operation in OPERATIONS.values()],
        formats=(FHIR_JSON, "json"),
        patch_formats=(*PATCH_KINDS, FHIR_JSON),
        update_create=settings.update_as_create,
    )

    @lru_cache(maxsize=8)  # by Host header: bounded, since clients choose it
    def text(base_url: str) -> bytes:
        content: dict[str, Any] = statement(
            definitions, registered, base_url=base_url, version=__version__, date=instant(started)
        )
        return encode(content)

    return text
