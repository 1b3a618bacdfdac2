"""Notebooks as functions: the same as nuclio-jupyter's own exporter makes of them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pelton.builders import BuildError, Target, build, load_app
from pelton.builders.notebook import read_notebook

from .support import names

Cell = str | tuple[str, list[str]]


def notebook(path: Path, cells: list[Cell]) -> Path:
    """A notebook of those cells of code, some with tags."""
    made: list[dict[str, Any]] = []
    for each in cells:
        code, tags = each if isinstance(each, tuple) else (each, [])
        made.append(
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{len(made)}",
                "metadata": {"tags": tags} if tags else {},
                "outputs": [],
                "source": code.splitlines(keepends=True),
            }
        )
    text = {"cell_type": "markdown", "id": "text", "metadata": {}, "source": ["# words"]}
    document = {"cells": [text, *made], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(document))
    return path


CASES: dict[str, list[Cell]] = {
    "plain": [
        "import os\n\n", "def handler(context, event):\n    return 'x'", "", "  a = 1\n  b = 2",
    ],
    "ignored": ["# nuclio: ignore\nx = 1", ("y = 2", ["nuclio-ignore"]), "z = 3", "# mlrun:ignore"],
    "started": [
        "a = 1", "# nuclio: start-code\nb = 2", "c = 3", "# nuclio: end-code\nd = 4", "e = 5",
    ],
    "started at the end": ["a = 1\n# nuclio: start-code", "b = 2", "c = 3\n# nuclio: end-code"],
    "started and ended in one": ["a = 1", "# nuclio: start-code\nb = 2\n# nuclio: end-code\nc = 3"],
    "started twice": [
        "# nuclio: start-code\na = 1", "# nuclio: end-code", "b = 2",
        "# nuclio: start-code\nc = 3", "# nuclio: end-code", "d = 4",
    ],
    "ended alone": ["a = 1", "b = 2\n# nuclio: end-code", "c = 3"],
    "another's name": ["# nuclio: start-code other\na = 1", "# nuclio: end-code other", "b = 2"],
    "lines": [
        "%nuclio cmd -c pip install tiny\n%nuclio env -c A=1\n%nuclio env -l B=2\nx = 1\n# said",
        "%nuclio config spec.maxReplicas = 5\n%nuclio config spec.build.baseImage = \"python:3\"",
        "%nuclio config spec.build.commands += \"apt-get update\"\n# %nuclio cmd no\ny = 2",
        "%matplotlib inline\n!ls\nz = 3\n%nuclio show",
    ],
    "cells": [
        "%%nuclio cmd -c\npip install a\n\n# not this\npip install b",
        "%%nuclio env\nC=3\n# not this\nD=a=b\nC=4",
        "%%nuclio config\nspec.triggers.web.kind = \"http\"\nspec.triggers.web.maxWorkers = 4\n"
        "metadata.labels.team = \"vision\"\nspec.env += [{\"name\": \"E\", \"value\": \"5\"}]",
        "x = 1\n%%nuclio config spec.runtime = \"python:3.11\"",
    ],
    "handlers": [
        "%%nuclio handler\nx = event.body\nif not x:\n    'none'  # nuclio: return\n\nx\n# end",
        "%%nuclio handler second\nreturn 1",
        "%%nuclio handler\n'third'",
    ],
    "volumes": [
        "%nuclio mount /data ~/shared/data -k key",
        "%nuclio mount -t pvc -n disk /disk claim\n%nuclio mount -t secret /s mine",
    ],
}  # fmt: skip


def exported(paths: list[Path], folder: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """What nuclio-jupyter's exporter makes of each: its configuration and its code."""
    program = """
import json, sys, nbformat, yaml
import nuclio.export as export
for path in sys.argv[1:]:
    export.handlers.clear(); export.archive_settings = {}; export.env_files.clear()
    name = path.rpartition("/")[2].removesuffix(".ipynb")
    text, _ = export.NuclioExporter().from_notebook_node(
        nbformat.read(path, 4), {"metadata": {"name": name}})
    print(json.dumps(yaml.safe_load(text)))
"""
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    found = {}
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        config = json.loads(line)
        source = config["spec"]["build"].pop("functionSourceCode")
        found[path.stem] = config, base64.b64decode(source).decode()
    return found


def without_header(code: str) -> str:
    first, _, rest = code.partition("\n")
    assert first.startswith("# ")
    return rest


