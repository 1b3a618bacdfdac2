"""Secrets and ConfigMaps of folders in functions: the real nuclio-jupyter deploys, as do plain
documents, and the function reads the files and the variables."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from pelton.localstack.lambda_.environment import may_mount

from .nuclio_support import Client, document
from .support import emulator_at

READS = """
import json, os
from pathlib import Path

def handler(context, event):
    told = {name: os.environ[name] for name in ("PASSWORD", "RATE") if name in os.environ}
    base = Path(event.body.decode())
    files = [each for each in base.rglob("*") if each.is_file()]
    told |= {str(e.relative_to(base)): [e.read_text(), e.stat().st_mode & 0o777] for e in files}
    for each in files:
        try:
            each.write_text("other")
            told["written"] = str(each)
        except OSError as error:
            assert error.strerror == "Read-only file system"
    return json.dumps(told)
"""
POD = """
import json, os
from pathlib import Path

def handler(context, event):
    base, names = Path(event.body.decode()), ("POD", "SPACE", "UID", "KIND", "ADDRESS", "NODE")
    (base / "own" / "here").write_text("")
    every, whole = base / "every", base / "all"
    logs = [str(each.relative_to(every)) for each in every.rglob("*") if each.is_file()]
    files = {
        str(each.relative_to(whole)): [
            each.stat().st_mode & 0o777, each.read_text().split("\\n")[0]
        ]
        for each in sorted(whole.rglob("*")) if each.is_file()
    }
    return json.dumps({name: os.environ[name] for name in names} | {"logs": logs, "all": files})
"""
DEPLOYS = """
import sys, nuclio

url, base, code = sys.argv[1:]
refers = {"PASSWORD": {"secretKeyRef": {"name": "db", "key": "password"}}}
spec = nuclio.ConfigSpec(
    mount=nuclio.Volume(f"{base}/db", "db", typ="secret"), external_source_env=refers
)
spec.add_volume(f"{base}/shop", "shop", kind="configMap", name="maps")
nuclio.deploy_code(code, name="jupyter", spec=spec, dashboard_url=url, project="p")
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("cluster")
    for place, content in (("secrets/db/password", "hidden"), ("maps/shop/rate", "7\n")):
        (folder / place).parent.mkdir(parents=True)
        (folder / place).write_text(content)
    options = ("--nuclio-secrets", f"{folder}/secrets", "--nuclio-config-maps", f"{folder}/maps")
    with emulator_at(*options) as emulator:
        made = Client(emulator)
        yield made
        made.close()


@pytest.fixture
def base() -> Iterator[Path]:
    """A place to mount below, which is no folder of the tests' own."""
    made = Path("/var/tmp") / f"pelton-{uuid4().hex[:12]}"
    yield made
    shutil.rmtree(made, ignore_errors=True)


def read(client: Client, name: str, base: Path) -> Any:
    return client.invoke_with(name, str(base).encode()).json()


@pytest.mark.fidelity(
    "Nuclio",
    "nuclio-jupyter 0.13.2: volumes of Secrets and ConfigMaps, external_source_env",
    different="as root; the values are those of the deploy",
)
def test_nuclio_jupyter_mounts(client: Client, base: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DEPLOYS, client.url, str(base), READS],
        capture_output=True, text=True, timeout=110, check=False, env=dict(os.environ),
    )  # fmt: skip
    if not may_mount():
        assert "takes root on Linux" in client.status("jupyter")["message"]
        return
    assert done.returncode == 0, done.stdout + done.stderr
    assert read(client, "jupyter", base) == {
        "PASSWORD": "hidden",
        "db/password": ["hidden", 0o644],
        "shop/rate": ["7\n", 0o644],
    }
    assert [each for each in base.rglob("*") if each.is_file()] == [], "nobody else sees them"
    assert "hidden" not in json.dumps(client.ask("GET", "/functions/jupyter").json())


@pytest.mark.skipif(not may_mount(), reason="mounts take root on Linux")
@pytest.mark.fidelity("Nuclio", "subPath: a file or a folder of a volume at its own place")
def test_plain_documents(client: Client, base: Path) -> None:
    items = [{"key": "rate", "path": "deep/rate.txt", "mode": 0o400}]
    volumes = [
        mounted({"secret": {"secretName": "db"}}, f"{base}/one/secret.txt", subPath="password"),
        mounted({"configMap": {"name": "shop", "items": items}}, f"{base}/maps"),
        mounted({"configMap": {"name": "shop", "items": items}}, f"{base}/deep", subPath="deep"),
        mounted({"secret": {"secretName": "none", "optional": True}}, f"{base}/none"),
    ]
    env = [{"name": "RATE", "valueFrom": {"configMapKeyRef": {"name": "shop", "key": "rate"}}}]
    whole = [{"secretRef": {"name": "none", "optional": True}}]
    wanted = document("plain", READS, volumes=volumes, env=env, envFrom=whole)
    assert client.deploy(wanted)["state"] == "ready", client.status("plain")
    assert read(client, "plain", base) == {
        "RATE": "7\n",
        "one/secret.txt": ["hidden", 0o644],
        "maps/deep/rate.txt": ["7\n", 0o400],
        "deep/rate.txt": ["7\n", 0o400],
    }


