"""How the emulator builds Nuclio functions: where code comes from, build commands, Pythons.

Packages are wheels made here, so that nothing needs a network.
"""

from __future__ import annotations

import asyncio
import http.server
import io
import os
import shutil
import subprocess
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pelton.localstack.lambda_.environment import may_mount
from pelton.localstack.lambda_.interpreters import find, own
from pelton.localstack.nuclio.entries import lay_out
from pelton.localstack.nuclio.entries.entry import Entry
from pelton.localstack.nuclio.environments import UNUSED, Environments
from pelton.localstack.nuclio.errors import DeployFailed
from pelton.localstack.nuclio.remembered import ENVIRONMENT, Remembered
from pelton.localstack.nuclio.steps import recipe
from pelton.localstack.store import Store
from pelton.pytest_plugin import RunningEmulator

from .nuclio_support import Client, document
from .support import emulator_process, until

CODE = "def handler(context, event):\n    return 'from there'\n"
CONFIG = """
spec:
  handler: main:handler
  runtime: python
  env:
  - {name: A, value: theirs}
  - {name: B, value: theirs}
"""
TELLS = """
import os

def handler(context, event):
    return " ".join(os.environ.get(name, "-") for name in ("A", "B"))
"""


@pytest.fixture(scope="module")
def client(module_emulator: RunningEmulator) -> Iterator[Client]:
    made = Client(module_emulator)
    yield made
    made.close()


def wheel(folder: Path, name: str, version: str, code: str) -> Path:
    """A wheel of one module."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", code)
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            "Provides-Extra: more\nRequires-Dist: other; extra == 'more'\n",
        )
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tag)
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def from_entry(name: str, kind: str, path: str = "", **attributes: Any) -> dict[str, Any]:
    build = {"codeEntryType": kind, "path": path, "codeEntryAttributes": attributes}
    return {"metadata": {"name": name}, "spec": {"build": build}}


def zipped(files: dict[str, str]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return memory.getvalue()


@contextmanager
def served(files: dict[str, bytes], word: str = "") -> Iterator[str]:
    """A web server of those files, for who says `word` in Authorization."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = not word or self.headers.get("Authorization") == word
            found = files.get(self.path) if allowed else None
            self.send_response(200 if found is not None else 404 if allowed else 401)
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.fidelity(
    "Nuclio",
    "code entries archive (zip, tar.gz, by URL with headers, workDir), github, git (branch, tag, "
    "reference, workDir), s3; the function.yaml in them",
    different="s3 is the emulator's own",
)
def test_archives(client: Client, tmp_path: Path) -> None:
    files = {
        "main.py": CODE,
        "function.yaml": CONFIG,
        "in/main.py": TELLS,
        "in/function.yaml": CONFIG,
    }
    (tmp_path / "code.zip").write_bytes(zipped(files))
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as tar:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content)
            tar.add(tmp_path / name, name)
    for path in ("code.zip", "code.tar.gz", "in"):
        wanted = from_entry("packed", "archive", f"file://{tmp_path}/{path}")
        assert client.deploy(wanted, "PUT" if path != "code.zip" else "POST")["state"] == "ready"
        assert client.invoke("packed").text == ("theirs theirs" if path == "in" else "from there")
    top = {f"repo-main/{name}": content for name, content in files.items()}
    pages = {"/a.zip": zipped(files), "/org/repo/archive/main.zip": zipped(top)}
    with served(pages, "Bearer word") as url:
        headers = {"Authorization": "Bearer word"}
        wanted = from_entry("packed", "archive", f"{url}/a.zip", headers=headers, workDir="/in")
        wanted["spec"]["env"] = [{"name": "A", "value": "mine"}]
        assert client.deploy(wanted, "PUT")["state"] == "ready"
        assert client.invoke("packed").text == "mine theirs"
        signed = f"{url}/a.zip?X-Amz-Signature=sesame"
        refused = client.deploy(from_entry("packed", "archive", signed), "PUT")
        said = f"the archive {url}/a.zip cannot be fetched: 401 "
        assert refused["state"] == "error" and refused["message"].startswith(said)
        assert "sesame" not in refused["message"]
        hub = from_entry("hub", "github", f"{url}/org/repo", headers=headers, branch="main")
        assert client.deploy(hub)["state"] == "ready"
        assert client.invoke("hub").text == "from there"


