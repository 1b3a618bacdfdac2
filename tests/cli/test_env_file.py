"""`.env`: what local runs find, and where it never goes."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pelton
from pelton.builders import BuildError, Resolver, Target, build, load_app
from pelton.cli.env_file import read, take
from pelton.handlers.errors import PeltonError
from pelton.localstack.lambda_.environment import Account, Places, environment
from pelton.localstack.lambda_.interpreters import own
from pelton.localstack.lambda_.records import Revision

SECRET = "s3cr3t-0f-mine"
APP = """
import os
import pelton

app = pelton.App("shop")

@app.function(environment={"STAGE": "declared"}, include=["*"])
def order() -> list[str | None]:
    return [os.environ.get(name) for name in ("STAGE", "TOKEN", "AWS_LAMBDA_FUNCTION_NAME")]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shop_app.py").write_text(APP)
    (tmp_path / ".env").write_text(
        f"# mine\nexport TOKEN='{SECRET}'\nSTAGE=local\nAT=${{STAGE}}-1\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_shell_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"STAGE": "shell"})
    said = take(None, folder)
    assert os.environ == {"STAGE": "shell", "TOKEN": SECRET, "AT": "shell-1"}
    assert said == f"{folder / '.env'}: TOKEN, AT (set already: STAGE)"


def test_none_is_taken_where_none_is_wanted_or_there(folder: Path, tmp_path: Path) -> None:
    assert take("", folder) == "" == take(None, tmp_path / "elsewhere")
    with pytest.raises(PeltonError, match=r"there is no file prod\.env"):
        take("prod.env", folder)


def test_a_line_that_is_none_is_named_and_not_shown(folder: Path) -> None:
    (folder / ".env").write_text(f"A=1\n{SECRET} is no variable\n")
    with pytest.raises(PeltonError, match=r"\.env:2: this line is no variable") as caught:
        read(folder / ".env")
    assert SECRET not in str(caught.value)


@given(
    st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.text("ab $#=\\", max_size=9))
)
def test_what_is_quoted_comes_back(values: dict[str, str]) -> None:
    quoted = {name: value.replace("\\", "\\\\") for name, value in values.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ".env"
        path.write_text("".join(f"{name}='{value}'\n" for name, value in quoted.items()))
        assert read(path) == values


def test_it_never_ships(folder: Path) -> None:
    app, root = load_app(str(folder / "shop_app.py"))
    made = build(
        app.functions["order"],
        Target("lambda", "3.12"),
        root=root,
        out=folder / "out",
        resolver=Resolver(folder / "cache", offline=True),
    )
    with zipfile.ZipFile(made.path) as archive:
        assert not [name for name in archive.namelist() if ".env" in name]
        assert all(SECRET.encode() not in archive.read(name) for name in archive.namelist())


def test_naming_it_is_refused() -> None:
    app = pelton.App("shop")

    @app.function(include=["conf/.env.local"])
    def order() -> None: ...

    with pytest.raises(BuildError, match="names variables of local runs, which never ship"):
        build(order, Target("lambda", "3.12"), root=Path(__file__).parent, out=Path("out"))


def test_on_the_emulator_the_function_s_own_variables_go_first(tmp_path: Path) -> None:
    revision = Revision(
        "k", "f", "arn", "$LATEST", "eu-west-1", "0" * 12, "python3.12", "m.f", 128, 3,
        {"STAGE": "declared"}, tmp_path, "/aws/lambda/f",
    )  # fmt: skip
    local = {"STAGE": "local", "TOKEN": SECRET, "AWS_REGION": "elsewhere"}
    account = Account("eu-west-1", "http://127.0.0.1:1", local=local)
    found = environment(revision, account, Places("/t", "/r", "/s"), own(), "api", "stream")
    assert (found["STAGE"], found["TOKEN"], found["AWS_REGION"]) == (
        "declared",
        SECRET,
        "eu-west-1",
    )
