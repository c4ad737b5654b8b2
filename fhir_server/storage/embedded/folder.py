"""The data folder of a private mongod: made, locked against a second instance, and reachable by a short socket path.

Spec: https://man7.org/linux/man-pages/man7/unix.7.html (a socket's path has at most 107 bytes)
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from fhir_server.storage.embedded.failure import EmbeddedError, disk_full

SOCKET = "mongod.sock"
_LOCK = "fhir-server.lock"
_MONGOD_LOCK = "mongod.lock"
_LONGEST_SOCKET_PATH = 107
_LOG_BYTES = 5_000_000
_ROOM_BYTES = 150 * 1024 * 1024
"""An empty database takes about 100 MB for its journal; below this MongoDB dies in ways that help nobody."""

_LEAVING_S, _LOOK_EVERY_S = 10.0, 0.05


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that this process owns until `release`; `alias` is a private folder with a short path to it."""

    path: Path
    lock: TextIO
    alias: Path | None

    @property
    def socket(self) -> Path:
        """The path by which clients reach mongod."""
        return (self.path if self.alias is None else self.alias / "data") / SOCKET

    @property
    def log(self) -> Path:
        return self.path / "mongod.log"

    def release(self) -> None:
        """Let the next instance have the folder."""
        if self.alias is not None:
            shutil.rmtree(self.alias, ignore_errors=True)
        self.lock.close()


async def occupy(folder: Path) -> Folder:
    """Return the folder, made if it is not there, and now this process's own.

    Errors: EmbeddedError when another instance has it, it cannot be written, or its disk is full
    """
    path, lock = _opened(folder)
    try:
        if shutil.disk_usage(path).free < _ROOM_BYTES:
            raise disk_full(path)
        await _wait_for_orphan(path)
        _rotate_log(path / "mongod.log")
        return Folder(path, lock, _alias(path))
    except BaseException:
        lock.close()
        raise


def _opened(folder: Path) -> tuple[Path, TextIO]:
    """Return the absolute path of the folder and its lock."""
    path = folder.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path, _locked(path)
    except OSError as error:
        raise EmbeddedError(f"the data folder {path} cannot be used: {error.strerror}") from None


def _locked(path: Path) -> TextIO:
    """Return the lock file, locked by this process: the kernel frees it even after kill -9."""
    lock = (path / _LOCK).open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "?"
        lock.close()
        raise EmbeddedError(
            f"the data folder {path} is in use by process {owner}: stop it, or choose another folder with --data"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


async def _wait_for_orphan(path: Path) -> None:
    """Return when no mongod of an earlier, killed server works in the folder any more."""
    deadline = asyncio.get_running_loop().time() + _LEAVING_S
    while pid := _mongod_in(path):
        if asyncio.get_running_loop().time() > deadline:
            raise EmbeddedError(
                f"the data folder {path} is in use by process {pid} (mongod): stop it, or choose another with --data"
            )
        await asyncio.sleep(_LOOK_EVERY_S)


def _mongod_in(path: Path) -> int | None:
    """Return the process id of a living mongod that has its data here."""
    try:
        pid = int((path / _MONGOD_LOCK).read_text("ascii").strip())
        at_home = Path(f"/proc/{pid}/cwd").resolve() == path.resolve()
        alive = Path(f"/proc/{pid}/comm").read_text("ascii").startswith("mongod")
    except (OSError, ValueError):
        return None
    return pid if at_home and alive else None


def _rotate_log(log: Path) -> None:
    """Keep the log of the last start and little more."""
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _alias(path: Path) -> Path | None:
    """Return a private folder with a link to a data folder whose own path is too long for a socket."""
    if len(os.fsencode(path / SOCKET)) <= _LONGEST_SOCKET_PATH:
        return None
    alias = Path(tempfile.mkdtemp(prefix="fhir-", dir="/tmp"))
    (alias / "data").symlink_to(path)
    return alias
