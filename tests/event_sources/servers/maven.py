"""A server of Java's, from jars that Maven brings once into a folder of ours, each held against the
hash that stands in this repository: what is new there is never run."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pelton-tests", "maven")
REFUSED = 3600.0  # seconds in which one that was refused is not asked for again
PATIENCE = 150.0  # seconds for all of them to come
# The plugin's version is said: another one might copy under other names.
COPY = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
PROJECT = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>pelton.tests</groupId><artifactId>{name}</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>{dependencies}
  </dependencies>
</project>
"""
DEPENDENCY = """
    <dependency>
      <groupId>{0}</groupId><artifactId>{1}</artifactId><version>{2}</version>
      <exclusions>
        <exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>
      </exclusions>
    </dependency>"""


def jars(lock: Path, cache: Path = CACHE) -> Path:
    """The folder with the jars that `lock` lists; the test is skipped where they cannot be had.

    Its name has the list's own hash in it, so that a changed list is a new folder.
    """
    said = lock.read_bytes()
    root = cache / f"{lock.stem}-{hashlib.sha256(said).hexdigest()[:12]}"
    if not (root / ".complete").exists():
        if not shutil.which("mvn"):
            pytest.skip(f"there is no mvn to bring the jars of {lock.stem}: install maven")
        cache.mkdir(parents=True, exist_ok=True)
        with root.with_suffix(".lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # one worker of the tests brings it for all
            if not (root / ".complete").exists():
                _bring(lock.stem, listed(said.decode()), root)
    return root


def listed(lock: str) -> dict[str, str]:
    """Artifacts and their hashes.

    >>> listed("# why\\norg.one:two:3 abc\\n")
    {'org.one:two:3': 'abc'}
    """
    lines = [each.split() for each in lock.splitlines() if each and not each.startswith("#")]
    return {artifact: digest for artifact, digest in lines}


def _bring(name: str, artifacts: dict[str, str], root: Path) -> None:
    refused = root.with_suffix(".refused")
    if refused.exists() and time.time() - refused.stat().st_mtime < REFUSED:
        pytest.skip(f"the jars of {name} could not be had a while ago: remove {refused}")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    if why := _maven(name, artifacts, root):
        refused.touch()
        pytest.skip(f"the jars of {name} cannot be had here: {why}")
    for artifact, digest in artifacts.items():
        _, short, version = artifact.split(":")
        found = hashlib.sha256((root / f"{short}-{version}.jar").read_bytes()).hexdigest()
        assert found == digest, f"{artifact} is not what the list of {name} says: {found}"
    (root / ".complete").touch()


def _maven(name: str, artifacts: dict[str, str], root: Path) -> str:
    """Why they did not come; "" when they are there."""
    project = root / "pom.xml"
    entries = "".join(DEPENDENCY.format(*each.split(":")) for each in artifacts)
    project.write_text(PROJECT.format(name=name, dependencies=entries))
    words = ["mvn", "-B", "-q", "-f", str(project), COPY, f"-DoutputDirectory={root}"]
    try:
        done = subprocess.run(
            words, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"mvn did not end in {PATIENCE:g} s"
    said = done.stdout.decode(errors="replace").strip().splitlines()
    return "" if done.returncode == 0 else (said or ["mvn failed"])[0][:300]
