"""Where requirements come from: each kind of source, read without an index."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.builders import Target
from pelton.builders.errors import CannotResolve
from pelton.builders.requirements import Asked, asked_for
from pelton.builders.requirements.file import logical_lines

TARGET = Target("lambda", "3.12")
A, B = "a" * 64, "b" * 64


def ask(folder: Path, *words: str, target: Target = TARGET) -> Asked:
    return asked_for(words, folder, target, "app.py:3")


def texts(asked: Asked) -> list[str]:
    return [each.text for each in asked.requirements]


def wrong(folder: Path, *words: str) -> str:
    with pytest.raises(CannotResolve) as caught:
        ask(folder, *words)
    return str(caught.value)


def test_a_requirements_file_and_those_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "requirements.txt").write_text(
        "# ours\n"
        "pydantic>=2  # typed\n"
        "numpy==2.0 \\\n"
        f"    --hash=sha256:{A} \\\n"
        f"    --hash=sha256:{B}\n"
        "-r more/other.txt\n"
        "--constraint=limits.txt\n"
        "--extra-index-url https://example.com/simple\n"
        "--find-links wheels\n"
        'uvloop; sys_platform != "win32"\n'
    )
    (tmp_path / "more" / "other.txt").write_text("httpx\n-r third.txt\n")
    (tmp_path / "more" / "third.txt").write_text("six\n")
    (tmp_path / "limits.txt").write_text("httpx<1\n")
    found = ask(tmp_path, "-r requirements.txt", "click")
    assert texts(found) == [
        "pydantic>=2", "numpy==2.0", "httpx", "six", 'uvloop; sys_platform != "win32"', "click",
    ]  # fmt: skip
    assert [each.where for each in found.requirements][:4] == [
        "requirements.txt:2", "requirements.txt:3", "other.txt:1", "third.txt:1",
    ]  # fmt: skip
    assert found.allowed == {"numpy": {A, B}}
    assert found.constraint_texts == ("httpx<1",)
    assert found.options[0] == "--extra-index-url https://example.com/simple"
    assert found.options[1] == f"--find-links {tmp_path / 'wheels'}"
    assert {each.name for each in found.files} == {
        "requirements.txt", "other.txt", "third.txt", "limits.txt",
    }  # fmt: skip
    assert not found.pinned


def test_a_file_with_a_hash_on_every_line_is_a_lock(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        f"six==1.17.0 \\\n    --hash=sha256:{A}\n    # via -r requirements.in\n"
    )
    assert ask(tmp_path, "-r requirements.txt").pinned
    assert not ask(tmp_path, "-r requirements.txt", "click").pinned


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-e ./ours", r"requirements\.txt:1: an editable install .*write './ours' without -e"),
        ("--editable=./ours", r"requirements\.txt:1: an editable install"),
        ("a @ git+https://example.com/a", r"requirements\.txt:1: .*version control.*wheel"),
        ("--global-option=x", r"requirements\.txt:1: the option --global-option has no meaning"),
        ("six --config-settings=x", r"requirements\.txt:1: the option --config-settings of a req"),
        ("six>>1", r"requirements\.txt:1: .*not as pip writes it"),
        ("-r missing.txt", r"requirements\.txt:1: there is no file .*missing\.txt"),
        ("-r requirements.txt", r"requirements\.txt:1: requirements\.txt names itself"),
        ("./missing.whl", r"requirements\.txt:1: there is no \./missing\.whl"),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_its_place(
    line: str, says: str, tmp_path: Path
) -> None:
    import re

    (tmp_path / "requirements.txt").write_text(line + "\n")
    said = wrong(tmp_path, "-r requirements.txt")
    assert re.search(says, said), said


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "deps" / "ours").mkdir(parents=True)
    (tmp_path / "deps" / "ours" / "pyproject.toml").write_text("")
    (tmp_path / "deps" / "requirements.txt").write_text("./ours\n")
    found = ask(tmp_path, "-r deps/requirements.txt")
    assert [each.path for each in found.requirements] == [tmp_path / "deps" / "ours"]
    (tmp_path / "empty").mkdir()
    assert "no pyproject.toml and no setup.py" in wrong(tmp_path, "./empty")


@given(st.lists(st.from_regex(r"[a-z]{1,5}==[0-9]{1,2}", fullmatch=True), max_size=6), st.data())
def test_continued_lines_and_comments_change_nothing(lines: list[str], data: st.DataObject) -> None:
    text = ""
    for line in lines:
        name, version = line.split("==")
        joint = data.draw(st.sampled_from(["", " \\\n  "]))
        end = data.draw(st.sampled_from(["", "  # a==1", " \\\n"]))
        text += f"{name}=={joint}{version}{end}\n"
        text += data.draw(st.sampled_from(["", "\n", "# -r x\n", "   \n"]))
    found = [each.replace(" ", "") for _, each in logical_lines(text)]
    assert found == lines


PYPROJECT = """
[project]
name = "shop"
requires-python = ">=3.11"
dependencies = ["pydantic>=2"]

