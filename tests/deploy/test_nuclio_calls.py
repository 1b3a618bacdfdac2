"""Calls of a dashboard that are refused for a while, or for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from pelton.deploy.errors import CallFailed
from pelton.deploy.kinds.nuclio_gateway import NuclioGateway
from pelton.deploy.planning import make_plan
from pelton.deploy.targets.nuclio import Nuclio


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


def test_a_gateway_goes_before_the_functions_that_it_sends_to() -> None:
    from pelton.deploy.kinds.nuclio_function import NuclioFunction

    gateway = NuclioGateway(name="f", host="h", app="shop", upstreams=(("f", 90), ("f-canary", 10)))
    functions = [
        NuclioFunction(name=name, project="shop", app="shop") for name in ("f", "f-canary")
    ]
    live = {each.key: each for each in (*functions, gateway)}
    steps = make_plan("shop", [], live, {}, destroy=True).steps
    assert steps[0].key == "nuclio_gateway:f" and len(steps) == 3
