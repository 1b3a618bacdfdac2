"""Calls of a dashboard that are refused for a while, or for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from pelton.deploy.errors import CallFailed
from pelton.deploy.kinds.nuclio_function import NuclioFunction
from pelton.deploy.kinds.nuclio_gateway import NuclioGateway
from pelton.deploy.planning import make_plan
from pelton.deploy.targets.aws import Account, Aws
from pelton.deploy.targets.nuclio import Nuclio
from pelton.deploy.targets.target import Target


def dashboard(answers: Callable[[httpx.Request], tuple[int, object]]) -> Nuclio:
    def handle(request: httpx.Request) -> httpx.Response:
        status, body = answers(request)
        return httpx.Response(status, json=body)

    return Nuclio("http://dashboard", pause=lambda _: None, transport=httpx.MockTransport(handle))


def test_what_is_on_its_way_is_deleted_when_it_has_come() -> None:
    states: Iterator[str] = iter(["building", "building", "ready"])
    last = ["building"]

    def answers(request: httpx.Request) -> tuple[int, object]:
        if request.method == "GET":
            last[0] = next(states)
            return 200, {"status": {"state": last[0]}}
        return (204, {}) if last[0] == "ready" else (412, {"error": "being provisioned"})

    dashboard(answers).delete("/api/functions", "f")
    assert last == ["ready"]


def test_what_is_refused_for_another_reason_is_told() -> None:
    def answers(request: httpx.Request) -> tuple[int, object]:
        if request.method == "GET":
            return 200, {"status": {"state": "ready"}}
        return 412, {"error": "Function is used by api gateways: g"}

    with pytest.raises(CallFailed, match="DELETE /api/functions: Function is used by api gateways"):
        dashboard(answers).delete("/api/functions", "f")


def test_what_somebody_deletes_is_not_waited_for() -> None:
    with pytest.raises(CallFailed, match="'f' on nuclio: somebody deleted it meanwhile"):
        dashboard(lambda request: (404, {"error": "Function not found"})).settle("f")


@pytest.mark.parametrize(
    "error", [httpx.ReadError("Bad file descriptor"), httpx.RemoteProtocolError("disconnected")]
)
def test_what_only_reads_is_asked_again_when_its_connection_ends(error: Exception) -> None:
    asked: list[str] = []

    def answers(request: httpx.Request) -> tuple[int, object]:
        asked.append(request.method)
        if len(asked) == 1 or request.method != "GET":
            raise error
        return 200, {"metadata": {}}

    assert dashboard(answers).get("/api/functions/f", "f") == {"metadata": {}}
    with pytest.raises(CallFailed, match="'f' on nuclio: POST /api/functions: "):
        dashboard(answers).call("POST", "/api/functions", "f")  # it may have been done
    assert asked == ["GET", "GET", "POST"]


def test_a_gateway_goes_before_the_functions_that_it_sends_to() -> None:
    gateway = NuclioGateway(name="f", host="h", app="shop", upstreams=(("f", 90), ("f-canary", 10)))
    functions = [
        NuclioFunction(name=name, project="shop", app="shop") for name in ("f", "f-canary")
    ]
    live = {each.key: each for each in (*functions, gateway)}
    steps = make_plan("shop", [], live, {}, destroy=True).steps
    assert steps[0].key == "nuclio_gateway:f" and len(steps) == 3


class Building:
    """A dashboard with a function whose deploy was begun, and has these states one by one."""

    def __init__(self, *states: str) -> None:
        self.states, self.changes = list(states), list[str]()
        wanted = NuclioFunction(name="f", project="shop", app="shop")
        self.target = Target(Aws(Account()), dashboard(self.answer), app="shop")
        self.have = replace(wanted, state=states[0])
        self.wanted = wanted

    def answer(self, request: httpx.Request) -> tuple[int, object]:
        if request.method == "GET":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return 200, {"status": {"state": state}}
        self.changes.append(request.method)
        if self.states[0] == "building":
            return 412, {"error": "Function is being provisioned"}
        self.states = ["ready"]
        return 202, {}


@pytest.mark.parametrize(
    ("states", "changes"),
    [
        (("building", "building", "ready"), []),
        (("waitingForBuild", "configuringResources", "ready"), []),
        (("building", "waitingForResourceConfiguration", "error"), ["PUT"]),
        (("imported",), ["PUT"]),
    ],
)
def test_what_a_killed_deploy_began_is_waited_for(
    states: tuple[str, ...], changes: list[str]
) -> None:
    """The same is not built twice, unless it fails; the plan says what is waited for."""
    place = Building(*states)
    step, *more = make_plan("shop", [place.wanted], {place.have.key: place.have}, {}).steps
    assert [(each.what, each.old, each.new) for each in step.changes] == [
        ("state", states[0], "ready")
    ]
    assert not more and ("is waited for" in step.follows) == (states[0] != "imported")
    place.wanted.update(place.target, place.have)
    assert place.changes == changes
    assert place.states == ["ready"]


def test_another_deploy_comes_after_the_one_that_is_under_way() -> None:
    place = Building("building", "building", "ready")
    other = replace(place.wanted, spec={"handler": "b:c"})
    step, *_ = make_plan("shop", [other], {place.have.key: place.have}, {}).steps
    assert step.follows == "an earlier deploy is under way: Nuclio takes this one at its end"
    other.update(place.target, place.have)
    assert place.changes[-1] == "PUT" and len(place.changes) > 1, "refused while it was under way"
