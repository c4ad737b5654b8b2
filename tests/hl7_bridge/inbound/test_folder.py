import fcntl
import io
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from hl7_bridge.inbound import folder
from hl7_bridge.inbound.folder import code_of, load, process
from tests.hl7_bridge.made import admission

pytestmark = pytest.mark.anyio


def ack(code: str) -> bytes:
    return f"MSH|^~\\&|C|D|A|B|||ACK|x|P|2.5\rMSA|{code}|1\r".encode()


async def accept(_raw: bytes) -> Sequence[bytes]:
    return [ack("CA"), ack("AA")]


async def refuse(_raw: bytes) -> Sequence[bytes]:
    return [ack("AE")]


def batch(path: Path, count: int = 2) -> Path:
    messages = b"".join(admission(str(number), control_id=str(number)) for number in range(count))
    path.write_bytes(b"FHS|^~\\&\rBHS|^~\\&\r" + messages + b"BTS|%d\rFTS|1\r" % count)
    return path


def names(where: Path) -> list[str]:
    return sorted(path.name for path in where.iterdir())


async def test_an_accepted_file_moves_to_done_with_its_answers(tmp_path: Path) -> None:
    assert await process(batch(tmp_path / "a.hl7"), accept)
    assert names(tmp_path) == ["done"]
    assert names(tmp_path / "done") == ["a.hl7", "a.hl7.ack"]
    assert (tmp_path / "done" / "a.hl7.ack").read_bytes().count(b"MSA|AA|") == 2


async def test_a_file_with_a_refused_message_moves_to_failed(tmp_path: Path) -> None:
    assert not await process(batch(tmp_path / "a.hl7"), refuse)
    assert (tmp_path / "failed" / "a.hl7").exists()


async def test_a_file_that_is_no_batch_moves_to_failed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("good morning")
    assert not await process(path, accept)
    assert (tmp_path / "failed" / "a.txt").exists()


async def test_a_second_file_of_the_same_name_keeps_the_first(tmp_path: Path) -> None:
    for _ in range(2):
        await process(batch(tmp_path / "a.hl7"), accept)
    assert sorted(path.name for path in (tmp_path / "done").glob("*.hl7")) == ["a-2.hl7", "a.hl7"]


async def test_a_file_that_another_process_has_is_left_alone(tmp_path: Path) -> None:
    path = batch(tmp_path / "a.hl7")
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert await process(path, refuse)
    assert path.exists()


async def test_files_still_being_written_and_hidden_ones_wait(tmp_path: Path) -> None:
    fresh, old, hidden = (batch(tmp_path / name) for name in ("fresh.hl7", "old.hl7", ".hidden"))
    for path in (old, hidden):
        os.utime(path, (1, 1))
    assert folder._waiting(tmp_path) == [old]
    assert fresh.exists()


async def test_messages_of_a_file_go_in_their_order() -> None:
    seen: list[bytes] = []

    async def note(raw: bytes) -> Sequence[bytes]:
        seen.append(raw.split(b"|")[9])
        return await accept(raw)

    raw = b"".join(admission("1", control_id=str(number)) for number in range(5))
    answers, whole = await load(io.BytesIO(raw), note)
    assert (seen, whole, len(answers)) == ([b"0", b"1", b"2", b"3", b"4"], True, 5)


@pytest.mark.parametrize(
    ("raw", "code"), [(ack("AE"), "AE"), (b"", ""), (b"junk", ""), (admission("1", control_id="1"), "")]
)
def test_the_code_of_an_acknowledgement(raw: bytes, code: str) -> None:
    assert code_of(raw) == code
