"""Requirements that are paths: a wheel as it is, an sdist or a project's folder built into one.

A build runs in isolation, by the project's own backend, and is kept by the digest of what went in.
What comes out must run anywhere (`py3-none-any`): native code is not compiled here, since it would
be compiled for this machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotResolve
from .interpreters import interpreter
from .requirements import Requirement
from .requirements.base import canonical
from .tags import rank, tags_of
from .target import Target
from .uv_calls import run_uv

# Beside a project's sources and no part of them; building makes some of these itself.
SKIPPED = frozenset(
    {"__pycache__", "build", "dist", ".git", ".venv", "venv", ".tox", "node_modules"}
)


@dataclass(frozen=True, slots=True)
class Local:
    """A wheel on this machine.

    line: as uv takes it; path: what the user wrote; sha256: of the file that the user wrote, ""
    for a folder; needs: a digest of what a folder's project requires; wheel: the file to install,
    whose own sha256 is `wheel_sha256`
    """

    name: str
    version: str
    file: str
    sha256: str
    path: str
    line: str
    wheel: Path
    wheel_sha256: str
    needs: str = ""


def digest_of_path(path: Path) -> str:
    """The digest of a file, or of a folder's files with their names."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    total = hashlib.sha256()
    for folder, names, files in os.walk(path):
        names[:] = sorted(n for n in names if n not in SKIPPED and not n.endswith(".egg-info"))
        for name in sorted(files):
            each = Path(folder) / name
            if each.is_file() and not name.endswith(".pyc"):
                content = hashlib.sha256(each.read_bytes()).hexdigest()
                total.update(f"{content}  {each.relative_to(path).as_posix()}\n".encode())
    return total.hexdigest()


def local_wheel(
    requirement: Requirement, target: Target, cache: Path, links: Sequence[Path], offline: bool
) -> Local:
    """The wheel of a path; raises `CannotResolve` when it does not run on the target."""
    path = requirement.path
    assert path is not None
    digest = digest_of_path(path)
    wheel = (
        path
        if path.suffix == ".whl"
        else _built(requirement, digest, target, cache, links, offline)
    )
    if len(wheel.name.split("-")) not in (5, 6):
        raise CannotResolve(f"{requirement.where}: {wheel.name} is no wheel's name")
    if rank(wheel.name, target) is None:
        raise CannotResolve(
            f"{requirement.where}: {wheel.name} does not run on {target.says}; give one that is "
            "built for it"
        )
    name, version = wheel.name.split("-")[:2]
    extras = requirement.text.partition("[")[2].partition("]")[0]
    marker = requirement.text.partition(";")[2].strip()
    line = f"{canonical(name)}{f'[{extras}]' if extras else ''} @ {wheel.as_uri()}"
    sha256 = digest if path.is_file() else ""
    if requirement.hashes and sha256 not in requirement.hashes:
        from .errors import Tampered

        raise Tampered(f"{requirement.where}: {path.name} has another sha256 than is pinned for it")
    return Local(
        canonical(name), version, path.name if path.is_file() else "", sha256,
        requirement.text.partition(";")[0].strip(), f"{line} ; {marker}" if marker else line, wheel,
        hashlib.sha256(wheel.read_bytes()).hexdigest(), "" if path.is_file() else needs_of(wheel),
    )  # fmt: skip


def needs_of(wheel: Path) -> str:
    """A digest of a wheel's version and of what it requires: when that changes, so may the rest."""
    with zipfile.ZipFile(wheel) as archive:
        place = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(place).decode("utf-8", "replace").partition("\n\n")[0]
    said = [e for e in text.splitlines() if e.startswith(("Version:", "Requires-", "Provides-"))]
    return hashlib.sha256("\n".join(sorted(said)).encode()).hexdigest()[:16]


def _built(
    requirement: Requirement,
    digest: str,
    target: Target,
    cache: Path,
    links: Sequence[Path],
    offline: bool,
) -> Path:
    folder = cache / "built" / digest[:32]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=folder.parent))
        try:
            _build(requirement, draft, target, links, offline)
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another build was first
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return next(folder.glob("*.whl"))


def _build(
    requirement: Requirement, out: Path, target: Target, links: Sequence[Path], offline: bool
) -> None:
    assert requirement.path is not None
    words = [
        "build",
        "--wheel",
        "--out-dir",
        str(out),
        "--no-python-downloads",
        "--no-create-gitignore",
    ]
    if tool := interpreter(target.python):
        words += ["--python", tool]
    for each in links:
        words += ["--find-links", str(each)]
    words += ["--offline"] if offline else []
    said = run_uv([*words, str(requirement.path)], cwd=requirement.path.parent)
    made = list(out.glob("*.whl"))
    if said.code or not made:
        last = said.cause.strip() or "its backend made no wheel"
        raise CannotResolve(
            f"{requirement.where}: {requirement.text} cannot be built: {last[-600:]}"
        )
    if "py3-none-any" not in tags_of(made[0].name):
        raise CannotResolve(
            f"{requirement.where}: {requirement.text} is compiled for one machine "
            f"({made[0].name}), which {target.says} need not be; build its wheel there, or with "
            "cibuildwheel, and name that by its path"
        )
