"""Why a private mongod does not start, in one line that says what to do about it.

Spec: https://www.mongodb.com/docs/manual/reference/exit-codes/
"""

import re
import signal
import subprocess
from pathlib import Path

DEBIAN_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
    "libresolv.so.2": "libc6",
    "libgcc_s.so.1": "libgcc-s1",
}
"""Which Debian or Ubuntu package brings a library that mongod is linked to."""

_LOADER = re.compile(r"error while loading shared libraries: (\S+?):")
_NOT_FOUND = re.compile(r"^\s*(\S+) => not found", re.MULTILINE)
_DISK_FULL = ("No space left on device", '"errno":28', "ENOSPC")
_IN_USE = 100
_TAIL_BYTES = 50_000


class EmbeddedError(Exception):
    """The private MongoDB cannot run; the text is one line for the person at the terminal."""


def explain(binary: Path, folder: Path, log: Path, status: int, stderr: str) -> EmbeddedError:
    """Return why mongod ended with this exit status before it was ready."""
    tail = _tail(log)
    if missing := _LOADER.search(stderr):
        return _libraries(binary, missing[1])
    if "GLIBC_" in stderr:
        return EmbeddedError(f"this system is too old for {binary}: use a newer one, or give --mongo URI")
    if status == -signal.SIGILL:
        return EmbeddedError(f"this processor lacks AVX, which {binary} needs: give --mongo URI of another MongoDB")
    if any(sign in tail for sign in _DISK_FULL):
        return disk_full(folder)
    if status == _IN_USE:
        return EmbeddedError(f"another mongod uses the data folder {folder}, or it may not be written: see {log}")
    return EmbeddedError(f"mongod ended with status {status}: see the end of {log}")


def disk_full(folder: Path) -> EmbeddedError:
    """Return the error for a data folder without room."""
    return EmbeddedError(f"the disk of {folder} is full: free some space, or choose another folder with --data")


def _libraries(binary: Path, first: str) -> EmbeddedError:
    """Return the error that names everything that is missing; the loader itself names only the first."""
    missing = sorted({first, *_unresolved(binary)})
    packages = sorted({DEBIAN_PACKAGES[name] for name in missing if name in DEBIAN_PACKAGES})
    hint = f"on Debian or Ubuntu: apt-get install {' '.join(packages)}" if packages else "install them"
    return EmbeddedError(f"mongod needs {', '.join(missing)}; {hint}; or give --mongo URI")


def _unresolved(binary: Path) -> list[str]:
    try:
        listing = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return _NOT_FOUND.findall(listing.stdout)


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
