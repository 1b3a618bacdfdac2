"""Building: a second time without a change, and from nothing against SAM's and Chalice's packagers.

One project for all three: 200 files of its own and 30 requirements with native wheels among them.
Each installs from the index without Docker, with its own cache of wheels warm, and asks the index
what there is, with its own cache of that warm.  For the peers both are pip's cache: the wheels as
they were downloaded, and the index's answers.  Ours are a folder of the wheels as they were
downloaded, and uv's cache of the index's answers; no record, lock, manifest or bytecode is there
before.  One row has no bytecode, which the peers do not make, another what a build does by itself:
bytecode of what the function reaches by imports, which of the thirty is none, as in the peers'
apps.  The last row is the size with that of four large ones.
`sam build` leaves a folder and compresses nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from pelton.builders import Artifact, Resolver, Target, build, load_app

from .bench_peers import Missing, environment
from .row import Row

FILES, TIMES, TURNS = 200, 9, 2
# Wheels for an old C library, which the peers insist on for Python 3.11.
REQUIREMENTS = (
    "numpy==1.26.4 pandas==2.2.2 pydantic==2.9.2 orjson==3.10.7 pyyaml==6.0.2 requests==2.32.3 "
    "httpx==0.27.2 rich==13.8.1 click==8.1.7 jinja2==3.1.4 attrs==24.2.0 tenacity==9.0.0 "
    "structlog==24.4.0 jsonschema==4.23.0 boltons==24.0.0 more-itertools==10.5.0 "
    "sortedcontainers==2.4.0 toolz==0.12.1 cachetools==5.5.0 tabulate==0.9.0 humanize==4.10.0 "
    "networkx==3.3 markdown==3.7 beautifulsoup4==4.12.3 xmltodict==0.13.0 pyjwt==2.9.0 "
    "python-slugify==8.0.4 deepdiff==8.0.1 arrow==1.3.0 dnspython==2.6.1"
).split()
PYTHON = f"3.{sys.version_info.minor}"
APP = """
import pelton
{imports}
app = pelton.App("large")

@app.function(requirements={requirements!r}, aws=pelton.Aws(runtime="python{python}"))
def handle(n: int) -> int:
    return n
"""
CHALICE_APP = """
from chalice import Chalice
import chalicelib
app = Chalice(app_name="large")

@app.lambda_function()
def handle(event, context):
    return event
"""
TEMPLATE = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Handle:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: src, Handler: app.handler, Runtime: python{python}}}
"""


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _ours(folder / "ours")
        rows = _again(folder / "ours", folder / "warm")
        for peer, package in (("chalice", _chalice), ("sam", _sam)):
            try:
                rows += _against(peer, package, folder)
            except Missing as missing:
                print(missing, file=sys.stderr)
        return rows


def _ours(root: Path) -> None:
    root.mkdir()
    names = _modules(root, "part")
    imports = "\n".join(f"import {each}" for each in names)
    text = APP.format(imports=imports, requirements=REQUIREMENTS, python=PYTHON)
    (root / "bench_large.py").write_text(text)
    more = "    import numpy, pandas, pydantic, requests\n    return n"
    (root / "bench_importing.py").write_text(text.replace("    return n", more))


