"""Environments: layers over what the code says, typed, checked, and each value with its origin."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pelton import App, Aws, Graph, secret, steps
from pelton.cli import command
from pelton.deploy.environments import environment_of, overlay
from pelton.deploy.errors import WrongSettings
from pelton.deploy.settings_file import parse, read_settings

TOML = """
app = "app.py"
region = "eu-west-1"
memory = 256
[tags]
team = "shop"
[functions.score]
timeout = 20
environment = { MODEL = "base", DB = { secret = "shop/db", field = "password" } }
[env.dev]
prefix = "dev-"
log_days = 7
functions.score.environment.MODEL = "dev"
[env.prod]
region = "eu-central-1"
role = "arn:aws:iam::1:role/prod"
functions.score.memory = 2048
"""


def shop() -> App:
    app = App("shop")

    @app.function(memory=512, environment={"LEVEL": "INFO", "MODEL": "code"}, tags={"a": "b"})
    def score(n: int) -> int:
        return n

    @app.function(aws=Aws(role="arn:aws:iam::1:role/mine"))
    def other(n: int) -> int:
        return n

    return app


def layered(name: str, text: str = TOML, **options: str) -> Any:
    return overlay(shop(), parse(tomllib.loads(text)), name, options)


def test_each_layer_lies_over_the_one_before() -> None:
    dev = layered("dev")
    score = dev.app.functions["dev-score"]
    assert (score.name, score.entry, dev.app.name) == ("dev-score", "score", "dev-shop")
    assert (score.settings.memory, score.settings.timeout) == (256, 20)
    assert score.settings.aws.log_days == 7
    assert score.settings.environment == {
        "LEVEL": "INFO",
        "MODEL": "dev",
        "DB": secret("shop/db", field="password"),
    }
    assert score.settings.tags == {"a": "b", "team": "shop"}
    prod = layered("prod")
    assert prod.app.functions["score"].settings.memory == 2048
    assert prod.app.functions["other"].settings.memory == 256
    assert prod.app.functions["other"].settings.aws.role == "arn:aws:iam::1:role/prod"
    assert prod.value("region") == "eu-central-1"


def test_the_command_line_lies_over_all() -> None:
    found = layered("prod", region="us-east-1")
    assert found.values["region"].value == "us-east-1"
    assert found.values["region"].origin == "--region"


def test_each_value_says_where_it_comes_from() -> None:
    functions = layered("dev").functions
    assert functions["score"]["memory"].origin == "pelton.toml: memory"
    assert functions["score"]["environment.MODEL"].origin == (
        "pelton.toml: env.dev.functions.score.environment.MODEL"
    )
    assert functions["score"]["environment.LEVEL"].origin.startswith("test_environments.py:")
    assert functions["other"]["log_days"].origin == "pelton.toml: env.dev.log_days"


def test_what_the_file_says_is_known_to_a_plan_by_function_there() -> None:
    origins = layered("dev").origins
    assert origins["dev-other"]["log_days"] == "pelton.toml: env.dev.log_days"
    assert "environment.LEVEL" not in origins["dev-score"]  # the code's own
    assert origins["dev-score"]["memory"] == "pelton.toml: memory"


def test_the_users_app_stays_as_it_is() -> None:
    app = shop()
    overlay(app, parse(tomllib.loads(TOML)), "dev", {})
    assert list(app.functions) == ["score", "other"]
    assert app.functions["score"].settings.memory == 512


WRONG = {
    "memroy = 1": "pelton.toml: memroy is unknown; did you mean 'memory'?",
    "memory = 'x'": "pelton.toml: memory = 'x' is no whole number",
    "memory = true": "pelton.toml: memory = True is no whole number",
    "memory = 64": "pelton.toml: memory: memory=64 is outside 128 to 10240 MB",
    "env = 3": "pelton.toml: env = 3 is no table",
    "[env.dev]\nmemory = 64": "pelton.toml: env.dev.memory: memory=64 is outside",
    "[env.dev]\nprefx = ''": "pelton.toml: env.dev.prefx is unknown; did you mean 'prefix'?",
    "[env.dev]\nprefix = 'a.b'": "pelton.toml: env.dev.prefix = 'a.b': use up to 32 letters",
    "[functions.scroe]\nmemory = 1": "pelton.toml: functions.scroe: app shop has no function "
    "'scroe'; did you mean 'score'?",
    "[functions.score]\nregion = 'x'": "pelton.toml: functions.score.region is unknown",
    "[environment]\nA = 1": "pelton.toml: environment.A = 1 is no string; write '1'",
    "[environment]\nA = { secrt = 'x' }": "pelton.toml: environment.A.secrt is unknown; did you "
    "mean 'secret'?",
    "[environment]\nA = { secret = 'x', store = 'y' }": "pelton.toml: environment.A: secret store",
    "[environment.dev.function.score]\nmemory = 512": "pelton.toml: environment.dev is a variable: "
    'write a string or { secret = "NAME" }; an environment\'s settings stand in [env.NAME]',
    "[environments.dev]\nmemory = 512": "pelton.toml: environments is unknown; an environment's "
    "settings stand in [env.NAME], a function's in [functions.NAME]",
    "log_days = 2": "pelton.toml: log_days: Aws(log_days=2) is no time",
    "suffix = '-" + "x" * 31 + "'\nprefix = '" + "x" * 32 + "'": "pelton.toml: prefix: app name",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_with_file_and_key(text: str) -> None:
    with pytest.raises(WrongSettings) as caught:
        layered("dev", text if "env" in text.split("]")[0] else f"{text}\n[env.dev]\n")
    assert str(caught.value).startswith(WRONG[text])


def test_an_environment_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="has no environment 'pord'; did you mean 'prod'"):
        layered("pord")
    (tmp_path / ".git").mkdir()
    with pytest.raises(WrongSettings, match=r"write \[env.dev\] into pelton.toml"):
        environment_of(shop(), tmp_path, "dev")


def test_a_graph_over_queues_is_not_renamed() -> None:
    app = App("spread")

    def same(n: int) -> int:
        return n

    def after(n: int) -> int:
        return n

    app.serve(Graph("g", int) >> same >> steps.queue("between") >> after)
    with pytest.raises(WrongSettings, match="is a part of a graph that is spread over queues"):
        overlay(app, parse({"prefix": "dev-"}), "", {})


def test_where_the_file_is(tmp_path: Path) -> None:
    inner = tmp_path / "app"
    inner.mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.pelton]\nmemory = 300\n[tool.pelton.env.a]\n")
    found = read_settings(inner)
    assert found.base.at("memory") == "pyproject.toml: tool.pelton.memory"
    assert found.environments["a"].at("memory") == "pyproject.toml: tool.pelton.env.a.memory"
    (inner / "pelton.toml").write_text("memory = 400\n")
    assert read_settings(inner).base.values == {"memory": 400}
    (tmp_path / "pelton.toml").write_text("")
    with pytest.raises(WrongSettings, match="keep one"):
        read_settings(tmp_path)
    (inner / "pelton.toml").write_text("memory =\n")
    with pytest.raises(WrongSettings, match=r"pelton.toml: Invalid value \(at line 1"):
        read_settings(inner)


def test_the_command_prints_values_and_origins(tmp_path: Path) -> None:
    (tmp_path / "env_app.py").write_text(
        "import pelton\napp = pelton.App('shop')\n@app.function(environment={'API_TOKEN': 'xyz'})\n"
        "def score(n: int) -> int:\n    return n\n"
    )
    (tmp_path / "pelton.toml").write_text('[env.dev]\nprefix = "dev-"\nmemory = 512\n')
    told = CliRunner().invoke(command, ["env", str(tmp_path / "env_app.py"), "dev"])
    assert told.exit_code == 0, told.output
    assert "score, deployed as dev-score:" in told.output
    assert "    memory = 512  (pelton.toml: env.dev.memory)" in told.output
    assert "environment.API_TOKEN = (hidden " in told.output
    assert "xyz" not in told.output


def test_the_command_finds_the_app_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "found_app.py").write_text(
        "import pelton\napp = pelton.App('shop')\n@app.function\ndef score(n: int): return n\n"
    )
    (tmp_path / "pelton.toml").write_text("[env.dev]\nmemory = 512\n")
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(command, ["env", "dev"])
    assert told.exit_code == 0, told.output
    assert "app: found_app.py, the one module here" in told.stderr
    assert "memory = 512  (pelton.toml: env.dev.memory)" in told.stdout


KEYS = st.sampled_from(["memory", "timeout"])
LAYERS = st.lists(st.dictionaries(KEYS, st.integers(200, 800), max_size=2), min_size=4, max_size=4)


@given(LAYERS)
def test_the_last_layer_that_says_it_counts(layers: list[dict[str, int]]) -> None:
    base, own, env, inner = layers
    told = {**base, "functions": {"score": own}}
    told["env"] = {"dev": {**env, "functions": {"score": inner}}}
    settings = overlay(shop(), parse(told), "dev", {}).app.functions["score"].settings
    expected = {"memory": 512, "timeout": 3} | base | own | env | inner
    assert {"memory": settings.memory, "timeout": settings.timeout} == expected


NETWORK = """
vpc = { subnets = ["subnet-2", "subnet-1"], security_groups = ["sg-1"] }
[env.dev]
vpc = false
[env.prod]
functions.other.vpc = { subnets = ["subnet-9"], security_groups = ["sg-9"] }
"""


def test_a_network_by_environment() -> None:
    for name, score, other in (
        ("", ("subnet-1", "subnet-2"), ("subnet-1", "subnet-2")),
        ("dev", None, None),
        ("prod", ("subnet-1", "subnet-2"), ("subnet-9",)),
    ):
        found = layered(name, NETWORK)
        networks = [each.settings.aws.vpc for each in found.app.functions.values()]
        assert [each and each.subnets for each in networks] == [score, other]
    told = layered("prod", NETWORK).document()["functions"]["other"]["vpc"]
    assert told == {
        "value": {"subnets": ("subnet-9",), "security_groups": ("sg-9",)},
        "from": "pelton.toml: env.prod.functions.other.vpc",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vpc = true", "vpc = True is no table"),
        ("vpc = { subnets = ['subnet-1'] }", "has no `security_groups`, a list of ids"),
        ("vpc = { subnet = ['subnet-1'] }", "vpc.subnet is unknown; did you mean 'subnets'"),
        ("vpc = { subnets = [], security_groups = ['sg-1'] }", r"subnets=\[\]\) names none"),
        ("vpc = { subnets = ['main'], security_groups = ['sg-1'] }", "'main' is no id; one begins"),
        ("vpc = { subnets = 'subnet-1', security_groups = ['sg-1'] }", "is no list"),
        (
            "vpc = { subnets = ['subnet-1'], security_groups = ['sg-1','sg-2','sg-3','sg-4','sg-5',"
            "'sg-6'] }",
            r"\(security_groups=...\) has 6, and Lambda takes 5",
        ),
    ],
)
def test_a_network_that_is_none_is_said_with_its_key(text: str, said: str) -> None:
    with pytest.raises(WrongSettings, match=f"pelton.toml: vpc.*{said}|{said}"):
        layered("", text)
