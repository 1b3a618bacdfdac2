"""Where an artifact comes from: commit, uncommitted changes, locks, builder, target.

An in-toto statement with SLSA's provenance predicate, so that others' tools read it.  Nothing that
differs between two builds of the same inputs is in it: no time, no machine, no path.
Sources: in-toto Statement v1, SLSA Provenance v1.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .target import Target


@dataclass(frozen=True, slots=True)
class Source:
    """What the version control says: `commit` "" outside of one; `changes`: the digest of what is
    not committed, "" where all is; `remote`: where it is kept, without names and passwords."""

    commit: str = ""
    changes: str = ""
    remote: str = ""


class WorkingCopy:
    """What git says of the copy that a folder is in, asked once; nothing outside of one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def source(self, places: Sequence[str]) -> Source:
        """Its state for an artifact that has the user's files at these places."""
        if not self._commit:
            return Source()
        return Source(self._commit, self._changes(places), self._remote)

    @cached_property
    def _commit(self) -> str:
        folders = (self._root, *self._root.parents)
        known = "GIT_DIR" in os.environ or any((each / ".git").exists() for each in folders)
        return self._git("rev-parse", "HEAD").decode().strip() if known else ""

    @cached_property
    def _remote(self) -> str:
        said = self._git("config", "--get", "remote.origin.url")
        return _public(said.decode(errors="replace").strip())

    @cached_property
    def _difference(self) -> bytes:
        words = ("--binary", "--no-ext-diff", "--no-textconv", "--relative")
        return self._git("diff", "HEAD", *words, "--", ".") if self._is_changed else b""

    @cached_property
    def _is_changed(self) -> bool:
        words = ("--porcelain=v1", "-z", "--untracked-files=all")
        return bool(self._git("status", *words, "--", "."))

    @cached_property
    def _unknown(self) -> frozenset[bytes]:
        """The files that git does not know, those that it ignores too."""
        return frozenset(self._git("ls-files", "--others", "-z", "--", ".").split(b"\0"))

    def _changes(self, places: Sequence[str]) -> str:
        """The digest of the difference to the commit, and of shipped files unknown to git."""
        if not self._is_changed:
            return ""
        total = hashlib.sha256(self._difference)
        new = sorted(each for each in map(str.encode, places) if each in self._unknown)
        for place in new:
            content = (self._root / place.decode()).read_bytes()
            total.update(place + b"\0" + hashlib.sha256(content).digest())
        return total.hexdigest() if new or self._difference else ""

    def _git(self, *words: str) -> bytes:
        """What git says; nothing where there is no git, no working copy or no commit."""
        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        command = ["git", "-C", str(self._root), *words]
        try:
            done = subprocess.run(command, capture_output=True, check=False, env=environment)
        except FileNotFoundError:
            return b""
        return done.stdout if done.returncode == 0 else b""


def _public(remote: str) -> str:
    """
    >>> _public("https://me:secret@example.com/a.git"), _public("git@example.com:a.git")
    ('https://example.com/a.git', 'ssh://example.com/a.git')
    >>> _public("/home/me/a.git")
    ''
    """
    if "://" not in remote and "@" in remote and ":" in remote:
        host, _, path = remote.partition("@")[2].partition(":")
        return f"ssh://{host}/{path}"
    parts = urlsplit(remote)
    if parts.scheme not in ("http", "https", "ssh", "git") or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def make_provenance(
    app: str,
    function: str,
    target: Target,
    subjects: Mapping[str, str],
    source: Source,
    locks: Mapping[str, str],
    parameters: Mapping[str, Any],
    version: str,
    packages: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The statement.

    subjects: sha256 by the name of what was made; locks: sha256 by name; parameters: what the
    function's declaration says of the build; version: of pelton; packages: sha256 of each
    requirement's file, by its package URL
    """
    dependencies: list[dict[str, Any]] = []
    if source.commit:
        uri = {"uri": f"git+{source.remote}"} if source.remote else {"name": "source"}
        dependencies.append({**uri, "digest": {"gitCommit": source.commit}})
    if source.changes:
        dependencies.append({"name": "uncommitted changes", "digest": {"sha256": source.changes}})
    dependencies += [
        {"name": name, "digest": {"sha256": digest}} for name, digest in sorted(locks.items())
    ]
    dependencies += [
        {"uri": uri, "digest": {"sha256": digest}}
        for uri, digest in sorted((packages or {}).items())
    ]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": n, "digest": {"sha256": d}} for n, d in sorted(subjects.items())],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:pelton:build:v1",
                "externalParameters": {
                    "app": app, "function": function, "target": asdict(target), **parameters,
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": "urn:pelton:builder", "version": {"pelton": version}},
            },
        },
    }  # fmt: skip
