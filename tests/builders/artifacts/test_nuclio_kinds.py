"""Nuclio's kinds: an archive, and source code inside the configuration."""

import base64
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pelton.builders import BuildError, Target, function_yaml

from ..support import Maker, names

NUCLIO = Target("nuclio", "3.11")
RUN = """
import sys
sys.path[0:0] = [sys.argv[1], sys.argv[2]]
from pelton_nuclio_double_source import handler, init_context
from pelton.runtime.nuclio_shapes import Context, Event, Logger, Platform, TriggerInfo
class Quiet:
    def __getattr__(self, name): return lambda *a, **k: None
context = Context(Quiet(), Platform("t"), TriggerInfo("http", "http"))
init_context(context)
event = Event(body=21, content_type="application/json", trigger=TriggerInfo("http", "http"))
print(handler.__module__, handler(context, event).body)
"""


def run(folder: Path) -> str:
    command = [sys.executable, "-S", "-I", "-c", RUN, str(folder), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.strip()


def files_in(source: bytes) -> dict[str, bytes]:
    """The files that a function's source code holds."""
    data = source.decode().partition('FILES = """')[2].partition('"""')[0]
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(data))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_source_code_is_one_file_that_runs(maker: Maker, tmp_path: Path) -> None:
    built = maker.build(target=NUCLIO, package="sourceCode")
    assert built.spec is not None
    build = built.spec["spec"]["build"]
    assert (build["codeEntryType"], built.spec["spec"]["handler"]) == (
        "sourceCode",
        "pelton_nuclio_double_source:handler",
    )
    folder = tmp_path / "function"
    folder.mkdir()
    source = base64.b64decode(build["functionSourceCode"])
    (folder / "pelton_nuclio_double_source.py").write_bytes(source)
    assert source == built.path.read_bytes()
    assert run(folder) == "pelton_nuclio_double_source 42"
    laid = [path.name for path in folder.glob(".pelton-*")]
    assert laid == [f".pelton-{built.digest[:16]}"]
    assert run(folder) == "pelton_nuclio_double_source 42", "the next worker takes what is laid"
    assert [path.name for path in folder.glob(".pelton-*")] == laid


def test_source_code_has_every_file_of_the_archive(maker: Maker) -> None:
    (maker.root / "data.txt").write_text("data")
    more = 'include=["data.txt"]'
    archive = maker.build(more=more, target=NUCLIO)
    source = maker.build(more=more, target=NUCLIO, package="sourceCode")
    held = {name for name in names(archive.path) if "__pycache__" not in name}
    ours = set(files_in(source.path.read_bytes()))
    assert {n for n in ours if "artifact_app" not in n} == {
        n for n in held if "artifact_app" not in n
    }
    assert "data.txt" in ours


def test_source_code_too_large_for_the_configuration_is_refused(maker: Maker) -> None:
    import random

    (maker.root / "model.bin").write_bytes(random.Random(1).randbytes(1_000_000))
    with pytest.raises(BuildError, match=r'(?s)over 1\.3 MB.*model\.bin.*package="archive"'):
        maker.build(more='include=["model.bin"]', target=NUCLIO, package="sourceCode")


@pytest.mark.parametrize("package", ["archive", "sourceCode", "image"])
def test_what_the_disk_refuses_is_said_and_leaves_no_draft(maker: Maker, package: str) -> None:
    maker.out.write_text("a file where a folder should be")
    with pytest.raises(BuildError, match=r"function double cannot be written into .*--out"):
        maker.build(target=NUCLIO, package=package)
    assert maker.out.read_text() == "a file where a folder should be"


def test_the_function_yaml_beside_an_archive_is_its_configuration(maker: Maker) -> None:
    built = maker.build(requirements=(), more="environment={'A': 'on'}", target=NUCLIO)
    path = built.beside[0]
    assert function_yaml.read(path) == built.spec