@pytest.mark.skipif(not may_mount(), reason="mounts take root on Linux")
@pytest.mark.fidelity(
    "Nuclio",
    "fields of the pod in the environment (fieldRef), in subPathExpr, in downwardAPI and projected "
    "volumes, beside Secrets and ConfigMaps",
    different="the node is this machine, addresses are the emulator's host; resourceFieldRef and "
    "tokens of service accounts are refused",
)
def test_what_a_pod_says_of_itself(client: Client, base: Path) -> None:
    """The usual case: each replica writes to a folder that is named like it."""
    labels = {"path": "deep/labels", "fieldRef": {"fieldPath": "metadata.labels"}, "mode": 0o400}
    sources = [
        {"secret": {"name": "db", "items": [{"key": "password", "path": "secret.txt"}]}},
        {"configMap": {"name": "none", "optional": True}},
        {"downwardAPI": {"items": [labels]}},
    ]
    env = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}}
        for name, field in {
            "POD": "metadata.name",
            "SPACE": "metadata.namespace",
            "UID": "metadata.uid",
            "KIND": "metadata.labels['nuclio.io/class']",
            "ADDRESS": "status.podIP",
            "NODE": "spec.nodeName",
        }.items()
    ]
    volumes = [
        mounted({"projected": {"sources": sources, "defaultMode": 0o440}}, f"{base}/all"),
        mounted({"emptyDir": {}}, f"{base}/own", subPathExpr="logs/$(POD)"),
        mounted({"emptyDir": {}}, f"{base}/every"),
    ]
    assert client.deploy(document("pod", POD, volumes=volumes, env=env))["state"] == "ready", (
        client.status("pod")
    )
    told = read(client, "pod", base)
    client.ask("DELETE", "/functions", {"metadata": {"name": "pod"}})
    uid = told.pop("UID")
    assert UUID(uid) and told == {
        "POD": "nuclio-pod-0",
        "SPACE": "nuclio",
        "KIND": "function",
        "ADDRESS": "127.0.0.1",
        "NODE": socket.gethostname(),
        "logs": ["logs/nuclio-pod-0/here"],
        "all": {
            "deep/labels": [0o400, 'nuclio.io/app="functionres"'],
            "secret.txt": [0o440, "hidden"],
        },
    }


def mounted(kind: dict[str, Any], path: str, **place: Any) -> dict[str, Any]:
    return {"volume": {"name": "v", **kind}, "volumeMount": {"mountPath": path, **place}}


@pytest.mark.parametrize(
    ("kind", "place", "said"),
    [
        ({"secret": {"secretName": "other"}}, {}, 'secret "other" not found: write '),
        ({"configMap": {"name": "shop"}}, {"subPath": "lost"}, "failed to prepare subPath"),
        ({"configMap": {"name": "shop"}}, {"subPath": "../.."}, "must be below the volume"),
        ({"emptyDir": {}}, {"subPathExpr": "$(A)"}, 'subPathExpr $(A): missing value for "A"'),
        ({"emptyDir": {}}, {"subPathExpr": "a", "subPath": "b"}, "are mutually exclusive"),
        ({"projected": {"sources": [{"serviceAccountToken": {}}]}}, {}, "not serviceAccountToken"),
        (
            {"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            {},
            "which replicas share, not metadata.name",
        ),
        (
            {"downwardAPI": {"items": [{"path": "a", "resourceFieldRef": {}}]}},
            {},
            "has no resourceFieldRef (a)",
        ),
    ],
)
def test_what_cannot_be_mounted(
    client: Client, base: Path, kind: dict[str, Any], place: dict[str, Any], said: str
) -> None:
    volumes = [mounted(kind, str(base), **place)]
    status = client.deploy(document("unmounted", volumes=volumes))
    client.ask("DELETE", "/functions", {"metadata": {"name": "unmounted"}})
    assert status["state"] == "error" and said in status["message"], status


def test_a_mode_is_checked(client: Client) -> None:
    volumes = [mounted({"secret": {"secretName": "db", "defaultMode": 512}}, "/a")]
    answer = client.ask("POST", "/functions", document("moded", volumes=volumes))
    assert answer.status_code == 400
    assert "spec.volumes[0].volume.secret.defaultMode must be 0 to 511" in answer.json()["error"]
