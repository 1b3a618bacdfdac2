"""`package="archive"`: all files as a zip that Nuclio fetches; it installs the requirements itself.

Written with it: its function.yaml, which `nuctl deploy --file` takes.
"""

from __future__ import annotations

from pathlib import Path

from .. import function_yaml, nuclio_spec
from ..archive import digest_of, write_zip
from .base import Artifact, Content, Kind


def _check(content: Content) -> None:
    nuclio_spec.function_config(content.function, "", "")


def _write(content: Content, out: Path, cache: Path) -> Artifact:
    path = content.path(out, ".zip")
    sha256 = write_zip(content.whole, path)
    handler, runtime = f"{content.entry}:handler", f"python:{content.target.python}"
    spec = nuclio_spec.function_config(content.function, handler, runtime, content.installed.pins)
    yaml = content.path(out, ".yaml")
    function_yaml.write(spec, yaml)
    return Artifact(
        function=content.function.name,
        target=content.target,
        path=path,
        sha256=sha256,
        digest=digest_of(content.files),
        handler=handler,
        runtime=runtime,
        report=content.report(path.stat().st_size),
        spec=spec,
        build_commands=tuple(nuclio_spec.build_commands(content.installed.pins)),
        package="archive",
        beside=(yaml,),
    )


KIND = Kind("nuclio", "archive", False, _check, _write)
