"""fhir_server.http.log: what reaches stderr, and when."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from fhir_server.http.log import LOGGER, configure, trace

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The logger as it was before the test."""
    handlers, level, propagate = LOGGER.handlers[:], LOGGER.level, LOGGER.propagate
    yield
    LOGGER.handlers[:], LOGGER.propagate = handlers, propagate
    LOGGER.setLevel(level)


async def test_records_of_requests_are_written_within_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    for number in range(3):
        LOGGER.info("request", extra={"fields": {"status": number}})
    assert "" == capsys.readouterr().err
    await asyncio.sleep(0.2)
    records = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [0, 1, 2] == [record["status"] for record in records]
    assert {"time", "level", "event", "status"} == set(records[0])


async def test_what_is_worse_is_written_at_once_after_what_came_before(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "text")
    LOGGER.info("request", extra={"fields": {"status": 200}})
    LOGGER.error("failed")
    lines = capsys.readouterr().err.splitlines()
    assert ["request status=200", "failed"] == [line.split(maxsplit=2)[2] for line in lines]


def test_without_a_loop_records_are_written_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "text")
    LOGGER.info("started")
    assert "started" in capsys.readouterr().err


def test_the_level_decides(capsys: pytest.CaptureFixture[str]) -> None:
    configure("warning", "json")
    LOGGER.info("request")
    assert "" == capsys.readouterr().err
    assert logging.WARNING == LOGGER.level


def test_a_trace_names_places_and_the_type_but_not_the_text() -> None:
    try:
        raise KeyError("Canary7316")
    except KeyError as error:
        told = trace(error)
    assert "KeyError" == told[-1]
    assert "test_log.py" in told[0]
    assert "Canary" not in "".join(told)