def git(folder: Path, *words: str) -> str:
    name = ["-c", "user.name=a", "-c", "user.email=a@b.test", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *name, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_git(client: Client, tmp_path: Path) -> None:
    def commit(said: str) -> str:
        (tmp_path / "main.py").write_text(CODE.replace("from there", said))
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", said)
        return git(tmp_path, "rev-parse", "HEAD")

    git(tmp_path, "init", "-q")
    (tmp_path / "function.yaml").write_text(CONFIG)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "main.py").write_text(TELLS)
    (tmp_path / "deep" / "function.yaml").write_text(CONFIG)
    first = commit("first")
    git(tmp_path, "tag", "v1")
    git(tmp_path, "checkout", "-qb", "side")
    commit("side")
    git(tmp_path, "checkout", "-q", "main")
    commit("last")
    url = f"file://{tmp_path}"
    some: list[tuple[dict[str, str], str]] = [
        ({}, "last"),
        ({"tag": "v1"}, "first"),
        ({"reference": "refs/heads/side"}, "side"),
        ({"reference": first}, "first"),
    ]
    for number, (attributes, said) in enumerate(some):
        (fetched := tmp_path / str(number)).mkdir()
        entry = Entry(from_entry("", "git", url, **attributes)["spec"]["build"], "", {})
        code = asyncio.run(lay_out(entry, fetched)) / "main.py"
        assert code.read_text() == CODE.replace("from there", said)
    for method, attributes, said in (
        ("POST", {"branch": "side"}, "side"),
        ("PUT", {"workDir": "deep"}, "theirs theirs"),
    ):
        status = client.deploy(from_entry("cloned", "git", url, **attributes), method)
        assert status["state"] == "ready", status
        assert client.invoke("cloned").text == said
    for attributes, said in (
        ({"branch": "nowhere"}, "nowhere"),
        ({"branch": "a", "tag": "b"}, "takes one of branch, tag"),
        ({"workDir": "../.."}, "the repository has no folder"),
    ):
        status = client.deploy(from_entry("cloned", "git", url, **attributes), "PUT")
        assert status["state"] == "error" and said in status["message"]
    status = client.deploy(from_entry("cloned", "git", "ext::sh -c date"), "PUT")
    assert status["state"] == "error" and "not allowed" in status["message"]


def test_s3(client: Client, module_emulator: RunningEmulator) -> None:
    bucket = module_emulator.client("s3")
    bucket.create_bucket(Bucket="code")
    files = {"main.py": CODE, "function.yaml": CONFIG}
    bucket.put_object(Bucket="code", Key="a/f.zip", Body=zipped(files))
    wanted = from_entry("stored", "s3", s3Bucket="code", s3ItemKey="a/f.zip")
    assert client.deploy(wanted)["state"] == "ready"
    assert client.invoke("stored").text == "from there"
    gone = client.deploy(from_entry("stored", "s3", s3Bucket="code", s3ItemKey="gone"), "PUT")
    assert gone["state"] == "error" and "s3://code/gone cannot be fetched" in gone["message"]
    half = client.deploy(from_entry("stored", "s3", s3Bucket="code"), "PUT")
    assert half["message"] == "Mandatory field - 's3ItemKey' not given"


def test_an_image_without_a_name_is_refused(client: Client) -> None:
    status = client.deploy(from_entry("imaged", "image"))
    assert (status["state"], status["message"]) == ("error", "spec.image '' is no name of an image")


USES = """
import shutil, subprocess, sys
import tiny

def handler(context, event):
    child = subprocess.run(
        [sys.executable, "-c", "import tiny; print(tiny.VERSION)"], capture_output=True, text=True
    )
    script = subprocess.run(["tiny"], capture_output=True, text=True)
    return f"{tiny.VERSION} {child.stdout.strip()} {script.stdout.strip()}"
"""
TINY = "VERSION = {!r}\ndef main():\n    print('script')\n"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "2.0"):
        wheel(folder, "tiny", version, TINY.format(version))
    wheel(folder, "other", "1.0", "def main(): ...\n")
    return folder


def said(status: Any) -> list[str]:
    return [each["message"] for each in status["logs"]]


