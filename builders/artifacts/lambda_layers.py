"""`package="layers"`: code in a small archive, what its requirements bring in a layer beside it.

A layer is named by its content, so functions with the same requirements share one, and a change of
code uploads the code alone.  Sources: AWS's pages on layers (`python/` is on the search path, five
layers a function, 250 MB unzipped together with the code).
"""

from __future__ import annotations

from pathlib import Path

from ..archive import digest_of, write_zip
from ..content import File, Files
from ..errors import BuildError
from ..report import make_report
from ..why import refuse_too_large
from .base import Artifact, Content, Kind, Layer

MOST_LAYERS = 5


def _check(content: Content) -> None:
    refuse_too_large(content.function.name, content.report())
    given = content.function.settings.aws.layers
    own = bool(content.brought(content.files))
    if len(given) + own > MOST_LAYERS:
        raise BuildError(
            f"function {content.function.name} has {len(given)} layers of its own and one for its "
            f"requirements, and Lambda takes {MOST_LAYERS}: leave one of Aws(layers=…) out, or "
            'build it with package="zip"'
        )


def _write(content: Content, out: Path, cache: Path) -> Artifact:
    path = content.path(out, ".zip")
    sha256 = write_zip(content.own(content.whole), path)
    layers = (_layer(content, out, cache),) if content.brought(content.files) else ()
    zipped = path.stat().st_size + sum(each.report.zipped for each in layers)
    return Artifact(
        function=content.function.name,
        target=content.target,
        path=path,
        sha256=sha256,
        digest=digest_of(content.own(content.files)),
        handler=f"{content.entry}.handler",
        runtime=f"python{content.target.python}",
        report=content.report(zipped),
        package="layers",
        layers=layers,
    )


def _layer(content: Content, out: Path, cache: Path) -> Layer:
    digest = digest_of(_laid(content.brought(content.files)))
    name = layer_name(digest)
    path = out / f"{name}.zip"
    files = _laid(content.brought(content.whole))
    sha256 = write_zip(files, path)
    owner = {f"python/{place}": of for place, of in content.installed.owner.items()}
    report = make_report(files, owner, path.stat().st_size)
    runtimes = (f"python{content.target.python}",)
    return Layer(name, path, sha256, digest, runtimes, _architectures(content), report)


def _laid(files: Files) -> dict[str, File]:
    return {f"python/{place}": data for place, data in files.items()}


def layer_name(digest: str) -> str:
    """A layer's name: by its content alone, so that it is published once.

    >>> layer_name("0123456789abcdef0123456789abcdef")
    'pelton-0123456789abcdef0123'
    """
    return f"pelton-{digest[:20]}"


def _architectures(content: Content) -> tuple[str, ...]:
    """Both, where nothing native is in it."""
    if _native(content.brought(content.files)):
        return (content.target.architecture,)
    return ("x86_64", "arm64")


def _native(files: Files) -> bool:
    return any(each.head(4) == b"\x7fELF" for each in files.values())


KIND = Kind("lambda", "layers", True, _check, _write, shared=True)
