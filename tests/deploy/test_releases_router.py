"""Versions on a Nuclio without API gateways: a canary behind a router of ours, and the way back,
under load, without a request that fails, is lost, or is answered twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.deploy.errors import CannotRelease
from pelton.deploy.versions import verbs
from pelton.deploy.versions.release import Split
from pelton.deploy.versions.router_function import place_of
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from ..localstack.support import emulator_at
from .commands import run_command
from .load import Load
from .releases import Releases, release_all_ways, releases_at


@pytest.fixture(scope="module")
def docker() -> Iterator[RunningEmulator]:
    """An emulator whose Nuclio is as on Docker."""
    with emulator_at("--nuclio-platform", "local") as emulator:
        yield emulator


@pytest.fixture
def releases(docker: RunningEmulator, tmp_path: Path) -> Iterator[Releases]:
    docker.reset()
    with releases_at(docker, tmp_path) as found:
        yield found


def test_a_canary_under_load(releases: Releases) -> None:
    releases.triggers = {"tick": {"kind": "cron", "attributes": {"interval": "1h"}}}
    releases.deploy("first")
    with Load(f"{releases.url}/x", 3, rest=0.01) as load:
        load.until("first")
        releases.deploy("second", hold=True)
        releases.canary(0.5, "errors<50%", "p99<60s", "mean<60s")
        load.until("second")
        found = releases.there()
        assert set(found) == {"hello", "hello-stable", "hello-canary", "hello-triggers"}
        ticking = [name for name, each in found.items() if "tick" in each["spec"]["triggers"]]
        assert ticking == ["hello-triggers"], "what is no request comes to one version alone"
        load.more(20)
        turn = verbs.look(releases.versions, "hello", {}, now=1.0, by="ana")
        assert [each.verdict for each in turn.answers] == ["passes"] * 3, turn.answers
        assert all(each.requests and each.p50 and each.max for each in turn.facts or ())
        verbs.promote(releases.versions, "hello", {}, now=2.0, by="ana")
        assert set(releases.there()) == {"hello"}
        assert releases.versions.read("hello").split == Split("2")
        verbs.roll_back(releases.versions, "hello", now=3.0, by="ana")
    assert load.answers > 60
    assert releases.versions.read("hello").split == Split("1")
    hello = releases.there()["hello"]
    assert "tick" in hello["spec"]["triggers"]
    assert hello["metadata"]["labels"]["pelton/app"] == "greet", "whose it is is not forgotten"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_releases_under_much_load(releases: Releases) -> None:
    releases.deploy("first")
    with Load(f"{releases.url}/x", 8) as load:
        load.until("first")
        release_all_ways(releases, load, range(3), 500)
    assert load.answers > 3 * 4 * 500


def test_requests_and_answers_pass_as_they_are(releases: Releases) -> None:
    releases.deploy("first")
    before = told(releases.url)
    releases.deploy("second", hold=True)
    releases.canary(0.5, "errors<10%", sticky="header:x-user")
    assert told(releases.url) == before
    # The same user comes to the same version; of many, to both.
    url, users = releases.url, [f"user-{number}" for number in range(24)]
    with plain.Client() as client:
        asked = [
            [client.post(f"{url}/x", headers={"x-user": user}).text.split()[0] for user in users]
            for _ in range(2)
        ]
        assert asked[0] == asked[1] and set(asked[0]) == {"first", "second"}
        for user in users:
            client.post(f"{url}/fail", headers={"x-user": user})
    assert releases.versions.read("hello").split == Split("1", "2", 0.5, "header:x-user")
    turn = verbs.look(releases.versions, "hello", {}, now=1.0, by="ana")
    assert turn.canary.phase == "rolling-back" and "errors<10% does not hold" in turn.canary.reason
    verbs.look(releases.versions, "hello", {}, now=2.0, by="ana")
    assert set(releases.there()) == {"hello"}
    assert plain.post(f"{url}/x", content=b"y").text == "first y"


JSON = {"content-type": "application/json"}
STABLE = next(user for user in map(str, range(99)) if place_of(user) >= 0.5)
ASKED: list[tuple[str, dict[str, Any], bytes]] = [
    ("/cookies", {}, b""),
    ("/fail", {}, b"x"),
    ("/echo?a=1&b=%20&%C3%A4=%26%3D", {"x-a": "1, 2"}, b"\x00\xff"),
    ("/echo/%C3%A4%2F?", JSON, b'{"a": [1, 2.50, "\\u00e4"]}'),
    ("/echo", JSON, b'"text"'),
    ("/echo", JSON, b"{not json"),
    ("/echo", JSON, b"null"),
    ("/echo", JSON, b""),
]


def told(url: str) -> list[tuple[Any, ...]]:
    """What comes of every request of `ASKED`, by a user whom the version that is stable answers."""
    found = []
    for to, headers, body in ASKED:
        headers = {"x-user": STABLE, **headers}
        answer = plain.request("PUT", f"{url}{to}", headers=headers, content=body)
        names = {"set-cookie", "content-type", "x-version"}
        kept = sorted(each for each in answer.headers.multi_items() if each[0] in names)
        found.append((answer.status_code, kept, answer.content))
    return found


def test_what_a_canary_cannot_stick_to(releases: Releases) -> None:
    releases.deploy("first")
    releases.deploy("second", hold=True)
    for wrong in ("x-user", "body:x", "header:"):
        with pytest.raises(CannotRelease, match="header:NAME, cookie:NAME or query:NAME"):
            releases.canary(0.5, sticky=wrong)
    assert set(releases.there()) == {"hello"}


@pytest.mark.fidelity(
    "Nuclio",
    "on Docker (`--nuclio-platform local`) there are no API gateways, and no reference to a Secret "
    "is followed",
)
def test_nuclio_on_docker(docker: RunningEmulator, releases: Releases) -> None:
    answer = plain.get(f"{docker.nuclio_url}/api/api_gateways")
    assert (answer.status_code, answer.json()["error"]) == (501, "Unsupported method")
    spec = plain.get(f"{docker.nuclio_url}/api/frontend_spec").json()
    assert spec["platformKind"] == releases.nuclio.platform() == "local"
    asked = {"secretKeyRef": {"name": "none", "key": "k"}}
    releases.deploy("first", env=[{"name": "VERSION", "valueFrom": asked}])
    assert plain.post(f"{releases.url}/x", content=b"y").text == " y"
    assert "Docker follows no valueFrom" in str(releases.there()["hello"]["status"]["logs"])


APP = """
import pelton

app = pelton.App("greet")

@app.function(
    versions=3,
    triggers=[pelton.http("POST", "/hi")],
    nuclio=pelton.Nuclio(host="greet.localhost"),
)
def hello(event: pelton.Event) -> str:
    return "NUMBER " + event.body.decode()
"""


@pytest.mark.slow
def test_the_commands(docker: RunningEmulator, tmp_path: Path) -> None:
    docker.reset()
    where = ["--endpoint", docker.url, "--nuclio-endpoint", docker.nuclio_url, "--on", "nuclio"]

    def run(*words: str) -> str:
        done = run_command([*words, *where], tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def deploy(version: str, *words: str) -> str:
        (tmp_path / "greet_app.py").write_text(APP.replace("NUMBER", version))
        return run("deploy", "greet_app.py", *words)

    assert "this Nuclio has no API gateways" in deploy("first")
    deploy("second", "--hold")
    assert "version 2 has 10%" in run("canary", "hello", "10%", "--sticky", "cookie:session")
    assert "version 2 answers" in run("promote", "hello")
    assert "2 answers" not in deploy("third")
    assert "version 2 answers" in run("rollback", "hello")