@pytest.mark.fidelity(
    "Nuclio",
    "build commands run in an environment of the function's Python, once for the same commands; "
    "directives RUN and ENV",
    different="no image is built: commands run on this machine, `pip` is uv's, and a package "
    "manager of the system is refused by name",
)
def test_build_commands(client: Client, wheels: Path) -> None:
    install = f"pip install --no-index --find-links {wheels} --no-cache-dir"
    status = client.deploy(document("built", USES, build={"commands": [f"{install} tiny==1.0"]}))
    assert status["state"] == "ready", status["message"]
    assert client.invoke("built").text == "1.0 1.0 script"
    again = document("built", USES, build={"commands": [f"{install} tiny==1.0"]})
    assert any("used again" in each for each in said(client.deploy(again, "PUT")))
    changed = ["@nuclio.postCopy", f"python -m {install} \\", "'tiny[more]>=2'"]
    status = client.deploy(document("built", USES, build={"commands": changed}), "PUT")
    assert not any("used again" in each for each in said(status))
    assert client.invoke("built").text == "2.0 2.0 script"
    anew = document("built", USES, build={"commands": changed, "noCache": True})
    assert not any("used again" in each for each in said(client.deploy(anew, "PUT")))


def test_commands_work_beside_the_code(client: Client, wheels: Path, tmp_path: Path) -> None:
    handler = "import other, tiny\ndef handler(c, e):\n    return open('made').read()\n"
    files = {"main.py": handler, "needs.txt": "tiny[more]==1.0\n", "function.yaml": CONFIG}
    (tmp_path / "f.zip").write_bytes(zipped(files))
    wanted = from_entry("beside", "archive", str(tmp_path / "f.zip"))
    run = f"pip install --no-index --find-links {wheels} -r needs.txt && echo $WORD > made"
    wanted["spec"]["build"]["directives"] = {
        "preCopy": [{"kind": "ENV", "value": "WORD=whole"}],
        "postCopy": [{"kind": "RUN", "value": run}],
    }
    for method in ("POST", "PUT"):
        status = client.deploy(wanted, method)
        assert status["state"] == "ready", status["message"]
        assert client.invoke("beside").text == "whole\n"
    assert any("used again" in each for each in said(status))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        ({"commands": ["echo told; exit 3"]}, "ended with code 3:\ntold"),
        ({"commands": ["exit 4"]}, "ended with code 4, and printed nothing"),
        ({"commands": ["pip install 'open"]}, "build command"),
        ({"commands": ["pip install --no-index nothing-here"]}, "nothing-here"),
        ({"commands": ["pip install --flying a"]}, "--flying"),
        ({"commands": ["sleep 60"], "buildTimeoutSeconds": 0.2}, "longer than 0.2 s"),
        ({"commands": ["cd x && apt-get install -y jq"]}, "apt-get would change this machine"),
        ({"directives": {"preCopy": [{"kind": "COPY", "value": "a b"}]}}, "directive COPY"),
        ({"addedPaths": ["/a"]}, "build.addedPaths needs an image"),
        ({"commands": ["pip install nothing-here-either"], "offline": True}, "nothing-here-either"),
    ],
)
@pytest.mark.fidelity("Nuclio", "a build that fails is the state `error`, with what was printed")
def test_a_build_that_fails(client: Client, build: dict[str, Any], words: str) -> None:
    status = client.deploy(document("failing", build=build))
    client.ask("DELETE", "/functions/failing")
    assert status["state"] == "error" and words in status["message"], status["message"]


def test_what_is_about_images_alone_is_told(client: Client) -> None:
    status = client.deploy(document("based", build={"baseImage": "python:3.9"}))
    assert status["state"] == "ready"
    assert any(each.startswith("build.baseImage is about an image") for each in said(status))


VERSION = "import sys\ndef handler(c, e):\n    return '%d.%d' % sys.version_info[:2]\n"


@pytest.mark.parametrize("version", ["3.9", "3.13"])
@pytest.mark.fidelity(
    "Nuclio",
    "a function runs on the Python of its runtime, where the machine has it",
    different="elsewhere on the emulator's own, with a warning in its log",
)
def test_the_python_of_the_runtime(client: Client, wheels: Path, version: str) -> None:
    commands = [f"pip install --no-index --find-links {wheels} tiny==1.0"]
    code = f"import tiny\n{VERSION}"
    name = f"on-{version.replace('.', '-')}"
    wanted = document(name, code, runtime=f"python:{version}", build={"commands": commands})
    status = client.deploy(wanted)
    assert status["state"] == "ready", status["message"]
    if find(version) is None:
        assert any(f"no Python {version} is on this machine" in each for each in said(status))
    else:
        assert client.invoke(name).text == version


def test_a_module_s_own_configuration(client: Client) -> None:
    block = "# @nuclio.configure\n#\n# function.yaml:\n#   spec:\n#     env:\n"
    block += "#     - {name: A, value: inside}\n"
    assert client.deploy(document("inline", block + TELLS))["state"] == "ready"
    assert client.invoke("inline").text == "inside -"
    wrong = document("inline", block.replace("{name: A, value: inside}", "A") + TELLS)
    status = client.deploy(wrong, "PUT")
    assert status["message"] == '@nuclio.configure: spec.env[0] must be an object, not "A"'
    assert client.invoke("inline").text == "inside -"


