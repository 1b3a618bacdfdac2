"""API gateways of Nuclio: their resource, who is answered by which function, and functions that are
replaced under load without a request that fails, is lost, or is answered twice."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter, defaultdict
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain

SOURCE = """
import os, time

def handler(context, event):
    if event.path in ("/slow", b"/slow"):
        time.sleep(0.05)
    if b"X-Tell" in event.headers:
        target = event.headers[b"X-Nuclio-Target"].decode()
        return f"{os.environ['VERSION']} {event.path.decode()} {target}"
    return os.environ["VERSION"] + " " + (event.body or b"").decode()
"""
GATEWAYS = "/api/api_gateways"


def function(name: str, version: str, workers: int = 2, **spec: Any) -> dict[str, Any]:
    http = {"kind": "http", "numWorkers": workers}
    return {
        "metadata": {"name": name},
        "spec": {
            "handler": "main:handler",
            "runtime": "python",
            "env": [{"name": "VERSION", "value": version}],
            "triggers": {"http": http},
            "build": {"functionSourceCode": base64.b64encode(SOURCE.encode()).decode()},
            **spec,
        },
    }


def gateway(*upstreams: tuple[str, int], **spec: Any) -> dict[str, Any]:
    ups = [
        {"kind": "nucliofunction", "nucliofunction": {"name": name}, "percentage": percent}
        for name, percent in upstreams
    ]
    wanted = {"host": "shop.localhost", "authenticationMode": "none", "upstreams": ups, **spec}
    return {"metadata": {"name": "shop"}, "spec": wanted}


def put(emulator: RunningEmulator, method: str, document: dict[str, Any]) -> None:
    """Deploy a function and come back when it answers."""
    plain.request(
        method,
        f"{emulator.nuclio_url}/api/functions",
        json=document,
        headers={"x-nuclio-wait-function-action": "true"},
        timeout=60,
    ).raise_for_status()


@pytest.fixture
def shop(pelton_emulator: RunningEmulator) -> RunningEmulator:
    for name in ("one", "two"):
        put(pelton_emulator, "POST", function(name, name, workers=1))
    return pelton_emulator


@pytest.mark.fidelity(
    "Nuclio",
    "API gateways: made, listed, changed and deleted; by host and path; basicAuth; two upstreams "
    "by percentage",
    different="served on the dashboard's port, and below `/_gateway/NAME/`, without an ingress",
)
def test_a_gateway_s_life(shop: RunningEmulator) -> None:
    url = f"{shop.nuclio_url}{GATEWAYS}"
    made = plain.post(url, json=gateway(("one", 0)))
    assert (made.status_code, made.json()["status"]["state"]) == (201, "ready")
    assert plain.post(url, json=gateway(("one", 0))).status_code == 409
    by_host = plain.get(f"{shop.nuclio_url}/x", headers={"host": "shop.localhost"})
    assert by_host.text == "one "
    assert plain.post(f"{shop.nuclio_url}/_gateway/shop/x", content=b"b").text == "one b"
    changed = gateway(("one", 75), ("two", 25))
    assert plain.put(url, json=changed).status_code == 204
    with plain.Client(base_url=f"{shop.nuclio_url}/_gateway/shop") as client:
        answers = Counter(client.get("/").text.split()[0] for _ in range(160))
    assert set(answers) == {"one", "two"} and 15 <= answers["two"] <= 68
    turned = gateway(("one", 100), ("two", 0), path="/shop")
    turned["spec"]["upstreams"][0]["rewriteTarget"] = "/elsewhere"
    assert plain.put(url, json=turned).status_code == 204
    with plain.Client(base_url=f"{shop.nuclio_url}/_gateway/shop") as client:
        seen = {client.get("/shop/a?b=c", headers={"x-tell": "yes"}).text for _ in range(20)}
    assert seen == {"one /elsewhere two,one"}, "the one with a percentage is the canary"
    plain.put(url, json=gateway(("one", 0), ("two", 0))).raise_for_status()
    assert plain.get(f"{url}/shop").json()["status"]["state"] == "error"
    answer = plain.get(f"{shop.nuclio_url}/_gateway/shop/")
    assert (answer.status_code, "Percentage must be set" in answer.text) == (503, True)
    plain.put(url, json=changed).raise_for_status()
    assert list(plain.get(url).json()) == ["shop"]
    assert plain.get(f"{url}/shop").json()["spec"]["upstreams"] == changed["spec"]["upstreams"]
    assert plain.request("DELETE", url, json={"metadata": {"name": "shop"}}).status_code == 204
    assert plain.get(f"{url}/shop").status_code == 404
    assert plain.get(f"{shop.nuclio_url}/_gateway/shop/").status_code == 404


@pytest.mark.fidelity(
    "Nuclio",
    "a function is one API gateway's: another that names it becomes `error`, in the controller's "
    "words, and stays that until it is put again; what it served before goes on",
)
def test_a_function_of_two_gateways(shop: RunningEmulator) -> None:
    url = f"{shop.nuclio_url}{GATEWAYS}"
    plain.post(url, json=gateway(("one", 0))).raise_for_status()
    other = {"metadata": {"name": "other"}, "spec": gateway(("one", 0), host="o.localhost")["spec"]}
    told = "Nuclio function 'one' is already being used in another api gateway"

    def state(name: str) -> tuple[str, str]:
        status = plain.get(f"{url}/{name}").json()["status"]
        return status["state"], status.get("lastError", "")

    made = plain.post(url, json=other)
    assert made.status_code == 201 and set(made.json()) == {"metadata", "spec", "status"}
    assert (state("shop"), state("other")) == (("ready", ""), ("error", told))
    refused = plain.get(f"{shop.nuclio_url}/", headers={"host": "o.localhost"})
    assert refused.status_code == 503 and told in refused.text
    other["spec"]["upstreams"] = gateway(("two", 0))["spec"]["upstreams"]
    plain.put(url, json=other).raise_for_status()
    assert state("other") == ("ready", "")
    shared = gateway(("one", 0), ("two", 20))
    assert plain.put(url, json=shared).status_code == 204
    assert state("shop") == ("error", told.replace("one", "two"))
    assert plain.get(f"{url}/shop").json()["spec"]["upstreams"] == shared["spec"]["upstreams"]
    answers = {plain.get(f"{shop.nuclio_url}/_gateway/shop/").text for _ in range(20)}
    assert answers == {"one "}, "by the configuration before"
    plain.request("DELETE", url, json={"metadata": {"name": "other"}}).raise_for_status()
    assert state("shop")[0] == "error"
    plain.put(url, json=shared).raise_for_status()
    assert state("shop") == ("ready", "")


def test_basic_auth_and_paths(shop: RunningEmulator) -> None:
    url = f"{shop.nuclio_url}{GATEWAYS}"
    basic = {"basicAuth": {"username": "ana", "password": "secret"}}
    locked = gateway(("one", 0), authenticationMode="basicAuth", authentication=basic, path="/a")
    assert plain.post(url, json=locked).status_code == 201
    host = {"host": "shop.localhost"}
    refused = plain.get(f"{shop.nuclio_url}/a/b", headers=host)
    assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Basic")
    assert plain.get(f"{shop.nuclio_url}/a", headers=host, auth=("ana", "wrong")).status_code == 401
    assert plain.get(f"{shop.nuclio_url}/a", headers=host, auth=("ana", "secret")).text == "one "


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"spec": {"host": "h", "upstreams": []}}, "name must be provided"),
        (gateway(), "One or more upstreams"),
        (gateway(("one", 0), ("two", 1), ("three", 1)), "more than 2 upstreams"),
        (gateway(("one", 0), host=""), "host must be provided"),
        (gateway(("one", 0), ("two", 101)), "upstreams[1].percentage must be 0 to 100"),
        (gateway(("one", 0), authenticationMode="oauth2"), "none, basicAuth, not oauth2"),
        (gateway(("one", 0), authenticationMode="basicAuth"), "basicAuth needs"),
        (gateway(("", 0)), "an upstream must be of kind nucliofunction"),
        (
            gateway(upstreams=[{"nucliofunction": {"name": "f"}, "rewriteTarget": "/$1"}]),
            "a rewriteTarget without groups",
        ),
    ],
)
def test_what_no_gateway_can_be(
    pelton_emulator: RunningEmulator, document: dict[str, Any], said: str
) -> None:
    answer = plain.post(f"{pelton_emulator.nuclio_url}{GATEWAYS}", json=document)
    assert answer.status_code == 400 and said in answer.json()["error"]


@pytest.mark.fidelity(
    "Nuclio",
    "a function is deployed again, or two behind a gateway change places, under load: no request "
    "fails, is lost, or is answered twice",
)
def test_functions_are_replaced_under_load(shop: RunningEmulator) -> None:
    plain.post(f"{shop.nuclio_url}{GATEWAYS}", json=gateway(("one", 0))).raise_for_status()

    async def load() -> Counter[str]:
        answers: Counter[str] = Counter()
        seen: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        done = asyncio.Event()
        base = f"{shop.nuclio_url}/_gateway/shop"

        async def client(number: int) -> None:
            # Twice as many as workers, and slow: some always wait for a worker.
            async with plain.AsyncClient(base_url=base, timeout=60) as http:
                count = 0
                while not done.is_set():
                    path = "/slow" if count % 5 == 0 else "/"
                    answer = await http.post(path, content=f"{number}-{count}".encode())
                    assert answer.status_code == 200, (answer.status_code, answer.text)
                    version, echo = answer.text.split()
                    assert echo == f"{number}-{count}"
                    answers[echo] += 1
                    seen[version].set()
                    count += 1
                    await asyncio.sleep(0.003)  # as often as can be seen, and no oftener

        clients = [asyncio.create_task(client(number)) for number in range(8)]
        await seen["one"].wait()
        for version in ("one-b", "one-c"):
            await asyncio.to_thread(put, shop, "PUT", function("one", version))
            await seen[version].wait()
        url = f"{shop.nuclio_url}{GATEWAYS}"
        async with plain.AsyncClient(timeout=60) as http:
            await http.put(url, json=gateway(("one", 50), ("two", 50)))
            await seen["two"].wait()
            await asyncio.to_thread(put, shop, "PUT", function("two", "two-b"))
            await seen["two-b"].wait()
            await http.put(url, json=gateway(("two", 0)))
            gone = await http.request("DELETE", f"{shop.nuclio_url}/api/functions/one")
            assert gone.status_code == 204
        done.set()
        await asyncio.gather(*clients)
        return answers

    answers = asyncio.run(load())
    assert set(answers.values()) == {1} and len(answers) > 100
    counted = plain.get(f"{shop.nuclio_url}/metrics").text
    assert 'nuclio_processor_handled_events_total{namespace="nuclio",project="default"' in counted


def test_a_deploy_that_fails_leaves_what_answers(shop: RunningEmulator) -> None:
    port = plain.get(f"{shop.nuclio_url}/api/functions/one").json()["status"]["httpPort"]
    put(shop, "PUT", function("one", "broken", handler="main:nowhere"))
    assert plain.get(f"{shop.nuclio_url}/api/functions/one").json()["status"]["state"] == "error"
    assert plain.get(f"http://127.0.0.1:{port}/").text == "one "
    put(shop, "PUT", function("one", "mended"))
    assert plain.get(f"http://127.0.0.1:{port}/").text == "mended "
