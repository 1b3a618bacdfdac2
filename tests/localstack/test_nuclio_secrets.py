"""References of a Nuclio configuration to the cluster's Secrets, as Kubernetes follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from pelton.localstack.nuclio.cluster_secrets import finder, followed
from pelton.localstack.nuclio.errors import DeployFailed

SECRETS = {"shop/db": '{"password": "p", "port": 5432, "no good": "x"}', "plain": "text"}
DB = {"name": "shop-db", "key": "password"}


async def call(service: str, target: str, members: dict[str, Any]) -> dict[str, Any]:
    """Secrets Manager with a secret a page."""
    names = list(SECRETS)
    if target == "secretsmanager.GetSecretValue":
        return {"SecretString": SECRETS[members["SecretId"]]}
    at = int(members.get("NextToken", 0))
    more = {"NextToken": str(at + 1)} if at + 1 < len(names) else {}
    return {"SecretList": [{"Name": names[at]}], **more}


def variables(**spec: Any) -> Mapping[str, str]:
    found = asyncio.run(followed(spec, "nuclio", finder(call)))
    return {each["name"]: each["value"] for each in found}


def refers(**reference: Any) -> list[dict[str, Any]]:
    return [{"name": "A", "valueFrom": {"secretKeyRef": reference}}]


@pytest.mark.fidelity(
    "Nuclio",
    "env with valueFrom.secretKeyRef and envFrom with secretRef are followed as on Kubernetes",
    different="the Secrets are those of the emulator's Secrets Manager",
)
def test_references_are_followed() -> None:
    assert variables(env=refers(**DB)) == {"A": "p"}
    assert variables(env=refers(name="plain", key="value")) == {"A": "text"}
    assert variables(env=refers(name="none", key="k", optional=True)) == {}
    whole = [{"prefix": "DB_", "secretRef": {"name": "shop-db"}}]
    assert variables(envFrom=whole) == {"DB_password": "p", "DB_port": "5432"}
    assert variables(envFrom=[{"secretRef": {"name": "none", "optional": True}}]) == {}
    over = variables(envFrom=whole, env=[{"name": "DB_port", "value": "1"}])
    assert over["DB_port"] == "1", "env is over envFrom"


@pytest.mark.fidelity(
    "Nuclio",
    "a Secret or a key that is absent is a container that cannot be made, and the deploy says so",
)
@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"env": refers(name="none", key="k")}, 'secret "none" not found'),
        ({"env": refers(name="shop-db", key="k")}, "couldn't find key k in Secret nuclio/shop-db"),
        ({"envFrom": [{"secretRef": {"name": "none"}}]}, 'secret "none" not found'),
        ({"envFrom": [{"configMapRef": {"name": "c"}}]}, "Secrets .secretRef. alone"),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]}, "follows secretKeyRef alone"),
    ],
)
def test_what_is_absent_is_named(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(DeployFailed, match=said):
        variables(**spec)
