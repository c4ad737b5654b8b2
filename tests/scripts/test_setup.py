"""`scripts/setup` on machines that lack something; on this one it has run already, or there would be no pytest."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("bash", "dirname", "id", "touch", "env")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in which nothing is installed, and a PATH with next to nothing on it."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts" / "setup")
    (tmp_path / "bin").mkdir()
    for name in NEEDED:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    return tmp_path


def program(clone: Path, name: str, text: str) -> None:
    path = clone / "bin" / name
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def setup(clone: Path) -> tuple[int, str]:
    environ = {**os.environ, "PATH": str(clone / "bin"), "PYTHON": "python3"}
    command = [str(clone / "scripts" / "setup"), "demo"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stderr


def test_missing_python_is_one_line_and_status_2(clone: Path) -> None:
    assert setup(clone) == (2, "setup: python3 is missing: apt-get install python3 python3-venv\n")


def test_old_python_is_one_line_and_status_2(clone: Path) -> None:
    program(clone, "python3", "exit 1")
    assert setup(clone) == (2, "setup: Python 3.11 or newer is needed (set PYTHON)\n")


def test_missing_debian_packages_are_named_to_who_may_not_install_them(clone: Path) -> None:
    program(clone, "python3", '[[ "$*" != *ensurepip* ]]')
    program(clone, "ldconfig", "echo libssl.so.3")
    (clone / "bin" / "id").unlink()
    program(clone, "id", "echo 1000")
    assert setup(clone) == (
        2,
        "setup: Debian packages are missing: sudo apt-get install python3-venv libcurl4\n",
    )


def test_missing_debian_packages_are_installed_by_root(clone: Path) -> None:
    program(clone, "python3", "true")
    program(clone, "ldconfig", "echo libcurl.so.4")
    (clone / "bin" / "id").unlink()
    program(clone, "id", "echo 0")
    program(clone, "apt-get", 'echo "$*" >>"${0%/*}/asked"; [[ "$*" != *install* ]]')
    status, said = setup(clone)
    assert (status, said) == (2, "setup: installing libssl3\nsetup: apt-get could not install libssl3\n")
    assert (clone / "bin" / "asked").read_text() == "-qq update\n-qq install -y libssl3\n"
