"""The split of a Nuclio without API gateways (on Docker): a router of ours under the function's
name, which passes requests on to the two versions of a canary.

While a canary is under way there are `NAME` (the router), `NAME-stable` and `NAME-canary`, and
`NAME-triggers` where the function has triggers that are no requests: what answers runs them, and so
they come to one version alone.  Before and after there is the function alone, under its name.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from ..errors import CallFailed, CannotRelease
from ..kinds.nuclio_function import NuclioFunction
from ..targets.nuclio import Nuclio
from . import router_function
from .facts import Facts
from .release import Split

ROUTER_LABEL, VERSION_LABEL = "pelton/router", "pelton/version"
STABLE, TRIGGERS = "stable", "triggers"
STICKY = ("header", "cookie", "query")
_MODULE = "pelton_router"
_SPARE = 30  # seconds more than a function may take for an answer


@dataclass(frozen=True, slots=True)
class Router:
    """The router of a function as it is deployed.

    share: of the canary, 0 to 1;  key: of who may ask it for its counts
    """

    share: float
    key: str
    sticky: str = ""


def read_router(document: Mapping[str, Any] | None) -> Router | None:
    """The router that a function's document is; None for any other function."""
    metadata = (document or {}).get("metadata", {})
    if document is None or not (metadata.get("labels") or {}).get(ROUTER_LABEL):
        return None
    variables = {each["name"]: each.get("value", "") for each in document["spec"].get("env") or ()}
    settings = json.loads(variables[router_function.SETTINGS])
    (_, (_, share)) = settings["routes"]
    return Router(float(share), settings["key"], settings["sticky"])


def check_sticky(text: str) -> str:
    """What a canary is to stick to; raises `CannotRelease` for what is none.

    >>> check_sticky("header:X-User")
    'header:X-User'
    """
    kind, _, name = text.partition(":")
    if text and (kind not in STICKY or not name):
        raise CannotRelease(
            f"{text!r} says nothing that a request can be known by: header:NAME, cookie:NAME or "
            "query:NAME"
        )
    return text


def router(
    function: str, stable: NuclioFunction, canary: NuclioFunction, split: Split, was: Router | None
) -> NuclioFunction:
    """The router of these two, as a function to deploy.

    It has as many workers as both together, so that none of theirs waits for one of its; it keeps
    the key that it had, and waits for its answers when it is ended.
    """
    source = (files(__package__) / "router_function.py").read_bytes()
    seconds = seconds_of(str(stable.spec.get("eventTimeout") or "")) * 2 + _SPARE
    labels = {name: each for name, each in stable.labels.items() if name != VERSION_LABEL}
    settings = {
        "routes": [[stable.name, round(1 - split.share, 6)], [canary.name, split.share]],
        "sticky": split.sticky,
        "seconds": seconds,
        "key": was.key if was else secrets.token_hex(8),
    }
    return NuclioFunction(
        name=function,
        app=stable.app,
        project=stable.project,
        namespace=stable.namespace,
        labels={**labels, ROUTER_LABEL: "canary"},
        digest=hashlib.sha256(source).hexdigest(),
        source=base64.b64encode(source).decode(),
        spec={
            "description": f"shares requests among {stable.name} and {canary.name}",
            "handler": f"{_MODULE}:handler",
            "runtime": stable.spec.get("runtime", "python"),
            "env": [{"name": router_function.SETTINGS, "value": json.dumps(settings)}],
            "minReplicas": 1,
            "maxReplicas": 1,
            "triggers": {"http": _trigger(stable, canary, seconds)},
            "build": {"codeEntryType": "sourceCode"},
        },
    )


def _trigger(stable: NuclioFunction, canary: NuclioFunction, seconds: float) -> dict[str, Any]:
    """The function's own HTTP trigger, at its port and with its limits."""
    both = [_http(each) for each in (stable, canary)]
    return {
        **both[0],
        "kind": "http",
        "name": "http",
        "numWorkers": sum(int(each.get("numWorkers") or 1) for each in both),
        "workerTerminationTimeout": f"{seconds:.0f}s",
    }


def _http(function: NuclioFunction) -> dict[str, Any]:
    triggers = (function.spec.get("triggers") or {}).values()
    return next((dict(each) for each in triggers if each.get("kind") == "http"), {})


def seconds_of(text: str) -> float:
    """A time of Nuclio's in seconds; a minute where none is said.

    >>> seconds_of("1m30s"), seconds_of("500ms"), seconds_of("")
    (90.0, 0.5, 60.0)
    """
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    found = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    return sum(float(number) * units[unit] for number, unit in found) if found else 60.0


def without_requests(function: NuclioFunction) -> NuclioFunction | None:
    """The same with its other triggers alone; None where it has no others."""
    triggers = function.spec.get("triggers") or {}
    others = {name: each for name, each in triggers.items() if each.get("kind") != "http"}
    if not others:
        return None
    spec = {**function.spec, "triggers": others, "disableDefaultHTTPTrigger": True}
    return replace(function, spec=spec)


def counts(nuclio: Nuclio, function: str, key: str) -> dict[str, dict[str, float]]:
    """What a router has counted, by function; it is asked through the dashboard."""
    headers = {"x-nuclio-function-name": function, router_function.ASK: key}
    answer = nuclio.call("GET", "/api/function_invocations", function, headers=headers)
    try:
        found: dict[str, dict[str, float]] = answer.json()
    except ValueError:
        raise CallFailed(f"the router of {function!r} does not tell its counts") from None
    return found


def facts_of(version: str, counted: Mapping[str, float], before: Mapping[str, float]) -> Facts:
    """What was counted since; a time is the longest of its class, a tenth at most too long.

    >>> now = {"success": 98, "failure": 2, "sum": 500, "c10": 98, "c40": 2}
    >>> facts_of("4", now, {}).document()["errors"], round(facts_of("4", now, {}).p99 or 0, 2)
    (0.02, 4.53)
    """
    since = {key: value - before.get(key, 0.0) for key, value in counted.items()}
    requests = since.get("success", 0.0) + since.get("failure", 0.0)
    if requests <= 0:
        return Facts(version)
    classes = sorted((int(key[1:]), each) for key, each in since.items() if key[1:].isdigit())

    def below(share: float) -> float:
        left = share * requests
        for number, count in classes:
            left -= count
            if left <= 1e-9:
                return router_function.upper(number)
        return router_function.upper(classes[-1][0])

    return Facts(
        version,
        requests,
        since.get("failure", 0.0) / requests,
        mean=since.get("sum", 0.0) / requests,
        p50=below(0.5),
        p90=below(0.9),
        p95=below(0.95),
        p99=below(0.99),
        max=below(1.0),
    )
