"""Functions that are container images: run by the machine's engine, or refused with the cause."""

import base64
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.lambda_.containers.engine import ENGINES
from pelton.pytest_plugin import RunningEmulator

from ..support import ROLE, come, emulator_process, raw_client, refusal, until
from ..test_extensions import PROGRAM, Seen, seen
from .engines import Engine, Podman, StandIn

__all__ = ["seen"]  # a fixture

SOURCE = """
import http.client, json, os, time
TMP = os.environ.get("TMPDIR", "/tmp")
count = 0
kept = []

def handler(event, context):
    global count
    count += 1
    do = event.get("do")
    print("seen", do)
    if do == "exit":
        os._exit(event.get("code", 3))
    if do == "fill":
        while True:
            kept.append(bytearray(8 << 20))
    if do == "write":
        open(TMP + "/kept", "w").write("x")
    time.sleep(event.get("seconds", 0))
    asked = http.client.HTTPConnection(os.environ["AWS_ENDPOINT_URL"].partition("://")[2])
    asked.request("GET", "/_pelton/health")
    region = json.load(asked.getresponse())["region"]
    asked.close()
    return {"count": count, "name": context.function_name, "memory": context.memory_limit_in_mb,
            "region": region, "given": os.environ.get("GIVEN"), "image": os.environ["OF_IMAGE"],
            "written": os.path.exists(TMP + "/kept"), "pid": os.getpid(),
            "stream": context.log_stream_name}

def other(event, context):
    return [os.getcwd(), "other"]
"""
FILES = {"main.py": SOURCE}
OTHER_FILES = {"main.py": "def handler(event, context):\n    return 2\n"}


@pytest.fixture(scope="module", params=["stand-in", pytest.param("podman", marks=pytest.mark.slow)])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "stand-in":
            yield StandIn(folder, patch)
            return
        podman = Podman(folder, patch)
        if why := podman.works():
            pytest.skip(f"no podman that runs containers: {why}")
        yield podman
        podman.forget()


class Images:
    """Two of an engine, by their URIs."""

    def __init__(self, engine: Engine) -> None:
        self.one = engine.image("one", FILES, ["main.handler"])
        self.two = engine.image("two", OTHER_FILES, ["main.handler"])


@pytest.fixture(scope="module")
def images(engine: Engine) -> Images:
    return Images(engine)


@pytest.fixture(scope="module")
def started(engine: Engine) -> Iterator[RunningEmulator]:
    with emulator_process() as (emulator, _):
        yield emulator
    assert engine.running() == [], "its end is the end of its containers"


@pytest.fixture
def client(started: RunningEmulator) -> Any:
    started.reset()
    return started.client("lambda")


def create(client: Any, uri: str, **settings: Any) -> Any:
    usual = {"Role": ROLE, "PackageType": "Image", "MemorySize": 512, "Timeout": 20}
    answer = client.create_function(
        FunctionName="f", Code={"ImageUri": uri}, **{**usual, **settings}
    )
    come(client, "function_active_v2")
    return answer


