"""Killed at each call that changes something on Nuclio, and run again: the same end state, for a
deploy, for a canary behind a gateway and behind a router, and for what takes a deploy away."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pelton.builders import load_app
from pelton.deploy.kinds.nuclio_gateway import NuclioGateway
from pelton.deploy.plan import Plan
from pelton.deploy.session import Session
from pelton.deploy.targets.nuclio import Nuclio
from pelton.deploy.versions import verbs
from pelton.deploy.versions.release import Split
from pelton.deploy.where import Where
from pelton.pytest_plugin import RunningEmulator

from ..localstack.support import emulator_at
from .releases import Releases, releases_at


class Killed(BaseException):
    """The process ends here."""


class Cut(httpx.BaseTransport):
    """A network that is cut at its n-th call that changes something, before or after it came
    there; a dead process calls nobody any more."""

    def __init__(self, number: int, moment: str = "before") -> None:
        self._through = httpx.HTTPTransport()
        self._left, self._moment, self.was_cut = number, moment, False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.was_cut:
            raise Killed
        if request.method == "GET":
            return self._through.handle_request(request)
        self._left -= 1
        self.was_cut = self._left < 0
        if self.was_cut and self._moment == "before":
            raise Killed
        answer = self._through.handle_request(request)
        if self.was_cut:
            answer.close()
            raise Killed
        return answer

    def close(self) -> None:
        self._through.close()


@dataclass(frozen=True)
class Place:
    """An emulator, and a folder of one's own."""

    emulator: RunningEmulator
    folder: Path


def state_of(emulator: RunningEmulator) -> dict[str, Any]:
    """Everything that is on Nuclio, without moments, keys and links that are signed anew."""
    nuclio, found = Nuclio(emulator.nuclio_url), dict[str, Any]()
    assert not any(map(_under_way, _functions(nuclio).values())), "what was begun is waited for"
    for name, each in _functions(nuclio).items():
        spec, metadata = each["spec"], each["metadata"]
        spec["build"].pop("path", None)
        env = [{**one, "value": _plain(one["value"])} for one in spec.get("env") or ()]
        labels = metadata["labels"]
        found[name] = [{**spec, "env": env}, labels, each["status"]["state"]]
    for name, each in (nuclio.get("/api/projects", "") or {}).items():
        notes = each["metadata"].get("annotations") or {}
        found[f"project {name}"] = {key: _record(text) for key, text in notes.items()}
    if nuclio.has_gateways():
        for name, each in (nuclio.get("/api/api_gateways", "") or {}).items():
            found[f"gateway {name}"] = each["spec"]
    nuclio.close()
    return found


def _functions(nuclio: Nuclio) -> dict[str, Any]:
    return nuclio.get("/api/functions", "") or {}


def _under_way(function: dict[str, Any]) -> bool:
    state: str = function["status"]["state"]
    return state in ("", "building") or state.startswith("waitingFor")


def _plain(text: str) -> Any:
    """A router's settings without its key."""
    return {**json.loads(text), "key": ""} if text.startswith("{") else text


def _record(text: str) -> Any:
    found = json.loads(text)
    for each in found["versions"].values():
        each["made"] = ""
    canary = found["ledger"].get("canary")
    # What was tried twice is told twice.
    entries = [(e["kind"], e["version"]) for e in found["ledger"].get("entries", ())]
    found["ledger"] = [list(dict.fromkeys(entries)), canary and canary["phase"]]
    return found


def killed(do: Callable[[Cut], object], cut: Cut) -> bool:
    """Whether it was killed before it was done."""
    try:
        do(cut)
    except Killed:
        pass
    finally:
        cut.close()
    return cut.was_cut


def the_same_end(
    place: Place, prepare: Callable[[], None], do: Callable[[Cut], object], moments: Any
) -> int:
    """`do` ends the same, wherever it was killed before; how often it was."""

    def begin() -> None:
        place.emulator.reset()
        prepare()

    begin()
    assert not killed(do, Cut(10_000))
    expected, count = state_of(place.emulator), 0
    for number, moment in moments:
        begin()
        if not killed(do, Cut(number, moment)):
            break
        assert not killed(do, Cut(10_000)), (number, moment)
        assert state_of(place.emulator) == expected, (number, moment)
        count += 1
    return count


EVERY = [(number, moment) for number in range(100) for moment in ("before", "after")]

# -- a deploy

APP = """
import pelton

app = pelton.App("shop")

@app.function(versions=3, nuclio=pelton.Nuclio(host="price.localhost"))
def price(event: pelton.Event) -> str:
    return "NUMBER"

@app.function(environment={"LEVEL": "NUMBER"}, triggers=[pelton.cron(every="1h")])
def tick(event: pelton.Event) -> None: ...
"""


