"""Every kind of artifact deployed to the emulator, read back and called."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.builders import load_app
from pelton.deploy.session import Session
from pelton.deploy.where import Where
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from ..builders.support import wheel
from ..builders.test_notebook import notebook
from ..localstack.lambda_.engines import StandIn
from ..localstack.support import emulator_process

_counter = itertools.count()
LAYERS = """
import pelton
app = pelton.App("shop")
SPLIT = dict(requirements=["tiny"], timeout=10, aws=pelton.Aws(package="layers"))

@app.function(**SPLIT)
def one(n: int) -> str:
    import tiny
    return f"{tiny.__file__} {n + ADDED}"

@app.function(**SPLIT)
def two(n: int) -> int:
    return n
"""
WEB = """
import pelton
app = pelton.App("web")

async def site(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["began"] = "yes"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    body = (await receive())["body"]
    said = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} {len(body)} "
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": (said + scope["state"]["began"]).encode()})

web = app.asgi(site, name="web", timeout=10, nuclio=pelton.Nuclio(package="sourceCode"))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of wheels that requirements come from, and a cache for this module's builds."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in ("tiny", "more"):
        wheel(folder, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_FIND_LINKS", str(folder))
        patch.setenv("UV_OFFLINE", "1")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield folder


class Deployer:
    """Plans and deploys apps of one folder, each under a file name of its own."""

    def __init__(self, emulator: RunningEmulator, folder: Path) -> None:
        self.emulator, self.folder = emulator, folder

    def __call__(self, source: str | Path, *platforms: str, only_plan: bool = False) -> Any:
        """The steps that were planned, as data, and taken."""
        path = source
        if isinstance(source, str):
            path = self.folder / f"packages_app_{next(_counter)}.py"
            path.write_text(source)
        app, root = load_app(str(path))
        where = Where(
            "local", platforms or ("lambda",), self.emulator.url, self.emulator.nuclio_url
        )
        with Session(app, root, where, self.folder / "out") as session:
            plan = session.plan()
            if not only_plan:
                session.apply(plan)
        return [(each.action, each.key) for each in plan.steps]

    def invoke(self, name: str, value: Any) -> Any:
        client = self.emulator.client("lambda")
        answer = client.invoke(FunctionName=name, Payload=json.dumps(value))
        told = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, told
        return told


@pytest.fixture
def deploy(pelton_emulator: RunningEmulator, tmp_path: Path, wheels: Path) -> Deployer:
    return Deployer(pelton_emulator, tmp_path)


def test_layers(deploy: Deployer, pelton_emulator: RunningEmulator) -> None:
    first = LAYERS.replace("ADDED", "1")
    deploy(first)
    client = pelton_emulator.client("lambda")
    arns = {
        each["Arn"]
        for name in ("one", "two")
        for each in client.get_function_configuration(FunctionName=name)["Layers"]
    }
    (layer,) = client.list_layers()["Layers"]
    assert arns == {layer["LatestMatchingVersion"]["LayerVersionArn"]}, "published once, shared"
    assert deploy.invoke("one", 2) == "/opt/python/tiny.py 3"
    steps = deploy(LAYERS.replace("ADDED", "2"), only_plan=True)
    assert {key for _, key in steps} == {"function:one", "function:two"}, "the code alone"
    path = deploy.folder / "packages_same.py"
    path.write_text(LAYERS.replace("ADDED", "2").replace('["tiny"]', '["tiny", "more"]'))
    assert [action for action, key in deploy(path) if key.startswith("layer:")] == ["create"]
    assert deploy.invoke("one", 2) == "/opt/python/tiny.py 4"
    assert deploy(path) == []


def test_an_asgi_application_on_both(deploy: Deployer, pelton_emulator: RunningEmulator) -> None:
    deploy(WEB, "lambda", "nuclio")
    client = pelton_emulator.client("lambda")
    url = client.get_function_url_config(FunctionName="web")["FunctionUrl"].rstrip("/")
    with plain.Client(trust_env=False, timeout=30) as http:
        functions = http.get(f"{pelton_emulator.nuclio_url}/api/functions").json()
        build = functions["web"]["spec"]["build"]
        port = functions["web"]["status"]["httpPort"]
        # Nuclio's events have each field of a query once, and no URL.
        for address, query in ((url, "q=1&q=2"), (f"http://127.0.0.1:{port}", "q=2")):
            answer = http.put(f"{address}/a%20b?q=1&q=2", content=b"\x00\xff")
            assert (answer.status_code, answer.text) == (202, f"PUT /a b {query} 2 yes"), address
            assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert build["codeEntryType"] == "sourceCode" and "path" not in build
    assert pelton_emulator.client("s3").list_buckets()["Buckets"] == [], "nothing to be fetched"


def test_a_notebook(deploy: Deployer, pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    cells: list[Any] = [
        "# nuclio: ignore\nimport nowhere",
        "%nuclio env -c GREETING=hello\n%nuclio config spec.maxReplicas = 2\nimport os",
        "def handler(context, event):\n    return os.environ['GREETING']",
    ]
    path = notebook(tmp_path / "Greet Me.ipynb", cells)
    deploy(path, "nuclio")
    with plain.Client(trust_env=False, timeout=30) as http:
        headers = {"x-nuclio-function-name": "greet-me", "x-nuclio-function-namespace": "nuclio"}
        address = f"{pelton_emulator.nuclio_url}/api/function_invocations"
        assert http.post(address, headers=headers).text == "hello"
    assert deploy(path, "nuclio") == []


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with pytest.MonkeyPatch.context() as patch:
        StandIn(tmp_path_factory.mktemp("engine"), patch)
        with emulator_process() as (emulator, _):
            yield emulator


def test_an_image(engine: RunningEmulator, tmp_path: Path, wheels: Path) -> None:
    deploy = Deployer(engine, tmp_path)
    text = LAYERS.replace("ADDED", "1").replace('package="layers"', 'package="image"')
    text = text[: text.index("@app.function(**SPLIT)\ndef two")]
    steps = deploy(text)
    assert [key.partition(":")[0] for _, key in steps] == ["image", "function"]
    found = engine.client("lambda").get_function(FunctionName="one")
    assert found["Configuration"]["PackageType"] == "Image"
    assert found["Code"]["ImageUri"].startswith("pelton/shop:one-")
    assert deploy.invoke("one", 2).endswith("tiny.py 3")
    path = tmp_path / "packages_image.py"
    path.write_text(text.replace("n + 1", "n + 5"))
    deploy(path)
    assert deploy.invoke("one", 2).endswith("tiny.py 7")
    assert deploy(path) == []
    zipped = deploy(text.replace('package="image"', 'package="zip"'), only_plan=True)
    assert zipped == [("replace", "function:one")], "Lambda has no way from an image to a zip"


NUCLIO_IMAGE = """
import pelton

app = pelton.App("shop")


@app.function(
    triggers=[pelton.http("POST", "/")], timeout=10, nuclio=pelton.Nuclio(package="image")
)
def boxed(event: pelton.Event) -> str:
    return "boxed " + event.body.decode()
"""


def test_an_image_on_nuclio(engine: RunningEmulator, tmp_path: Path) -> None:
    deploy = Deployer(engine, tmp_path)
    steps = deploy(NUCLIO_IMAGE, "nuclio")
    assert [key.partition(":")[0] for _, key in steps][-1] == "nuclio_function"
    assert any(key.startswith("image:pelton/shop:boxed-") for _, key in steps)
    found = plain.get(f"{engine.nuclio_url}/api/functions/boxed").json()
    assert found["spec"]["build"]["codeEntryType"] == "image"
    url = f"http://{found['status']['externalInvocationUrls'][0]}/"
    assert plain.post(url, content=b"x").text == "boxed x"