def _modules(folder: Path, prefix: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    names = [f"{prefix}_{number:03}" for number in range(FILES - 1)]
    for number, name in enumerate(names):
        body = "".join(f"def f{line}(x):\n    return x + {line + number}\n\n" for line in range(20))
        (folder / f"{name}.py").write_text(body)
    return names


def _cold(root: Path, work: Path, *trim: str, app: str = "bench_large") -> tuple[float, Artifact]:
    """Milliseconds of a build (from nothing, where `work` is new), and what it made."""
    loaded, root = load_app(str(root / f"{app}.py"))
    resolver = Resolver(work / "cache", lock="read")
    began = perf_counter()
    artifact = build(loaded.functions["handle"], Target("lambda", PYTHON), root=root,
                     out=work / "out", resolver=resolver, trim=trim)  # fmt: skip
    return (perf_counter() - began) * 1e3, artifact


def _again(root: Path, work: Path) -> list[Row]:
    """A build without a change: the call, and the whole command with the app's own import."""
    _cold(root, work)
    call = median(_cold(root, work)[0] for _ in range(TIMES))
    pelton = str(Path(sys.executable).with_name("pelton"))
    command = [pelton, "build", "bench_large.py", "--out", str(work / "command")]
    environment = os.environ | {"XDG_CACHE_HOME": str(work / "home")}
    _run(command, root, environment)
    bare = min(_run([sys.executable, "-c", "pass"], root) for _ in range(TIMES))
    whole = min(_run(command, root, environment) for _ in range(TIMES))
    what = f"build without a change, {FILES} files, {len(REQUIREMENTS)} requirements"
    return [
        Row(what, bare, call, "ms", call, 150, "ms"),
        Row("the same, `pelton build` from start to end", bare, whole, "ms", whole - bare, 150,
            "ms over"),
    ]  # fmt: skip


def _against(peer: str, package: Callable[[Path, Path], Path], folder: Path) -> list[Row]:
    """One peer's packager on the same project, once to warm its wheels; then in turns with ours."""
    python, home = environment(peer), folder / peer
    home.mkdir()
    package(home, python)
    times: list[tuple[float, float, float]] = []
    wheels = folder / "warm" / "cache" / "wheels"
    for turn in range(TURNS):
        began = perf_counter()
        packed = package(home, python)
        theirs = (perf_counter() - began) * 1e3
        bare, whole = folder / f"{peer}-{turn}", folder / f"{peer}-{turn}-whole"
        for each in (bare, whole):
            shutil.copytree(wheels, each / "cache" / "wheels")
        ours, _ = _cold(folder / "ours", bare, "bytecode")
        usual, made = _cold(folder / "ours", whole)
        times.append((theirs, ours, usual))
    theirs, ours, usual = (min(each) for each in zip(*times, strict=True))
    size = made.path.stat().st_size / 2**20
    more = _cold(folder / "ours", whole, app="bench_importing")[1].path.stat().st_size / 2**20
    return [
        Row(f"full build, beside {peer}", theirs, ours, "ms", theirs / ours, 3, at_least=True),
        Row(f"the same with bytecode, as it is usual, beside {peer}", theirs, usual, "ms",
            theirs / usual, 3, at_least=True),
        Row(f"its size zipped, bytecode included, beside {peer}", _megabytes(packed), size, "MB",
            size / _megabytes(packed), 1),
        Row(f"the same, importing numpy, pandas, pydantic and requests, beside {peer}",
            _megabytes(packed), more, "MB", more / _megabytes(packed), 1.05),
    ]  # fmt: skip


def _chalice(folder: Path, python: Path) -> Path:
    _modules(folder / "chalicelib", "part")
    (folder / "chalicelib" / "__init__.py").touch()
    (folder / "app.py").write_text(CHALICE_APP)
    (folder / "requirements.txt").write_text("\n".join(REQUIREMENTS))
    (folder / ".chalice").mkdir(exist_ok=True)
    config = {"version": "2.0", "app_name": "large", "stages": {"dev": {}}}
    (folder / ".chalice" / "config.json").write_text(json.dumps(config))
    shutil.rmtree(folder / ".chalice" / "deployments", ignore_errors=True)
    _peer("chalice", [str(python.with_name("chalice")), "package", "out"], folder, python)
    return folder / "out" / "deployment.zip"


def _sam(folder: Path, python: Path) -> Path:
    _modules(folder / "src", "part")
    (folder / "src" / "app.py").write_text("def handler(event, context):\n    return event\n")
    (folder / "src" / "requirements.txt").write_text("\n".join(REQUIREMENTS))
    (folder / "template.yaml").write_text(TEMPLATE.format(python=PYTHON))
    shutil.rmtree(folder / ".aws-sam", ignore_errors=True)
    _peer("sam", [str(python.with_name("sam")), "build"], folder, python)
    return folder / ".aws-sam" / "build" / "Handle"


def _peer(peer: str, command: list[str], folder: Path, python: Path) -> None:
    path = os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])
    quiet = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1", "PATH": path}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False,
                          env=os.environ | quiet, timeout=900)  # fmt: skip
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()
        raise Missing(f"{peer} is left out: {said[-1]:.200}")


def _megabytes(packed: Path) -> float:
    """An archive's size; of a folder, what it would be as one."""
    if packed.is_file():
        return packed.stat().st_size / 2**20
    with tempfile.TemporaryFile() as opened:
        with zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(packed.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(packed))
        return opened.tell() / 2**20


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> float:
    """Milliseconds from spawn to end."""
    began = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, env=environment)
    return (perf_counter() - began) * 1e3
