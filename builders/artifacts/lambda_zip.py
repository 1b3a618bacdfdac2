"""`package="zip"`: code and requirements in one archive, as Lambda takes it in one request."""

from __future__ import annotations

from pathlib import Path

from ..archive import digest_of, write_zip
from ..why import refuse_too_large
from .base import Artifact, Content, Kind


def _check(content: Content) -> None:
    refuse_too_large(content.function.name, content.report())


def _write(content: Content, out: Path, cache: Path) -> Artifact:
    path = content.path(out, ".zip")
    sha256 = write_zip(content.whole, path)
    return Artifact(
        function=content.function.name,
        target=content.target,
        path=path,
        sha256=sha256,
        digest=digest_of(content.files),
        handler=f"{content.entry}.handler",
        runtime=f"python{content.target.python}",
        report=content.report(path.stat().st_size),
    )


KIND = Kind("lambda", "zip", True, _check, _write)