[project.optional-dependencies]
aws = ["boto3"]
all = ["shop[aws]", "rich"]

[dependency-groups]
serving = ["uvicorn", { include-group = "base" }]
base = ["httptools"]
loop = [{ include-group = "loop" }]
"""


def test_a_pyproject_with_extras_and_groups(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    assert texts(ask(tmp_path, "-r pyproject.toml")) == ["pydantic>=2"]
    assert texts(ask(tmp_path, "-r pyproject.toml[all]")) == ["pydantic>=2", "boto3", "rich"]
    assert texts(ask(tmp_path, "-r pyproject.toml:serving")) == ["uvicorn", "httptools"]
    assert ask(tmp_path, "-r pyproject.toml").requirements[0].where == "pyproject.toml:5"


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("pyproject.toml[gpu]", "has no extra 'gpu'; its extras are aws, all"),
        ("pyproject.toml:gpu", "has no dependency group 'gpu'; its groups are serving, base, loop"),
        ("pyproject.toml:loop", "the dependency group 'loop' includes itself: loop > loop"),
        ("nothing.toml", "there is no file"),
        ("requirements.txt[a]", "requirements.txt has no extras and no groups"),
    ],
)
def test_a_part_that_is_not_there_is_said(word: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "requirements.txt").write_text("")
    assert says in wrong(tmp_path, f"-r {word}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[project\n", "pyproject.toml: Expected ']'"),
        ("[tool.poetry]\n", "has no [project] table; name poetry.lock"),
        ('[project]\ndynamic = ["dependencies"]\n', "leaves its dependencies to the build backend"),
        (
            '[project]\nrequires-python = ">=3.13"\n',
            "pyproject.toml:2: the project requires Python",
        ),
        (
            '[project]\ndependencies = ["a"]\n[tool.uv.sources]\na = { git = "x" }\n',
            "pyproject.toml:2: [tool.uv.sources] takes a from",
        ),
    ],
)
def test_a_pyproject_that_cannot_be_used_is_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert says in wrong(tmp_path, "-r pyproject.toml")


UV_LOCK = f"""
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "shop"
version = "0.1.0"
source = {{ virtual = "." }}
dependencies = [{{ name = "six" }}, {{ name = "tiny", marker = "sys_platform == 'win32'" }}]

[package.optional-dependencies]
aws = [{{ name = "more" }}]

[package.metadata]
requires-dist = [
    {{ name = "six" }},
    {{ name = "tiny", marker = "sys_platform == 'win32'" }},
    {{ name = "more", marker = "extra == 'aws'" }},
]
provides-extras = ["aws"]

[[package]]
name = "six"
version = "1.17.0"
source = {{ registry = "https://pypi.org/simple" }}
wheels = [{{ url = "https://e.io/six-1.17.0-py2.py3-none-any.whl", hash = "sha256:{A}", size = 1 }}]

[[package]]
name = "tiny"
version = "1.0"
source = {{ registry = "https://pypi.org/simple" }}
wheels = [{{ url = "https://e.io/tiny-1.0-py3-none-any.whl", hash = "sha256:{B}", size = 1 }}]

