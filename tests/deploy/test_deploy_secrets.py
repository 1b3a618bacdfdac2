"""Secrets by reference on Nuclio: deployed, planned and kept as a reference, followed where the
function runs, and said by name where they are not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import pelton
from pelton.builders.errors import BuildError
from pelton.builders.nuclio_spec import function_config
from pelton.cli import command
from pelton.deploy.errors import CannotPlan
from pelton.deploy.kinds.nuclio_function import NuclioFunction
from pelton.deploy.planning import make_plan
from pelton.deploy.wants.nuclio import refuse_secrets_on_docker
from pelton.handlers.function import Function
from pelton.pytest_plugin import RunningEmulator

from .. import plain

APP = """
import pelton

app = pelton.App("vault")

@app.function(
    environment={
        "DB_PASSWORD": pelton.secret("shop/db", field="password"),
        "KEY": pelton.secret("api-key"),
    },
    triggers=[pelton.http("POST", "/")],
    nuclio=pelton.Nuclio(package="sourceCode"),
)
def tell(event: pelton.Event, context: pelton.Context) -> str:
    return context.secret("DB_PASSWORD")[::-1] + " " + context.secrets["KEY"][::-1]
"""
PASSWORD, KEY = "hunter-2-hunter", "sesame-open-sesame"


def function(**environment: str) -> Function[..., Any]:
    app = pelton.App("vault")

    @app.function(environment=environment)
    def tell(event: pelton.Event) -> str:
        return ""

    return app.functions["tell"]


def test_a_secret_is_a_reference_from_code_to_worker(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    (tmp_path / "vault_app.py").write_text(APP)
    file = str(tmp_path / "vault_app.py")
    where = ["--endpoint", pelton_emulator.url, "--nuclio-endpoint", pelton_emulator.nuclio_url]

    def run(*words: str) -> Result:
        return CliRunner().invoke(command, [*words, file, "--on", "nuclio", *where])

    early = run("deploy")
    assert early.exit_code == 1
    assert 'CreateContainerConfigError: secret "' in early.output
    secrets = pelton_emulator.client("secretsmanager")
    secrets.create_secret(Name="shop/db", SecretString=json.dumps({"user": "ana"}))
    secrets.create_secret(Name="api-key", SecretString=KEY)
    late = run("deploy")
    assert "couldn't find key password in Secret nuclio/shop-db" in late.output
    secrets.put_secret_value(SecretId="shop/db", SecretString=json.dumps({"password": PASSWORD}))
    said = [run("plan", "--json"), run("deploy"), run("plan")]
    assert [each.exit_code for each in said] == [2, 0, 0], said[1].output
    found = plain.get(f"{pelton_emulator.nuclio_url}/api/functions/tell").json()
    url = f"http://{found['status']['externalInvocationUrls'][0]}/"
    assert plain.post(url).text == f"{PASSWORD[::-1]} {KEY[::-1]}"
    assert {"name": "shop-db", "key": "password"} in [
        each["valueFrom"]["secretKeyRef"] for each in found["spec"]["env"]
    ]
    kept = [each.read_text() for each in (tmp_path / ".pelton" / "state").rglob("*.json")]
    words = ["export", "nuctl", file, "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(command, words).exit_code == 0
    kept += [each.read_text() for each in (tmp_path / "out").rglob("*.y*ml")]
    for text in (json.dumps(found), *kept, *(each.output for each in said)):
        assert PASSWORD not in text and KEY not in text


def test_a_plan_says_where_a_secret_comes_from() -> None:
    have = function_config(function(DB_PASSWORD=pelton.secret("db", field="old")), "", "")["spec"]
    want = function_config(function(DB_PASSWORD=pelton.secret("db", field="new")), "", "")["spec"]
    old = NuclioFunction(name="tell", project="vault", spec=have, app="vault")
    plan = make_plan(
        "vault", [NuclioFunction(name="tell", project="vault", spec=want)], {old.key: old}
    )
    (change,) = plan.steps[0].changes
    assert (change.what, change.old) == ("spec.env.DB_PASSWORD", "key old of the Secret db")
    assert change.new == "key new of the Secret db"
    assert "key old" not in json.dumps(old.remembered()), "a state keeps digests alone"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (pelton.secret("/shop/key", store="ssm"), "a secret by a parameter of AWS"),
        (pelton.secret("arn:aws:secretsmanager:eu-west-1:1:secret:x"), "the ARN of one of AWS"),
        (pelton.secret("käse"), "no Secret of Kubernetes can be called"),
        (pelton.secret("db", field="a b"), "key 'a b', which no Secret of Kubernetes"),
    ],
)
def test_what_no_cluster_has(reference: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        function_config(function(DB=reference), "", "")


def test_nuclio_on_docker_has_no_secrets() -> None:
    secret = function(DB=pelton.secret("db"))
    refuse_secrets_on_docker([secret], lambda: "kube")
    refuse_secrets_on_docker([function(LEVEL="INFO")], lambda: "local")
    with pytest.raises(CannotPlan, match="runs on Docker, which has none"):
        refuse_secrets_on_docker([secret], lambda: "local")
