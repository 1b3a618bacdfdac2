"""Artifacts: the same bytes twice, what they hold, what they refuse."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pelton.builders import Artifact, BuildError, Resolver, Target, build, load_app

APP = """
import pelton
{imports}
app = pelton.App("demo")

@app.function(requirements={requirements!r}, include={include!r}, {more})
def double(n: int) -> int:
    return 2 * n
"""
Make = Callable[..., Artifact]
counter = iter(range(1000))


def wheel(folder: Path, name: str, size: int = 10) -> None:
    """A small pure wheel, written by hand."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": f"x = '{'a' * size}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = ""
    for place, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{place},sha256={digest.decode()},{len(text)}\n"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as out:
        for place, text in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            out.writestr(place, text)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    name = f"made_app_{next(counter)}"

    def make(
        imports: str = "",
        requirements: tuple[str, ...] = (),
        include: tuple[str, ...] = (),
        more: str = "",
        target: Target | None = None,
        cache: str = "cache",
    ) -> Artifact:
        root = tmp_path / "app"
        root.mkdir(exist_ok=True)
        source = APP.format(imports=imports, requirements=requirements, include=include, more=more)
        (root / f"{name}.py").write_text(source)
        app, root = load_app(str(root / f"{name}.py"))
        resolver = Resolver(tmp_path / cache, (tmp_path / "wheels",), offline=True)
        wanted = target or Target("lambda", "3.12")
        function = app.functions["double"]
        return build(function, wanted, root=root, out=tmp_path / cache, resolver=resolver)

    return make


def names(artifact: Artifact) -> set[str]:
    with zipfile.ZipFile(artifact.path) as archive:
        assert archive.testzip() is None
        return set(archive.namelist())


def test_twice_the_same_bytes(make: Make, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    first = make(requirements=("tiny",)).path.read_bytes()
    assert make(requirements=("tiny",), cache="other").path.read_bytes() == first


def test_it_holds_code_parts_and_requirements(make: Make, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "helper.py").write_text("import tiny\n")
    (tmp_path / "app" / "unused.py").write_text("import nothing_here\n")
    (tmp_path / "app" / "data.txt").write_text("data")
    found = names(make("def later():\n    import helper", ("tiny",), ("*.txt",)))
    assert {"helper.py", "data.txt", "tiny.py", "tiny-1.0.dist-info/METADATA"} <= found
    assert {"pelton/__init__.py", "pelton/runtime/aws.py", "pelton_entry_double.py"} <= found
    assert "unused.py" not in found
    assert not any(name.startswith(("pelton/cli", "pelton/serving_graph")) for name in found)


def test_it_imports_with_what_was_shipped(make: Make, tmp_path: Path) -> None:
    artifact = make()
    code = (
        f"import sys; sys.path.insert(0, {str(artifact.path)!r}); import pelton_entry_double as e;"
        "print(e.handler(21, None))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("42", "")


def test_a_missing_module_fails_by_name_and_line(make: Make) -> None:
    with pytest.raises(BuildError, match=r":4: .*'nothing_here'.*requirements"):
        make("def later():\n    import nothing_here")


def test_an_import_that_may_fail_is_left_alone(make: Make) -> None:
    make("try:\n    import nothing_here\nexcept ImportError:\n    pass")


def test_what_the_runtime_brings_is_no_requirement(make: Make) -> None:
    make("def later():\n    import boto3")


def test_an_unknown_requirement_is_refused_with_what_to_do(make: Make) -> None:
    with pytest.raises(BuildError, match="no-such-thing-at-all"):
        make(requirements=("no-such-thing-at-all",))


def test_a_pattern_that_matches_nothing_is_refused(make: Make) -> None:
    with pytest.raises(BuildError, match=r"include='\*\.onnx' matches no file"):
        make(include=("*.onnx",))


def test_a_file_in_a_requirements_place_is_refused(make: Make, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "tiny.py").write_text("")
    with pytest.raises(BuildError, match=r"tiny\.py has the place"):
        make("def later():\n    import tiny", ("tiny",))


@pytest.mark.slow
def test_too_large_is_refused_with_the_package_to_blame(make: Make, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "huge", 251 * 1024 * 1024)
    with pytest.raises(BuildError, match=r"(?s)over Lambda's limit.*huge 1\.0"):
        make(requirements=("huge",))


def test_nuclio_gets_an_archive_with_build_commands(make: Make, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "tiny")
    artifact = make(requirements=("tiny",), target=Target("nuclio", "3.11"))
    assert "tiny.py" not in names(artifact)
    assert artifact.spec is not None
    assert artifact.handler == "pelton_nuclio_double:handler"
    assert artifact.spec["spec"]["build"] == {
        "codeEntryType": "archive",
        "commands": ["pip install tiny==1.0"],
    }


def test_a_trigger_that_nuclio_lacks_is_refused(make: Make) -> None:
    with pytest.raises(BuildError, match="Nuclio has no trigger 's3'"):
        make(more="triggers=[pelton.s3('q')]", target=Target("nuclio", "3.11"))


def test_a_syntax_error_is_placed(tmp_path: Path) -> None:
    (tmp_path / "broken_app.py").write_text("def f(:\n")
    with pytest.raises(BuildError, match=r"broken_app\.py:1: SyntaxError: invalid syntax"):
        load_app(str(tmp_path / "broken_app.py"))


def test_an_error_at_import_is_placed_and_traced_without_our_frames(tmp_path: Path) -> None:
    (tmp_path / "failing_app.py").write_text("import failing_helper\n")
    (tmp_path / "failing_helper.py").write_text("x = 1\ny = x / 0\n")
    with pytest.raises(BuildError) as caught:
        load_app(str(tmp_path / "failing_app.py"))
    said = str(caught.value)
    assert f"{tmp_path}/failing_helper.py:2: ZeroDivisionError: division by zero" in said
    assert 'failing_app.py", line 1' in said
    assert "builders" not in said
    assert "frozen" not in said


def test_a_file_that_would_hide_a_module_is_refused(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("")
    with pytest.raises(BuildError, match="would hide the module 'json'"):
        load_app(str(tmp_path / "json.py"))
