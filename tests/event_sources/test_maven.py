"""Jars for tests' servers: what comes is held against the list, and what cannot be had is skipped
at once, with the reason.  A program of ours stands where `mvn` would."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from .servers.maven import jars

BODY = "a jar"
REFUSES = "#!/bin/sh\necho asked >> {asked}\necho '[ERROR] org.one:two:3 is not served'\nexit 1\n"
BRINGS = """\
#!/bin/sh
for word in "$@"; do
  case "$word" in -DoutputDirectory=*) printf 'a jar' > "${word#*=}/two-3.jar" ;; esac
done
"""


def lock(folder: Path, body: str) -> Path:
    path = folder / "one.lock"
    path.write_text(f"# a list\norg.one:two:3 {hashlib.sha256(body.encode()).hexdigest()}\n")
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder of programs, but for the system's own."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    return folder


def mvn(programs: Path, text: str) -> None:
    (programs / "mvn").write_text(text)
    (programs / "mvn").chmod(0o755)


def test_they_come_once(programs: Path, tmp_path: Path) -> None:
    mvn(programs, BRINGS)
    found = jars(lock(tmp_path, BODY), tmp_path / "cache")
    assert (found / "two-3.jar").read_text() == BODY
    mvn(programs, REFUSES.format(asked=tmp_path / "asked"))
    assert jars(lock(tmp_path, BODY), tmp_path / "cache") == found
    assert not (tmp_path / "asked").exists()


def test_another_jar_than_the_lists_is_never_run(programs: Path, tmp_path: Path) -> None:
    mvn(programs, BRINGS)
    for _ in range(2):
        with pytest.raises(AssertionError, match=r"two:3 is not what the list of one says"):
            jars(lock(tmp_path, "another one"), tmp_path / "cache")


def test_one_that_is_refused_is_asked_once_an_hour(programs: Path, tmp_path: Path) -> None:
    mvn(programs, REFUSES.format(asked=tmp_path / "asked"))
    for said in ("cannot be had here: .*two:3 is not served", "a while ago: remove .*refused"):
        with pytest.raises(pytest.skip.Exception, match=said):
            jars(lock(tmp_path, BODY), tmp_path / "cache")
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_without_mvn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception, match="no mvn to bring the jars of one"):
        jars(lock(tmp_path, BODY), tmp_path / "cache")
