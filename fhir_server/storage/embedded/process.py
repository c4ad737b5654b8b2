"""A private mongod as a child process: one-node replica set, reachable over a unix socket in its folder only.

It never outlives the server: SIGTERM from `stop`, from the terminal's closing, or from the kernel when the server is
killed. Start and stop it from the main thread: the kernel's signal comes when the thread that started it ends.
Spec: https://www.mongodb.com/docs/manual/reference/program/mongod/, https://man7.org/linux/man-pages/man2/prctl.2.html
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from fhir_server.kernel.settings import Settings
from fhir_server.storage.embedded import binary, folder
from fhir_server.storage.embedded.failure import EmbeddedError, explain

_REPLICA_SET = "fhir"
_NOT_YET_INITIALIZED = 94
_START_S, _STOP_S, _LOOK_EVERY_S = 60.0, 30.0, 0.01
_PR_SET_PDEATHSIG = 1

# The socket is named relative to the working folder: the replica set's configuration survives a move of the folder.
_ADDRESS = f"./{folder.SOCKET}"
_OPTIONS = (
    *("--dbpath", "."),
    *("--bind_ip", _ADDRESS, "--nounixsocket", "--filePermissions", "0600"),
    *("--replSet", _REPLICA_SET, "--oplogSize", "256"),
    *("--networkMessageCompressors", "disabled"),  # CVE-2025-14847
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    # A slow query's log line would hold its values: patient data.
    *("--slowms", "2147483647", "--quiet", "--logappend"),
)


@dataclass(frozen=True, slots=True)
class Mongod:
    """A mongod that runs; `uri` is how this and other processes reach it."""

    process: "subprocess.Popen[bytes]"
    home: folder.Folder
    uri: str

    @classmethod
    async def start(cls, settings: Settings) -> "Mongod":
        """Return a mongod that is primary and takes writes, over the folder `settings.data`.

        Errors: EmbeddedError, one line that says what to do
        """
        program = binary.find(settings.mongod)
        if settings.data is None:
            raise EmbeddedError("the private MongoDB needs a data folder: give --data DIR")
        home = await folder.occupy(settings.data)
        try:
            with tempfile.TemporaryFile() as stderr:
                process = _spawn(program, home, settings.mongo_cache_gb, stderr)
                try:
                    await _become_primary(process, program, home, stderr)
                except BaseException:
                    await _end(process)
                    raise
        except BaseException:
            home.release()
            raise
        return cls(process, home, _uri(home))

    async def stop(self) -> None:
        """Shut down cleanly, and release the folder."""
        try:
            await _end(self.process)
        finally:
            self.home.release()


def _uri(home: folder.Folder) -> str:
    return f"mongodb://{quote(str(home.socket), safe='')}/?directConnection=true"


def _spawn(program: Path, home: folder.Folder, cache_gb: float, stderr: IO[bytes]) -> "subprocess.Popen[bytes]":
    command = [str(program), *_OPTIONS, "--logpath", home.log.name, "--wiredTigerCacheSizeGB", str(max(cache_gb, 0.25))]
    try:
        return subprocess.Popen(
            command,
            cwd=home.path,
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,  # the terminal's Ctrl-C is for the server, which then stops its database
            preexec_fn=_dies_with(os.getpid()),
        )
    except OSError as error:
        raise EmbeddedError(f"{program} cannot be started: {error.strerror}") from None


def _dies_with(parent: int) -> Callable[[], None] | None:
    """Return what the child runs before mongod: ask the kernel for SIGTERM at the parent's end."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the kernel was asked
            os._exit(0)

    return ask


async def _become_primary(
    process: "subprocess.Popen[bytes]", program: Path, home: folder.Folder, stderr: IO[bytes]
) -> None:
    """Return when mongod takes writes; the replica set is made at the first start."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _START_S
    while not await _is_primary(home):
        status = process.poll()
        if status is not None:
            stderr.seek(0)
            raise explain(program, home.path, home.log, status, stderr.read().decode("utf-8", "replace"))
        if loop.time() > deadline:
            raise EmbeddedError(f"mongod does not get ready within {_START_S:.0f} s: see the end of {home.log}")
        await asyncio.sleep(_LOOK_EVERY_S)


async def _is_primary(home: folder.Folder) -> bool:
    """Ask once; a client that met mongod before the replica set was made must not be used again."""
    if not await _accepts(home.socket):
        return False
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(_uri(home), serverSelectionTimeoutMS=2_000)
    try:
        hello = await client.admin.command("hello")
        if "setName" not in hello:
            await _initiate(client)
        return bool(hello.get("isWritablePrimary")) and "setName" in hello
    except PyMongoError:
        return False
    finally:
        await client.close()


async def _accepts(socket: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def _initiate(client: "AsyncMongoClient[dict[str, object]]") -> None:
    try:
        await client.admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            return
        members = [{"_id": 0, "host": _ADDRESS}]
        await client.admin.command({"replSetInitiate": {"_id": _REPLICA_SET, "members": members}})


async def _end(process: "subprocess.Popen[bytes]") -> None:
    """Send SIGTERM and wait; a mongod that does not end is killed: its journal keeps what was acknowledged."""
    process.terminate()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _STOP_S
    while process.poll() is None:
        if loop.time() > deadline:
            process.kill()
        await asyncio.sleep(_LOOK_EVERY_S)
