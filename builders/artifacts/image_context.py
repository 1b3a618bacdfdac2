"""The folder that an image is built from: a Dockerfile, requirements and code apart.

The same files give the same folder, on any machine and under any umask: one time, two modes.  Two
parts are two layers of the image, so a change of code leaves the requirements' layer as it is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..content import File, Files
from ..errors import TooLarge
from ..report import Report, human

# 1 January 1980, the first day that a zip can name: the time of everything that is written.
EPOCH = 315_532_800
LIMIT = 10 * 1024**3
CODE, REQUIREMENTS = "code", "requirements"


@dataclass(frozen=True, slots=True)
class Image:
    """How an image is made of a context.

    reference: the name it is built under, `repository:tag`, the tag by content
    parts:     what becomes a layer each: (folder or file of the context, its place in the image)
    command:   what the image runs; base: what it is built on; platform: "linux/amd64" …
    """

    reference: str
    parts: tuple[tuple[str, str], ...]
    command: tuple[str, ...]
    base: str
    platform: str


def platform_of(architecture: str) -> str:
    """An architecture as images say it.

    >>> platform_of("x86_64"), platform_of("arm64")
    ('linux/amd64', 'linux/arm64')
    """
    return f"linux/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(architecture, architecture) }"


def reference(repository: str, app: str, function: str, digest: str) -> str:
    """The name of an image: its tag says whose it is and what is in it.

    >>> reference("", "Shop", "take_in", "0123456789abcdef01234567")
    'pelton/shop:take_in-0123456789abcdef0123'
    """
    return f"{repository or f'pelton/{app.lower()}'}:{function}-{digest[:20]}"


def mode_of(place: str, content: bytes) -> int:
    """A file's mode: what the system runs or loads may be run."""
    runs = content[:4] == b"\x7fELF" or content[:2] == b"#!" or ".so" in place.rpartition("/")[2]
    return 0o755 if runs else 0o644


def laid_out(code: Files, requirements: Files) -> dict[str, File]:
    """The files of a context, code and requirements apart.

    >>> from pelton.builders.content import held
    >>> list(laid_out(held({"a.py": b"1"}), held({"b/c.py": b"2"})))
    ['code/a.py', 'requirements/b/c.py']
    """
    files = {f"{CODE}/{place}": data for place, data in code.items()}
    return files | {f"{REQUIREMENTS}/{place}": data for place, data in requirements.items()}


def write_context(files: Files, folder: Path) -> None:
    """Write a context, in place of the one that was there, when it is whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for place, file in files.items():
            path, content = draft / place, file.read()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(mode_of(place, content))
        for path in (draft, *draft.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
            os.utime(path, (EPOCH, EPOCH))
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def refuse_large_image(function: str, report: Report, base: int = 0) -> None:
    """Raise `TooLarge` with the packages to blame where Lambda would refuse the image.

    base: bytes that the base image has at the least
    """
    if report.unzipped + base <= LIMIT:
        return
    blame = "\n".join(f"  {human(each.size):>9}  {each.name}" for each in report.packages[:8])
    on = f" and {human(base)} of its base image" if base else ""
    raise TooLarge(
        f"function {function} is an image of {human(report.unzipped)}{on}, over Lambda's limit of "
        f"10 GB; the largest packages:\n{blame}\n"
        "Leave out a requirement, split the function, or fetch models when it starts."
    )
