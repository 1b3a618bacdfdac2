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


def read_source(root: Path, places: Sequence[str]) -> Source:
    """The state of the working copy that `root` is in; places: the user's files in the artifact."""
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return Source()
    remote = _git(root, "config", "--get", "remote.origin.url").decode(errors="replace").strip()
    return Source(commit.decode().strip(), _changes(root, places), _public(remote))


def _changes(root: Path, places: Sequence[str]) -> str:
    """The digest of the difference to the commit, and of shipped files that git does not know."""
    said = _git(root, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--", ".")
    if not said:
        return ""
    total = hashlib.sha256(
        _git(root, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--relative", "--",
             ".")
    )  # fmt: skip
    unknown = _git(root, "ls-files", "--others", "-z", "--", ".").split(b"\0")
    shipped = {place.encode() for place in places}
    new = sorted(each for each in unknown if each in shipped)
    for place in new:
        content = (root / place.decode()).read_bytes()
        total.update(place + b"\0" + hashlib.sha256(content).digest())
    return total.hexdigest() if new or _git(root, "diff", "HEAD", "--name-only", "--", ".") else ""


def _git(root: Path, *words: str) -> bytes:
    """What git says; nothing where there is no git, no working copy or no commit."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, check=False, env=environment
        )
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