[[package]]
name = "more"
version = "2.0"
source = {{ registry = "https://pypi.org/simple" }}
wheels = [{{ url = "https://e.io/more-2.0-py3-none-any.whl", hash = "sha256:{B}", size = 1 }}]
"""
UV_PROJECT = """
[project]
name = "shop"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["six", "tiny; sys_platform == 'win32'"]
optional-dependencies = { aws = ["more"] }
"""


def test_a_uv_lock_by_uv_s_own_export(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(UV_LOCK)
    assert "there is no pyproject.toml" in wrong(tmp_path, "-r uv.lock")
    (tmp_path / "pyproject.toml").write_text(UV_PROJECT)
    found = ask(tmp_path, "-r uv.lock")
    assert texts(found) == ["six==1.17.0", "tiny==1.0 ; sys_platform == 'win32'"]
    assert found.pinned
    assert found.allowed["six"] == {A}
    assert "more==2.0" in texts(ask(tmp_path, "-r uv.lock[aws]"))
    (tmp_path / "uv.lock").write_text("version = 99\n")
    assert "uv cannot read uv.lock" in wrong(tmp_path, "-r uv.lock")


def test_a_pylock_by_its_markers(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(
        'lock-version = "1.0"\n'
        '[[packages]]\nname = "six"\nversion = "1.17.0"\n'
        f'wheels = [{{ name = "six-1.17.0-py3-none-any.whl", hashes = {{ sha256 = "{A}" }} }}]\n'
        '[[packages]]\nname = "old"\nversion = "1"\nmarker = "python_version < \'3.12\'"\n'
        '[[packages]]\nname = "gpu"\nversion = "1"\nmarker = "\'gpu\' in extras"\n'
    )
    found = ask(tmp_path, "-r pylock.toml")
    assert (texts(found), found.pinned) == (["six==1.17.0"], True)
    older = Target("lambda", "3.11")
    assert "old==1" in texts(ask(tmp_path, "-r pylock.toml", target=older))
    assert "gpu==1" in texts(ask(tmp_path, "-r pylock.toml[gpu]"))
    (tmp_path / "pylock.toml").write_text('lock-version = "2.0"\n')
    assert "lock-version '2.0' is not 1.x" in wrong(tmp_path, "-r pylock.toml")


POETRY_LOCK = f"""
[[package]]
name = "app-lib"
version = "1.2"
files = [{{file = "app_lib-1.2-py3-none-any.whl", hash = "sha256:{A}"}}]

[package.dependencies]
deep = {{version = ">=1", markers = "sys_platform == 'linux'"}}
winonly = {{version = "*", markers = "sys_platform == 'win32'"}}
fast = {{version = "*", optional = true}}

[package.extras]
speed = ["fast (>=1)"]

[[package]]
name = "deep"
version = "3.0"
files = [{{file = "deep-3.0-py3-none-any.whl", hash = "sha256:{B}"}}]

[[package]]
name = "fast"
version = "1.0"
files = []

[[package]]
name = "winonly"
version = "1.0"
files = []

[[package]]
name = "pytest"
version = "8.0"
files = []

[metadata]
lock-version = "2.1"
"""


@pytest.mark.parametrize(
    ("project", "names"),
    [
        (
            '[tool.poetry.dependencies]\npython = "^3.11"\napp-lib = "^1.2"\n'
            '[tool.poetry.group.dev.dependencies]\npytest = "*"\n',
            ["app-lib==1.2", "deep==3.0"],
        ),
        (
            '[project]\nname = "x"\ndependencies = ["app_lib[speed]>=1"]\n',
            ["app-lib==1.2", "deep==3.0", "fast==1.0"],
        ),
    ],
)
def test_a_poetry_lock_from_where_its_project_begins(
    project: str, names: list[str], tmp_path: Path
) -> None:
    (tmp_path / "poetry.lock").write_text(POETRY_LOCK)
    (tmp_path / "pyproject.toml").write_text(project)
    found = ask(tmp_path, "-r poetry.lock")
    assert texts(found) == names
    assert found.pinned
    assert found.allowed["app-lib"] == {A}


def test_a_poetry_group_alone_and_what_the_lock_lacks(tmp_path: Path) -> None:
    (tmp_path / "poetry.lock").write_text(POETRY_LOCK)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.poetry.dependencies]\nunlocked = "*"\n'
        '[tool.poetry.group.dev.dependencies]\npytest = "*"\n'
    )
    assert texts(ask(tmp_path, "-r poetry.lock:dev")) == ["pytest==8.0"]
    assert "has no unlocked for Python 3.12; run `poetry lock`" in wrong(tmp_path, "-r poetry.lock")
