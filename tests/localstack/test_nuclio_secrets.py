"""A Nuclio configuration's references to Secrets and ConfigMaps, and the files of volumes of them,
as Kubernetes has them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.nuclio.cluster.files import File, files
from pelton.localstack.nuclio.cluster.objects import CONFIG_MAP, SECRET, Cluster, manager
from pelton.localstack.nuclio.cluster.pod import Pod
from pelton.localstack.nuclio.cluster.variables import followed
from pelton.localstack.nuclio.errors import DeployFailed

SECRETS = {"shop/db": '{"password": "p", "port": 5432, "no good": "x"}', "plain": "text"}
POD = Pod({"name": "f", "namespace": "nuclio"})
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
    found = asyncio.run(followed(spec, Cluster(managed=manager(call)), POD))
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
        (
            {"envFrom": [{"configMapRef": {"name": "c"}}]},
            'configmap "c" not found: start the emulator with --nuclio-config-maps FOLDER, which '
            "has c/KEY",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}]},
            'environment A: fieldRef.fieldPath: Unsupported value: "status.phase": supported '
            "values: metadata.name, metadata.namespace",
        ),
        ({"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {}}}]}, "not resourceFieldRef"),
    ],
)
def test_what_is_absent_is_named(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(DeployFailed, match=said):
        variables(**spec)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """The Secret `shop-db` (over the one of Secrets Manager) and the ConfigMap `shop`."""
    for place, content in {
        "secrets/shop-db/password": b"from the folder",
        "secrets/shop-db/..data/password": b"a link's goal",
        "secrets/shop-db/no key": b"x",
        "secrets/outside": b"no folder",
        "maps/shop/rate": b"7",
        "maps/shop/page.html": b"\xff<p>",
    }.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(content)
    folders = {SECRET: tmp_path / "secrets", CONFIG_MAP: tmp_path / "maps"}
    return Cluster(folders, manager(call))


@pytest.mark.fidelity(
    "Nuclio",
    "configMapKeyRef, configMapRef, secretKeyRef, secretRef: Secrets and ConfigMaps in folders "
    "(--nuclio-secrets, --nuclio-config-maps), a file a key",
    different="the same for every namespace; resourceFieldRef is refused",
)
def test_folders_of_objects(cluster: Cluster) -> None:
    spec = {
        "envFrom": [
            {"prefix": "M_", "configMapRef": {"name": "shop"}},
            {"configMapRef": {"name": "none", "optional": True}},
            {"secretRef": {"name": "plain"}},
        ],
        "env": [
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "shop", "key": "rate"}}},
            {"name": "B", "valueFrom": {"secretKeyRef": DB}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {**DB, "optional": True}}},
        ],
    }
    found = {e["name"]: e["value"] for e in asyncio.run(followed(spec, cluster, POD))}
    assert found == {
        "M_rate": "7", "M_page.html": "\ufffd<p>", "value": "text", "A": "7",
        "B": "from the folder",
    }  # fmt: skip
    absent = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "shop", "key": "x"}}}
    with pytest.raises(DeployFailed, match=r"key x in ConfigMap nuclio/shop: write .*/maps/shop/x"):
        asyncio.run(followed({"env": [absent]}, cluster, POD))


def volume(cluster: Cluster | None, **kind: Any) -> dict[str, tuple[bytes, int]]:
    found = asyncio.run(files({"name": "v", **kind}, cluster, POD))
    assert found is not None and all(isinstance(each, File) for each in found)
    return {str(each.path): (each.content, each.mode) for each in found}


@pytest.mark.fidelity(
    "Nuclio",
    "volumes of Secrets and ConfigMaps: items, paths, modes, optional ones; a Secret, a ConfigMap "
    "or a key that is absent fails the deploy with the kubelet's words and what to do",
)
def test_files_of_a_volume(cluster: Cluster) -> None:
    whole = volume(cluster, configMap={"name": "shop"})
    assert whole == {"rate": (b"7", 0o644), "page.html": (b"\xff<p>", 0o644)}
    items = [{"key": "rate", "path": "a/b", "mode": 0o400}, {"key": "page.html", "path": "p"}]
    chosen = volume(cluster, configMap={"name": "shop", "items": items, "defaultMode": 0o600})
    assert chosen == {"a/b": (b"7", 0o400), "p": (b"\xff<p>", 0o600)}
    secret = volume(cluster, secret={"secretName": "shop-db"})
    assert secret == {"password": (b"from the folder", 0o644)}
    assert volume(cluster, secret={"secretName": "plain"}) == {"value": (b"text", 0o644)}
    assert volume(cluster, secret={"secretName": "none", "optional": True}) == {}
    lost = [{"key": "lost", "path": "l"}, {"key": "rate"}]
    kept = volume(cluster, configMap={"name": "shop", "items": lost, "optional": True})
    assert list(kept) == ["rate"]
    assert asyncio.run(files({"name": "v", "emptyDir": {}}, cluster, POD)) is None


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"secret": {"secretName": "none"}}, 'secret "none" not found: write .*/secrets/none/KEY'),
        ({"secret": {"secretName": "../secrets/shop-db"}}, "not found"),
        ({"secret": {"secretName": "outside"}}, 'secret "outside" not found'),
        ({"configMap": {"name": "none"}}, 'configmap "none" not found: write .*/maps/none/KEY'),
        (
            {"configMap": {"name": "shop", "items": [{"key": "x", "path": "x"}]}},
            "references non-existent config key: x: write .*/maps/shop/x",
        ),
        (
            {"secret": {"secretName": "shop-db", "items": [{"key": "x", "path": "x"}]}},
            "references non-existent secret key: x",
        ),
        (
            {"configMap": {"name": "shop", "items": [{"key": "rate", "path": "../x"}]}},
            "must be below the volume",
        ),
    ],
)
def test_a_volume_that_cannot_be_set_up(cluster: Cluster, kind: dict[str, Any], said: str) -> None:
    with pytest.raises(DeployFailed, match=f'SetUp failed for volume "v" : .*{said}'):
        volume(cluster, **kind)


def test_docker_has_none() -> None:
    with pytest.raises(DeployFailed, match="Docker has no configMap"):
        volume(None, configMap={"name": "shop"})
