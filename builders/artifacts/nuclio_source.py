"""`package="sourceCode"`: one source file inside the function's configuration, as Nuclio has it.

Nothing has to be fetched then, so no bucket is needed.  The file holds all others compressed, and
lays them beside itself when a worker first imports it.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from .. import function_yaml, nuclio_spec
from ..archive import digest_of, zip_bytes
from ..errors import TooLarge
from ..report import human
from ..whole import write_whole
from .base import Artifact, Content, Kind

# A function is one object of Kubernetes, and etcd refuses requests over 1.5 MiB; the rest of the
# configuration needs some of it.  Source: etcd's documentation of --max-request-bytes.
LIMIT = 1_400_000
WIDTH = 96

SOURCE = '''"""Nuclio's way into {app}.{function}, with all files; written by pelton's builder."""

import base64, io, os, sys, tempfile, zipfile
from pathlib import Path

DIGEST = "{digest}"


def _laid() -> str:
    """The folder of the files: beside this one, or in a new one where that cannot be written."""
    beside = Path(__file__).resolve().parent / f".pelton-{{DIGEST}}"
    if beside.is_dir():
        return str(beside)
    files = zipfile.ZipFile(io.BytesIO(base64.b64decode(FILES)))
    try:
        draft = tempfile.mkdtemp(prefix=".pelton-", dir=beside.parent)
    except OSError:
        draft = tempfile.mkdtemp(prefix="pelton-")
        files.extractall(draft)
        return draft
    files.extractall(draft)
    try:
        os.rename(draft, beside)
    except OSError:
        return str(beside) if beside.is_dir() else draft
    return str(beside)


FILES = """
{files}
"""

sys.path.insert(0, _laid())

from {inner} import handler, init_context  # noqa: E402

handler.__module__ = __name__
'''


def _check(content: Content) -> None:
    nuclio_spec.function_config(content.function, "", "")
    size = len(_encoded(_source(content)))
    if size > LIMIT:
        largest = content.report().files[:8]
        blame = "\n".join(f"  {human(each.size):>9}  {each.name}" for each in largest)
        raise TooLarge(
            f"function {content.function.name} is {human(size)} as source code in Nuclio's "
            f"configuration, over {human(LIMIT)}; the largest files:\n{blame}\n"
            'Leave them out, or build it with nuclio=pelton.Nuclio(package="archive").'
        )


def _write(content: Content, out: Path, cache: Path) -> Artifact:
    source = _source(content)
    path = content.path(out, ".py")
    write_whole(path, source)
    handler, runtime = f"{content.entry}_source:handler", f"python:{content.target.python}"
    spec = nuclio_spec.function_config(content.function, handler, runtime, content.installed.pins)
    spec["spec"]["build"] |= {
        "codeEntryType": "sourceCode",
        "functionSourceCode": _encoded(source),
    }
    yaml = content.path(out, ".yaml")
    function_yaml.write(spec, yaml)
    return Artifact(
        function=content.function.name,
        target=content.target,
        path=path,
        sha256=hashlib.sha256(source).hexdigest(),
        digest=digest_of(content.files),
        handler=handler,
        runtime=runtime,
        report=content.report(len(source)),
        spec=spec,
        build_commands=tuple(nuclio_spec.build_commands(content.installed.pins)),
        package="sourceCode",
        beside=(yaml,),
    )


def _source(content: Content) -> bytes:
    data = base64.b64encode(zip_bytes(content.files)).decode()
    lines = "\n".join(data[at : at + WIDTH] for at in range(0, len(data), WIDTH))
    return SOURCE.format(
        app=content.function.app.name,
        function=content.function.name,
        digest=digest_of(content.files)[:16],
        files=lines,
        inner=content.entry,
    ).encode()


def _encoded(source: bytes) -> str:
    return base64.b64encode(source).decode()


KIND = Kind("nuclio", "sourceCode", False, _check, _write, bytecode=False)