def test_equal_to_what_the_exporter_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V3IO_USERNAME", "ada")
    paths = [notebook(tmp_path / f"{name}.ipynb", cells) for name, cells in CASES.items()]
    theirs = exported(paths, tmp_path)
    for path in paths:
        ours = read_notebook(path)
        config, code = theirs[path.stem]
        assert without_header(ours.code) == without_header(code), path.stem
        assert ours.config == config, path.stem


def test_marks_with_a_name_are_of_the_function_that_has_it(tmp_path: Path) -> None:
    cells: list[Cell] = [
        "a = 1", "# nuclio: start-code one\nb = 2", "# nuclio: end-code one",
        "# nuclio: start-code two\nc = 3", "# nuclio: end-code two",
    ]  # fmt: skip
    path = notebook(tmp_path / "both.ipynb", cells)
    assert [word in read_notebook(path, "two").code for word in ("a =", "b =", "c =")] == [
        False, False, True,
    ]  # fmt: skip


def test_environment_files_come_after_the_cells(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("# words\nA=file\nB=2\n")
    cells: list[Cell] = ["%nuclio env_file a.env\n%nuclio env_file gone.env", "%nuclio env A=cell"]
    found = read_notebook(notebook(tmp_path / "n.ipynb", cells))
    assert found.config["spec"]["env"] == [
        {"name": "A", "value": "file"},
        {"name": "B", "value": "2"},
    ]
    assert found.notes == ("%nuclio env_file: gone.env is not there and was left out",)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("x = !ls", r"cell 2: .*'x = !ls'.*nuclio: ignore"),
        ("await f()\nx = %time", "cell 2: "),
        ("%nuclio fly", "cell 2: unknown command %nuclio fly; known are add, cmd"),
        ("%nuclio config spec.x = [", "cell 2: .*is no JSON"),
        ("%nuclio config nothing", "cell 2: 'nothing' sets nothing"),
        ("%nuclio env A", "cell 2: 'A' sets no variable"),
        ("%nuclio mount /a", "takes two places"),
        ("%nuclio mount -t nfs /a /b", "no volume of type 'nfs'"),
        ("%nuclio add -f gone.json", "gone.json is no file"),
        ("%nuclio add -f ../up.json", "is no file below"),
        ("# nuclio: start-code\n# nuclio: start-code", ""),
        ("# nuclio: end-code\n# nuclio: start-code\nx", "end-code before start-code"),
    ],
)
def test_what_cannot_be_is_refused_with_its_cell(tmp_path: Path, cell: str, said: str) -> None:
    (tmp_path / "up.json").write_text("")
    (tmp_path / "in").mkdir()
    path = notebook(tmp_path / "in" / "n.ipynb", [cell])
    if not said:
        read_notebook(path)
        return
    with pytest.raises(BuildError, match=rf"n\.ipynb: .*{said}|n\.ipynb: {said}"):
        read_notebook(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"nbformat": 3}'])
def test_what_is_no_notebook_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "n.ipynb").write_text(text)
    with pytest.raises(BuildError, match=r"n\.ipynb is no notebook"):
        read_notebook(tmp_path / "n.ipynb")


def test_it_builds_as_source_code_and_with_files_as_an_archive(tmp_path: Path) -> None:
    cell = "def handler(context, event):\n    return 'x'\n"
    app, root = load_app(str(notebook(tmp_path / "My Model.ipynb", [cell])))
    (function,) = app.functions.values()
    made = build(function, Target("nuclio", "3.11"), root=root, out=tmp_path / "out")
    assert (function.name, made.package, made.handler) == (
        "my-model", "sourceCode", "handler:handler",
    )  # fmt: skip
    assert made.spec is not None
    source = made.spec["spec"]["build"]["functionSourceCode"]
    assert base64.b64decode(source) == made.path.read_bytes()
    assert yaml.safe_load(made.beside[0].read_text()) == made.spec
    (tmp_path / "m.json").write_text("{}")
    app, root = load_app(str(notebook(tmp_path / "w.ipynb", [cell, "%nuclio add -f m.json -n"])))
    made = build(app.functions["w"], Target("nuclio", "3.11"), root=root, out=tmp_path / "out")
    assert (made.package, names(made.path)) == ("archive", {"handler.py", "m.json", "w.ipynb"})
    with pytest.raises(BuildError, match="is a function of Nuclio; give --to nuclio"):
        build(app.functions["w"], Target("lambda", "3.12"), root=root, out=tmp_path)