@pytest.mark.fidelity(
    "Nuclio",
    "projects, functions, events and gateways outlive a kill of the emulator at any moment; a "
    "build that was under way begins again, what was scaled to zero comes back like that",
)
def test_a_kill_in_the_middle(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    stop.touch()
    slow = [f"while [ -e {stop} ]; do sleep 0.05; done; touch done-by-command"]
    options = ("--data-dir", str(tmp_path / "data"))
    with emulator_process(*options) as (emulator, process):
        client = Client(emulator)
        client.ask("POST", "/projects", {"metadata": {"name": "kept"}})
        client.deploy(document("ready"), x_nuclio_project_name="kept")
        labels = {"nuclio.io/function-name": "ready"}
        client.ask("POST", "/function_events", {"metadata": {"name": "e", "labels": labels}})
        spec = {"host": "h.localhost", "upstreams": [{"nucliofunction": {"name": "ready"}}]}
        client.ask("POST", "/api_gateways", {"metadata": {"name": "g"}, "spec": spec})
        client.deploy(document("asleep"))
        client.ask("PATCH", "/functions/asleep", {"desiredState": "scaledToZero"})
        until(lambda: client.status("asleep")["state"] == "scaledToZero")
        building = document("building", build={"commands": slow})
        assert client.ask("POST", "/functions", building).status_code == 202
        until(lambda: client.status("building")["state"] == "building")
        process.kill()
        process.wait()
        client.close()
    stop.unlink()
    with emulator_process(*options) as (emulator, process):
        client = Client(emulator)
        assert "kept" in client.ask("GET", "/projects").json()
        assert list(client.ask("GET", "/function_events").json()) == ["e"]
        for name in ("ready", "building"):
            until(lambda name=name: _is_ready(client, name))  # type: ignore[misc]
            assert client.invoke(name).text == "hello"
        assert client.ask("GET", "/api_gateways/g").json()["status"]["state"] == "ready"
        assert client.ask("GET", "/functions", x_nuclio_project_name="kept").json().keys() == {
            "ready"
        }
        until(lambda: client.status("asleep")["state"] == "scaledToZero")
        assert client.ask("GET", "/functions/asleep/replicas").json() == {"names": []}
        said = [each["message"] for each in client.status("asleep")["logs"]]
        assert "Starting the workers" not in said and "Function is scaled to zero" in said
        assert client.invoke("asleep").text == "hello"
        assert client.status("asleep")["state"] == "ready"
        client.close()


def _is_ready(client: Client, name: str) -> bool:
    status = client.status(name)
    assert status["state"] not in ("error", "unhealthy"), status
    return bool(status["state"] == "ready")


def test_what_a_failed_build_made_is_gone(tmp_path: Path) -> None:
    asked = recipe({"commands": ["touch made", "exit 3"]}, own().release)
    assert asked is not None
    environments = Environments(tmp_path / "environments")
    with pytest.raises(DeployFailed, match="ended with code 3"):
        asyncio.run(environments.made(asked, own(), tmp_path, lambda *_: None))
    assert list((tmp_path / "environments").iterdir()) == []


def test_what_a_kill_left_half_made_is_swept(tmp_path: Path) -> None:
    for name, done in (("whole", True), ("half", False), ("once-used", True)):
        (tmp_path / name).mkdir()
        if done:
            (tmp_path / name / "done").touch()
    Environments(tmp_path).sweep()
    assert [each.name for each in tmp_path.iterdir()] == ["whole"]


@pytest.mark.fidelity(
    "Nuclio",
    "environments of build commands: at a start those go that no function runs in and that were "
    "last used 30 days ago, once every function of the data folder has run",
)
def test_environments_that_nobody_uses(tmp_path: Path) -> None:
    long_ago = time.time() - UNUSED - 60
    for name in ("run-in", "young", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "done").touch()
        if name != "young":
            os.utime(tmp_path / name / "done", (long_ago, long_ago))
    store = Store(tmp_path / "kept" / "nuclio.sqlite")
    known = Remembered(store)
    known.put(ENVIRONMENT, "f", "run-in")

    def left(*functions: str) -> set[str]:
        Environments(tmp_path / "all").sweep(Remembered(store).environments(functions))
        return {each.name for each in (tmp_path / "all").iterdir()}

    (tmp_path / "all").mkdir()
    for name in ("run-in", "young", "old"):
        (tmp_path / name).rename(tmp_path / "all" / name)
    assert left("f", "has-never-run") == {"run-in", "young", "old"}
    assert left("f") == {"run-in", "young"}
    known.forget("f")
    assert left() == {"young"}
    store.close()


def test_what_is_used_again_is_young(tmp_path: Path) -> None:
    asked = recipe({"commands": ["pip install tiny"]}, own().release)
    assert asked is not None
    environments = Environments(tmp_path / "environments")
    made = tmp_path / "environments" / asked.key()
    made.mkdir(parents=True)
    (made / "done").touch()
    os.utime(made / "done", (0, 0))
    found = asyncio.run(environments.made(asked, own(), tmp_path, lambda *_: None))
    environments.sweep(set())
    assert found.folder == made and made.exists()


@pytest.mark.slow
def test_fifty_deploy_at_once(client: Client) -> None:
    names = [f"many-{number}" for number in range(50)]
    for name in names:
        assert client.ask("POST", "/functions", document(name)).status_code == 202
    for name in names:
        until(lambda name=name: client.status(name)["state"] == "ready", 300)  # type: ignore[misc]
        assert client.invoke(name).text == "hello"


def test_source_that_is_no_base64(client: Client) -> None:
    wanted = document("broken")
    wanted["spec"]["build"]["functionSourceCode"] = "%"
    assert client.deploy(wanted)["message"] == "build.functionSourceCode is not base64"


MOUNTS = """
import os
def handler(context, event):
    seen = []
    for place in PLACES:
        with open(f"{place}/asked", "a") as file:
            file.write("x")
        seen.append(len(open(f"{place}/asked").read()))
    try:
        open(READS + "/new", "w")
    except OSError as error:
        seen.append(error.strerror)
    return " ".join(map(str, [*seen, open(READS + "/told").read()]))
"""


@pytest.mark.fidelity(
    "Nuclio",
    "volumes hostPath, persistentVolumeClaim, emptyDir at their mountPath",
    different="as root; elsewhere a hostPath at its own path alone",
)
def test_volumes(client: Client, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "told").write_text("from the host")
    claim = f"c{uuid4().hex[:12]}"
    # On this machine a place to mount on must be there, or be made: below a folder of the tests'.
    base = Path("/var/tmp") / claim
    kinds: dict[str, dict[str, Any]] = {
        "host": {"hostPath": {"path": str(tmp_path / "host")}},
        "claim": {"persistentVolumeClaim": {"claimName": claim}},
        "empty": {"emptyDir": {}},
    }
    volumes = [
        {
            "volume": {"name": name, **kind},
            "volumeMount": {
                "name": name,
                "mountPath": f"{base}/{name}",
                "readOnly": name == "host",
            },
        }
        for name, kind in kinds.items()
    ]
    code = f"PLACES = ['{base}/claim', '{base}/empty']\nREADS = '{base}/host'\n{MOUNTS}"
    wanted = document("mounts", code, volumes=volumes)
    try:
        status = client.deploy(wanted)
        if not may_mount():
            assert "takes root on Linux" in status["message"]
            return
        assert status["state"] == "ready", status["message"]
        assert client.invoke("mounts").text == "1 1 Read-only file system from the host"
        client.deploy(wanted, "PUT")
        said = client.invoke("mounts").text
        assert said == "2 1 Read-only file system from the host", "a claim is kept, no emptyDir"
        assert list((base / "host").iterdir()) == [], "nobody else sees it"
    finally:
        client.ask("DELETE", "/functions/mounts")
        shutil.rmtree(base, ignore_errors=True)


@pytest.mark.parametrize(
    ("volume", "place", "words"),
    [
        ({"flexVolume": {"driver": "v3io/fuse"}}, "/a", "not flexVolume v3io/fuse"),
        ({"configMap": {"name": "c"}}, "/a", 'configmap "c" not found'),
        ({"hostPath": {"path": "/nowhere-at-all"}}, "/a", "is no folder of this machine"),
        ({"emptyDir": {}}, "a", "must be an absolute path"),
        ({"emptyDir": {}}, "/tmp", "would hide"),
    ],
)
def test_a_volume_that_cannot_be_had(
    client: Client, volume: dict[str, Any], place: str, words: str
) -> None:
    given = {"volume": {"name": "v", **volume}, "volumeMount": {"name": "v", "mountPath": place}}
    status = client.deploy(document("unmounted", volumes=[given]))
    client.ask("DELETE", "/functions/unmounted")
    assert status["state"] == "error" and words in status["message"], status