def call(client: Any, **event: Any) -> Any:
    answer = client.invoke(FunctionName="f", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


@pytest.mark.fidelity(
    "Container images",
    "an image's own runtime client takes events; one event at a time in a container of its own",
    different="by docker, podman or nerdctl of this machine, on its network; refused elsewhere; "
    "tests without an engine run the entry point by a stand-in for its command line",
)
def test_an_image_runs(client: Any, images: Images) -> None:
    create(client, images.one, Environment={"Variables": {"GIVEN": "a b=c"}})
    answer = client.invoke(FunctionName="f", Payload=b'{"do": "look"}', LogType="Tail")
    told = json.loads(answer["Payload"].read())
    assert told["count"] == 1 and told["name"] == "f" and told["memory"] == "512"
    assert (told["region"], told["given"], told["image"]) == ("us-east-1", "a b=c", "yes")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert [line.split(" ")[0] for line in lines] == ["START", "seen", "END", "REPORT"]
    assert "Init Duration" in lines[-1] and re.search(r"Max Memory Used: [1-9]\d+ MB", lines[-1])
    assert call(client)["count"] == 2, "the container is still there"


@pytest.mark.fidelity("Container images", "how an image is told: digest, URI, no runtime")
def test_how_an_image_is_told(client: Any, images: Images) -> None:
    answer = create(client, images.one, ImageConfig={"Command": ["main.other"]})
    assert answer["PackageType"] == "Image" and answer["CodeSize"] == 0
    assert not {"Runtime", "Handler", "RuntimeVersionConfig", "Layers", "ImageConfig"} & set(answer)
    assert re.fullmatch(r"[0-9a-f]{64}", answer["CodeSha256"])
    assert answer["ImageConfigResponse"] == {"ImageConfig": {"Command": ["main.other"]}}
    code = client.get_function(FunctionName="f")["Code"]
    name = images.one.rpartition(":")[0]
    assert code == {
        "RepositoryType": "ECR",
        "ImageUri": images.one,
        "ResolvedImageUri": f"{name}@sha256:{answer['CodeSha256']}",
    }


@pytest.mark.fidelity("Container images", "ImageConfig takes the place of what the image says")
def test_image_config(client: Any, images: Images, tmp_path: Path) -> None:
    create(client, images.one, ImageConfig={"Command": ["main.other"]})
    assert call(client)[1] == "other"
    client.update_function_configuration(FunctionName="f", ImageConfig={})
    come(client, "function_updated_v2")
    assert call(client)["name"] == "f"
    entry_point = {"EntryPoint": ["/nowhere/bootstrap"], "WorkingDirectory": "/"}
    client.update_function_configuration(FunctionName="f", ImageConfig=entry_point)
    come(client, "function_updated_v2")
    failed = call(client)
    assert failed["errorType"] == "Runtime.InvalidEntrypoint"
    assert "fork/exec /nowhere/bootstrap: " in failed["errorMessage"]


@pytest.mark.fidelity("Container images", "new code, versions and aliases as with archives")
def test_new_code(client: Any, images: Images) -> None:
    create(client, images.one)
    assert call(client)["count"] == 1
    first = client.publish_version(FunctionName="f")
    updated = client.update_function_code(FunctionName="f", ImageUri=images.two, Publish=True)
    assert (first["Version"], updated["Version"]) == ("1", "2")
    assert first["CodeSha256"] != updated["CodeSha256"]
    come(client, "function_updated_v2")
    assert call(client) == 2
    old = client.invoke(FunctionName="f", Qualifier="1", Payload=b"{}")
    assert json.loads(old["Payload"].read())["count"] == 1
    again = client.update_function_code(FunctionName="f", ImageUri=images.two, Publish=True)
    assert again["Version"] == "2", "the same image is no new version"


@pytest.mark.fidelity("Container images", "a timeout, an exit: the container ends, /tmp stays")
def test_ends(client: Any, images: Images, engine: Engine) -> None:
    create(client, images.one, Timeout=2)
    call(client, do="write")
    before = set(engine.running())
    assert call(client, seconds=9)["errorType"] == "Sandbox.Timedout"
    after = call(client)
    assert (after["count"], after["written"]) == (1, True)
    assert until(lambda: not before & set(engine.running()))
    ended = call(client, do="exit")
    assert ended["errorType"] == "Runtime.ExitError"
    assert ended["errorMessage"].endswith("Runtime exited with error: exit status 3")
    assert call(client)["count"] == 1
    assert call(client, do="exit", code=127)["errorType"] == "Runtime.ExitError", "it was found"


@pytest.mark.fidelity("Container images", "memory is held to the function's")
def test_memory(client: Any, images: Images) -> None:
    create(client, images.one, MemorySize=128)
    call(client)
    ended = call(client, do="fill")
    assert ended["errorType"] == "Runtime.ExitError"
    assert ended["errorMessage"].endswith("signal: killed")


def test_two_events_have_two_containers(client: Any, images: Images) -> None:
    create(client, images.one)
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda _: call(client, seconds=1.5), range(2)))
    assert len({each["stream"] for each in told}) == 2


def test_a_container_stands_still_and_goes_on(client: Any, images: Images, engine: Engine) -> None:
    create(client, images.one)
    call(client)
    time.sleep(0.5)  # it is stopped after a moment, where the machine lets us
    assert call(client)["count"] == 2
    client.delete_function(FunctionName="f")
    assert until(lambda: engine.running() == [])


@pytest.mark.fidelity("Container images", "none is left by an emulator that is killed")
def test_a_killed_emulator_leaves_none(client: Any, images: Images, engine: Engine) -> None:
    assert until(lambda: engine.running() == [])
    with emulator_process() as (emulator, process):
        client = raw_client(emulator.url)
        create(client, images.one)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(call, client, seconds=20).add_done_callback(lambda done: done.exception())
            assert until(lambda: len(engine.running()) >= 1)
            process.send_signal(signal.SIGKILL)
        assert until(lambda: engine.running() == [])