@contextmanager
def session(place: Place, source: str, network: Cut | None = None) -> Iterator[Session]:
    file = place.folder / "killed_app.py"
    file.write_text(source)
    sys.modules.pop("killed_app", None)
    app, root = load_app(str(file))
    emulator = place.emulator
    where = Where(platforms=("nuclio",), endpoint=emulator.url, nuclio_endpoint=emulator.nuclio_url)
    with Session(app, root, where, place.folder / "out", network=network) as found:
        yield found
    sys.path.remove(str(place.folder))


def deploy(place: Place, source: str, network: Cut | None = None, **more: bool) -> Plan:
    with session(place, source, network) as found:
        plan = found.plan(**more)
        found.apply(plan)
    return plan


@pytest.fixture
def place(pelton_emulator: RunningEmulator, tmp_path: Path) -> Place:
    return Place(pelton_emulator, tmp_path)


ONE, TWO = APP.replace("NUMBER", "one"), APP.replace("NUMBER", "two")


def forget(place: Place) -> None:
    """The state of what an emulator had that was emptied."""
    for each in (place.folder / ".pelton" / "state").rglob("*.json"):
        each.unlink()


def deployed(place: Place, moments: Any) -> int:
    def do(cut: Cut) -> None:
        deploy(place, ONE, cut)
        assert not deploy(place, ONE), "nothing is left to do"

    return the_same_end(place, lambda: forget(place), do, moments)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_deploy_is_killed_at_every_call(place: Place) -> None:
    assert deployed(place, EVERY) > 12


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_second_deploy_is_killed_at_every_call(place: Place) -> None:
    def prepare() -> None:
        forget(place)
        deploy(place, ONE)

    less = TWO[: TWO.index("@app.function(environment")]
    assert the_same_end(place, prepare, lambda cut: deploy(place, less, cut), EVERY) > 8


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_destroying_is_killed_at_every_call(place: Place) -> None:
    def prepare() -> None:
        forget(place)
        deploy(place, ONE)

    def do(cut: Cut) -> None:
        deploy(place, ONE, cut, destroy=True)

    assert the_same_end(place, prepare, do, EVERY) > 4
    assert set(state_of(place.emulator)) == {"project default"}


# -- a canary


def canary(place: Place, end: str, moments: Any, *, gateway: bool) -> int:
    """Begun, and ended one way or the other, by whoever takes it up."""

    def prepare() -> None:
        with releases_at(place.emulator, place.folder) as releases:
            releases.triggers = {"tick": {"kind": "cron", "attributes": {"interval": "1h"}}}
            releases.deploy("first")
            releases.deploy("second", hold=True)
            if gateway:
                made = NuclioGateway(name="hello", host="hello.localhost", project="greet")
                made.create(releases.target)

    def do(cut: Cut) -> None:
        nuclio = Nuclio(place.emulator.nuclio_url, transport=cut)
        releases = Releases(place.emulator, place.folder / "code.zip", nuclio)
        try:
            _take_up(releases, end)
        finally:
            nuclio.close()

    return the_same_end(place, prepare, do, moments)


def _take_up(releases: Releases, end: str) -> None:
    found = releases.versions.read("hello")
    if found.ledger.canary is None:
        releases.canary(0.5)
    while (under_way := releases.versions.read("hello").canary) is not None:
        if under_way.phase != "watching":
            verbs.look(releases.versions, "hello", {}, now=1.0, by="ana")
            continue
        assert releases.versions.read("hello").split == Split("1", "2", 0.5)
        if end == "promote":
            verbs.promote(releases.versions, "hello", {}, now=2.0, by="ana")
        else:
            verbs.roll_back(releases.versions, "hello", now=2.0, by="ana")


@pytest.fixture(scope="module")
def docker_process() -> Iterator[RunningEmulator]:
    with emulator_at("--nuclio-platform", "local") as emulator:
        yield emulator


@pytest.fixture
def docker(docker_process: RunningEmulator, tmp_path: Path) -> Place:
    return Place(docker_process, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("end", ["promote", "roll back"])
def test_a_canary_behind_a_router_is_killed_at_every_call(docker: Place, end: str) -> None:
    assert canary(docker, end, EVERY, gateway=False) > 20


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("end", ["promote", "roll back"])
def test_a_canary_behind_a_gateway_is_killed_at_every_call(place: Place, end: str) -> None:
    assert canary(place, end, EVERY, gateway=True) > 15


def test_a_canary_is_killed_and_taken_up(place: Place) -> None:
    assert canary(place, "promote", [(2, "after")], gateway=True) == 1
