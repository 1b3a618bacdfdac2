"""Servers of Debian's packages, downloaded and unpacked into a folder of ours: nothing is
installed, and nobody has to be root."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pelton-tests", "debian")


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """A folder with the files of `packages`; the test is skipped where they cannot be had."""
    root, made = CACHE / name, CACHE / name / ".complete"
    if made.exists():
        return root
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        pytest.skip(f"there is no {name}, and no apt-get to bring it: install {packages[0]}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker of the tests brings it for all
        if not made.exists():
            shutil.rmtree(root, ignore_errors=True)
            _unpack(_download(CACHE / f"{name}.packages", packages), root)
            made.touch()
    return root


def _download(folder: Path, packages: Sequence[str]) -> Sequence[Path]:
    folder.mkdir(exist_ok=True)
    if not _apt(folder, "download", *packages):
        # The lists of packages are old, or were never there: get some of our own.
        for each in ("lists/partial", "cache/archives/partial"):
            (folder / each).mkdir(parents=True, exist_ok=True)
        lists = ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
        _apt(folder, *lists, "update")
        if not _apt(folder, *lists, "download", *packages):
            pytest.skip(f"Debian's packages cannot be had here: {', '.join(packages)}")
    return sorted(folder.glob("*.deb"))


def _apt(folder: Path, *words: str) -> bool:
    """Whether it did it; a mirror that does not answer is given up."""
    try:
        done = subprocess.run(
            ["apt-get", "-q", "-o", "Acquire::http::Timeout=20", *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _unpack(found: Sequence[Path], root: Path) -> None:
    root.mkdir()
    for each in found:
        subprocess.run(["dpkg", "-x", str(each), str(root)], check=True, capture_output=True)
        each.unlink()