@pytest.mark.fidelity(
    "Container images",
    "external extensions of the image register, get INVOKE and SHUTDOWN",
    different="a container each, beside the runtime's: processes of one do not see the other's",
)
def test_extensions_of_an_image(client: Any, engine: Engine, seen: Seen) -> None:
    files = {**FILES, "opt/extensions/watcher": PROGRAM}
    create(
        client,
        engine.image("watched", files, ["main.handler"]),
        Environment={"Variables": {"SEEN": seen.url}},
    )
    assert call(client)["count"] == 1
    status, told, variables = seen.first("registered")
    assert (status, told["functionName"]) == (200, "f")
    assert "AWS_LAMBDA_LOG_GROUP_NAME" not in variables
    assert seen.first("event")["eventType"] == "INVOKE"
    assert until(lambda: call(client)["count"] >= 2), "while it is at work another one is started"
    client.delete_function(FunctionName="f")
    last = seen.first("event", lambda event: event["eventType"] == "SHUTDOWN")
    assert last["shutdownReason"] == "spindown"
    assert until(lambda: engine.running() == [])


def test_an_extension_of_an_image_that_cannot_be_run(client: Any, engine: Engine) -> None:
    files = {**FILES, "opt/extensions/broken": "import sys\nsys.exit(127)\n"}
    create(client, engine.image("broken", files, ["main.handler"]))
    failed = call(client)
    assert failed["errorType"] == "Extension.LaunchError"
    assert "fork/exec /opt/extensions/broken: no such file" in failed["errorMessage"]


def test_an_image_is_pulled_when_it_is_not_there(client: Any, engine: Engine) -> None:
    if not isinstance(engine, StandIn):
        pytest.skip("there is no registry to pull from")
    create(client, engine.image("far", FILES, ["main.handler"], "registry"))
    assert call(client)["count"] == 1


@pytest.mark.fidelity("Container images", "what is refused: no such image, what is an archive's")
def test_what_is_refused(client: Any, images: Images, engine: Engine) -> None:
    for members, words in (
        ({"Code": {"ImageUri": "localhost/nowhere/at-all:1"}},
         f"Source image localhost/nowhere/at-all:1 does not exist. Provide a valid source image. "
         f"({engine.name} of this machine says: "),
        ({"Code": {"ImageUri": "--privileged"}},
         "Source image --privileged is not valid. Provide a valid source image."),
        ({"Code": {"ZipFile": b"x"}},
         "Please provide ImageUri when creating a function with packageType Image."),
        ({"Code": {"ImageUri": images.one, "S3Bucket": "bbb", "S3Key": "k"}},
         "Please do not provide other FunctionCode parameters with an ImageUri."),
        ({"Code": {"ImageUri": images.one}, "Handler": "main.handler"},
         "Please don't provide Handler or Runtime or Layer when the intended function PackageType "
         "is Image."),
        ({"Code": {"ImageUri": images.one}, "SnapStart": {"ApplyOn": "PublishedVersions"}},
         "PackageType Image is not supported for SnapStart enabled functions."),
    ):  # fmt: skip
        given = {"FunctionName": "f", "Role": ROLE, "PackageType": "Image", **members}
        status, kind, sentence = refusal(client.create_function, **given)
        assert (status, kind) == (400, "InvalidParameterValueException")
        assert sentence.startswith(words)
    create(client, images.one)
    assert refusal(client.update_function_code, FunctionName="f", ZipFile=b"x") == (
        400,
        "InvalidParameterValueException",
        "Please provide ImageUri when updating a function with packageType Image.",
    )


@pytest.mark.fidelity("Container images", "a machine without an engine says what is missing")
def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect to the daemon' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with emulator_process() as (emulator, _):
        _, kind, sentence = refusal(
            emulator.client("lambda").create_function,
            FunctionName="f",
            Role=ROLE,
            PackageType="Image",
            Code={"ImageUri": "i"},
        )
    assert kind == "InvalidParameterValueException"
    assert "docker says: Cannot connect to the daemon" in sentence
    assert all(f"{name} is not on the search path" in sentence for name in list(ENGINES)[1:])
    assert sentence.endswith("package the code as a .zip archive (PackageType Zip).")
    assert os.sep + "docker" not in sentence
