"""`hl7-bridge outgoing`."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from hl7_bridge.cli import main
from hl7_bridge.cli.command_line import parser
from hl7_bridge.outbound.delivery import Outgoing, SqliteOutbox, State


async def queued(path: Path) -> None:
    outbox = SqliteOutbox(path)
    for partner in ("lab", "ward"):
        one = Outgoing(
            control_id=f"A-{partner}",
            partner=partner,
            subject="Patient/1/_history/1",
            queued=datetime(2024, 3, 5, tzinfo=UTC),
        )
        await outbox.put(partner, [one], "1")
        await outbox.note(replace(one, state="refused", reason="AR"))
    await outbox.close()


@pytest.fixture
def outbox(tmp_path: Path) -> str:
    asyncio.run(queued(tmp_path / "queue"))
    return str(tmp_path / "queue")


def test_refused_messages_of_all_partners_are_listed(outbox: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outgoing", "list", "--outbox", outbox]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "A-lab  lab  Patient/1/_history/1  2024-03-05T00:00:00+00:00  AR",
        "A-ward  ward  Patient/1/_history/1  2024-03-05T00:00:00+00:00  AR",
    ]


def test_those_of_one_partner_are_listed(outbox: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outgoing", "list", "--outbox", outbox, "--partner", "ward"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["A-ward"]


def test_a_refused_message_waits_once_more(outbox: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outgoing", "again", "A-lab", "--outbox", outbox]) == 0
    assert main(["outgoing", "again", "A-lab", "--outbox", outbox]) == 1
    assert main(["outgoing", "list", "--outbox", outbox, "--state", "waiting"]) == 0
    assert "A-lab" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["again"], "say which one"), (["list"], "there is no queue"), (["again", "A"], "there is no queue")],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["outgoing", *words, "--outbox", str(tmp_path / "none")]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_queue_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("x" * 5000)
    assert main(["outgoing", "list", "--outbox", str(tmp_path / "text")]) == 2
    assert "the queue cannot be read" in capsys.readouterr().err


def test_a_message_that_is_dropped_is_sent_no_more_until_a_person_wants_it(
    outbox: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outgoing", "drop", "A-lab", "--outbox", outbox]) == 0
    assert main(["outgoing", "drop", "A-lab", "--outbox", outbox]) == 1
    assert main(["outgoing", "list", "--outbox", outbox, "--state", "dropped"]) == 0
    assert "A-lab" in capsys.readouterr().out
    assert main(["outgoing", "again", "A-lab", "--outbox", outbox]) == 0


def test_every_state_of_a_message_can_be_listed() -> None:
    for state in get_args(State):
        assert parser().parse_args(["outgoing", "list", "--state", state]).state == state


def test_a_server_that_does_not_answer_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outgoing", "list", "--server", "http://127.0.0.1:9/hl7/v2"]) == 2
    assert "nobody answers at http://127.0.0.1:9/hl7/v2" in capsys.readouterr().err
