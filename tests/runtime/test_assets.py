"""Assets: whole or not at all, once, held to their digest; from S3, HTTP and files."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

import pelton
from pelton.builders import BuildError, Target
from pelton.builders.assets import assets_of, check_assets
from pelton.cli import command
from pelton.deploy.policy.arns import Account
from pelton.deploy.policy.platform import platform_needs
from pelton.handlers.errors import AssetFailed, WrongUse
from pelton.pytest_plugin import RunningEmulator
from pelton.runtime.assets import Asset
from pelton.runtime.assets.fetch import fetched

CONTENT = bytes(range(256)) * 9000  # more than two pieces
DIGEST = sha256(CONTENT).hexdigest()


class Source:
    """A server of one file, which counts, and can break off."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.until = len(CONTENT)
        self.ranges = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                begin = self.headers.get("range", "")
                outer.asked.append(begin)
                at = int(begin[6:-1]) if begin and outer.ranges else 0
                self.send_response(206 if at else 200)
                self.send_header("content-length", str(len(CONTENT) - at))
                self.end_headers()
                self.wfile.write(CONTENT[at : max(outer.until, at)])

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever).start()
        self.uri = f"http://127.0.0.1:{self.server.server_address[1]}/m.bin"

    def asset(self, digest: str = DIGEST) -> Asset:
        return pelton.asset(self.uri, sha256=digest)


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_it_is_fetched_once_for_all(source: Source, tmp_path: Path) -> None:
    found: list[str] = []
    everybody = [
        threading.Thread(target=lambda: found.append(fetched(source.asset(), str(tmp_path))))
        for _ in range(4)
    ]
    for each in everybody:
        each.start()
    for each in everybody:
        each.join()
    assert len(set(found)) == 1 and source.asked == [""]
    assert Path(found[0]).read_bytes() == CONTENT and Path(found[0]).name == "m.bin"


@pytest.mark.parametrize("ranges", [True, False])
def test_one_that_broke_off_goes_on_where_it_stood(
    source: Source, tmp_path: Path, ranges: bool
) -> None:
    source.until, source.ranges = 1_500_000, ranges
    with pytest.raises(AssetFailed, match="broke off"):
        fetched(source.asset(), str(tmp_path))
    assert not list(tmp_path.rglob("m.bin"))
    source.until = len(CONTENT)
    assert Path(fetched(source.asset(), str(tmp_path))).read_bytes() == CONTENT
    assert source.asked[1].startswith("bytes=") and len(source.asked) == 2


def test_another_content_is_refused_and_not_kept(source: Source, tmp_path: Path) -> None:
    other = source.asset("1" * 64)
    for _ in range(2):  # and nothing of it is taken for a beginning
        with pytest.raises(AssetFailed, match=f"has the sha256 {DIGEST}, and pinned is 1111"):
            fetched(other, str(tmp_path))
    assert source.asked == ["", ""]
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["lock"]


def test_what_is_not_there_says_so(source: Source, tmp_path: Path) -> None:
    missing = pelton.asset(f"file://{tmp_path}/none.bin", sha256=DIGEST)
    with pytest.raises(AssetFailed, match="cannot be read: No such file"):
        fetched(missing, str(tmp_path))
    source.server.shutdown()
    source.server.server_close()
    with pytest.raises(AssetFailed, match=r"cannot be fetched: .*refused"):
        fetched(source.asset(), str(tmp_path))


def test_it_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "a b.bin").write_bytes(CONTENT)
    model = pelton.asset(f"file://{tmp_path}/a%20b.bin", sha256=DIGEST.upper())
    with open(model, "rb") as opened:
        assert opened.read() == CONTENT
    assert model.path.startswith(str(tmp_path / "cache" / "pelton" / "assets"))
    assert os.fspath(model) == model.path


@pytest.mark.parametrize(
    ("uri", "digest", "words"),
    [
        ("s3://b/k", "", "has no digest; give sha256="),
        ("s3://b/k", "xyz", "is no SHA-256"),
        ("s3://b", DIGEST, "is no address; write s3://BUCKET/KEY"),
        ("ftp://h/k", DIGEST, "is no address"),
        ("m.onnx", DIGEST, "is no address"),
    ],
)
def test_a_wrong_declaration_is_said_with_its_line(uri: str, digest: str, words: str) -> None:
    with pytest.raises(WrongUse) as caught:
        pelton.asset(uri, sha256=digest)
    assert words in str(caught.value) and Path(__file__).name in caught.value.file
    if "://" in uri:
        with pytest.raises(WrongUse):
            pelton.onnx(uri, sha256=digest)


MODEL = pelton.asset("s3://models/delay/v3.onnx", sha256=DIGEST, size=600 << 20)


def declared(**aws: Any) -> Any:
    app = pelton.App("scores")

    @app.function(aws=pelton.Aws(**aws))
    def score(row: list[float]) -> float:
        return sum(row)

    return score


def test_a_build_knows_what_fits() -> None:
    with pytest.raises(
        BuildError, match=r"take 600\.0 MB of /tmp, which has 512.*ephemeral_mb=664"
    ):
        check_assets(declared(), Target("lambda", "3.12"))
    check_assets(declared(ephemeral_mb=1024), Target("lambda", "3.12"))
    check_assets(declared(), Target("nuclio", "3.11"))


def test_the_policy_says_that_it_is_read() -> None:
    needs = list(platform_needs(declared(), Account()))
    (need,) = [each for each in needs if each.action == "s3:GetObject"]
    assert need.resource == "arn:aws:s3:::models/delay/v3.onnx"
    assert need.why == f"asset {MODEL.uri}"


def test_a_graph_s_model_does_not_travel() -> None:
    app = pelton.App("g")
    graph = pelton.Graph("g", list[float]) >> pelton.onnx(MODEL)
    served = app.serve(graph)
    assert graph.files() == () and MODEL in assets_of(served)
    again = pelton.Graph.from_spec(graph.spec)
    assert again.files() == ()


APP = """
import pelton

app = pelton.App("assets")
MODEL = pelton.asset("s3://models/m.bin", sha256="{digest}")

@app.function(memory=256, timeout=60)
def length(n: int) -> list[object]:
    with open(MODEL, "rb") as opened:
        return [len(opened.read()) * n, MODEL.path]
"""


def test_a_function_on_the_emulator_has_it_from_s3(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    settings = {
        "endpoint_url": pelton_emulator.url, "region_name": "us-east-1",
        "aws_access_key_id": "test", "aws_secret_access_key": "test",
    }  # fmt: skip
    s3, functions = boto3.client("s3", **settings), boto3.client("lambda", **settings)
    s3.create_bucket(Bucket="models")
    (tmp_path / "assets_app.py").write_text(APP.format(digest=DIGEST))
    words = ["deploy", str(tmp_path / "assets_app.py"), "--endpoint", pelton_emulator.url]
    done = CliRunner().invoke(command, words)
    sys.modules.pop("assets_app")
    assert done.exit_code == 0, done.output
    missing = functions.invoke(FunctionName="length", Payload=b"1")
    told = json.load(missing["Payload"])
    assert told["errorType"] == "AssetFailed" and "is not there: NoSuchKey" in told["errorMessage"]
    s3.put_object(Bucket="models", Key="m.bin", Body=CONTENT)
    for _ in range(2):
        answer = json.load(functions.invoke(FunctionName="length", Payload=b"2")["Payload"])
        assert answer[0] == 2 * len(CONTENT) and "/pelton-assets/" in answer[1]
