"""Tasks beside the requests: a failure ends none of them, the end of the process all."""

import asyncio
import logging

import pytest

from fhir_server.http.metrics import build_metrics
from fhir_server.jobs import background
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import opened_env
from tests.operations.custom_parameters import parameter

pytestmark = pytest.mark.anyio


async def test_what_another_process_alters_is_taken_up_also_after_the_database_was_in_disorder(
    mongo_uri: str, database_name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "EVERY_S", 0.02)
    # Its own handler: a test before this one may have configured logging, whose records reach no root logger.
    logger = logging.getLogger("fhir_server.jobs")
    caplog.set_level(logging.WARNING, logger.name)
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    monkeypatch.setattr(logger, "propagate", False)
    settings = Settings(mongo=mongo_uri, database=f"{database_name}_background", log_level="error")
    before = asyncio.all_tasks()
    async with opened_env(settings, build_metrics()) as env:
        rules = env.storage.database["rules"]
        await rules.update_one({}, {"$unset": {"indexed": ""}})
        await asyncio.sleep(0.2)
        made = {"id": "n", "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}, **parameter("nickname")}
        draft = env.pipeline.draft(made, "n", method="POST", now=env.clock(), replaces=None)
        await env.storage.schema.ensure(["SearchParameter"])
        await env.storage.database["SearchParameter"].insert_one(
            {"_id": "n", "version": 1, "updated": env.clock(), "method": "POST", "json": draft.version.json,
             "index": draft.index}
        )  # fmt: skip
        await rules.update_one({}, {"$set": {"indexed": []}, "$inc": {"generation": 1}})
        async with asyncio.timeout(10):
            while "nickname" not in env.current.env.search.registry["Patient"]:  # noqa: ASYNC110 - what is tested
                await asyncio.sleep(0.01)
        await env.storage.database.client.drop_database(settings.database)
    failed = [vars(one)["fields"] for one in caplog.records if one.message == "background task failed"]
    assert {"task": "search parameters", "error": "KeyError"} in failed
    assert not [task for task in asyncio.all_tasks() - before if "_again_and_again" in repr(task)]
