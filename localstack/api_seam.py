"""Where ministack's API Gateway is changed: what is kept of a visit, how long is waited, OPTIONS,
and the throttling of HTTP APIs' routes.

ministack hands a function less than a client sent (so the visit is kept beside it, `pushed/visit`),
waits for an integration as long as that takes, answers every OPTIONS of an HTTP API itself, and
keeps a stage's throttling settings without an effect.
Its own functions are wrapped for that; `tests/localstack/test_push_seam.py` holds this to what is
assumed of them.  What an event or an answer of a function looks like is `pushed/`'s.

Sources: API Gateway's page of quotas (29 s, REST and WebSocket; 30 s, HTTP; timeoutInMillis below
that), "Gateway response types" (INTEGRATION_TIMEOUT), and "Configure CORS for HTTP APIs": a
preflight is answered even where no route takes OPTIONS, but $default catches OPTIONS, too, with
its authorizer; so does ANY, as aws/serverless-application-model#1603 saw on AWS.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from functools import partial, wraps
from importlib import import_module
from inspect import signature
from typing import Any

from .pushed.visit import CLIENT, HTTP, REST, VISIT, Visit
from .token_buckets import TokenBuckets, limits_of

MODULES = {REST: "ministack.services.apigateway_v1", HTTP: "ministack.services.apigateway"}
# What serves a request to an API through a function: the kind of API, and ministack's function.
PROXIES = ((REST, "_invoke_lambda_proxy_v1"), (HTTP, "_invoke_lambda_proxy"))
# Whatever waits for an integration.
INTEGRATIONS = (
    *PROXIES,
    (REST, "_invoke_lambda_custom_v1"),
    (REST, "_invoke_http_proxy_v1"),
    (HTTP, "_invoke_http_proxy"),
)
# What is told the method of a request, once its route is looked for.
TOLD = ("_match_route", "_authorize_request_v2", "_invoke_lambda_proxy", "_invoke_http_proxy")
ENTRANCE = "_handle_execute_in_scope"
LONGEST = {REST: 29.0, HTTP: 30.0}  # seconds
TIMED_OUT, THROTTLED = "Endpoint request timed out", "Too Many Requests"
# How OPTIONS is spelt while ministack looks for its route: its own preflight is for the other.
_ROUTED = "options"
_INSTALLING = threading.Lock()
# Calls that nobody waits for any more: a function goes on when API Gateway has given up.
_LEFT: set[asyncio.Future[Any]] = set()

Answer = tuple[int, dict[str, Any], bytes]


def install() -> None:
    """Wrap what is to be wrapped, once.

    ministack loads its API Gateway with the first request to it, which takes a while; so does this.
    """
    loaded = {kind: import_module(name) for kind, name in MODULES.items()}
    with _INSTALLING:  # two threads may serve the first two requests
        if not is_installed():
            _install(loaded)


def _install(loaded: Mapping[str, Any]) -> None:
    for kind, name in PROXIES:
        _wrap(loaded[kind], name, partial(_noting, kind, loaded[kind]))
    for kind, name in INTEGRATIONS:
        _wrap(loaded[kind], name, partial(_bounded, kind, loaded[kind]))
    for name in TOLD:
        _wrap(loaded[HTTP], name, _spelt)
    _wrap(loaded[HTTP], ENTRANCE, partial(_entrance, loaded[HTTP]))  # the last: all are wrapped


def is_installed() -> bool:
    module = sys.modules.get(MODULES[HTTP])
    return hasattr(getattr(module, ENTRANCE, None), "__wrapped__")


def _wrap(module: Any, name: str, wrapped: Callable[[Any], Any]) -> None:
    setattr(module, name, wrapped(getattr(module, name)))


# -- what is kept of a visit
def _noting(kind: str, module: Any, proxy: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    parameters = signature(proxy)

    @wraps(proxy)
    async def noted(*given: Any, **named: Any) -> Any:
        asked = parameters.bind(*given, **named).arguments
        variables = {}
        if kind == HTTP:
            variables = module._get_stage_variables(asked["api_id"], asked["stage"])
        token = VISIT.set(Visit(kind, asked, CLIENT.get(), variables))
        try:
            return await proxy(*given, **named)
        finally:
            VISIT.reset(token)

    return noted


# -- how long is waited
def seconds_of(integration: Mapping[str, Any], longest: float) -> float:
    """How long an integration may take.

    >>> seconds_of({"timeoutInMillis": 500}, 29.0), seconds_of({}, 29.0)
    (0.5, 29.0)
    """
    given = integration.get("timeoutInMillis")
    return min(float(given) / 1000, longest) if given else longest


async def within(seconds: float, work: Awaitable[Any], left: set[asyncio.Future[Any]]) -> Any:
    """What `work` comes to; raises TimeoutError after so long, and then it goes on in `left`.

    By the machine's time whichever clock there is, as all durations of processes.
    """
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        left.add(task)
        task.add_done_callback(left.discard)
        task.add_done_callback(_forget)
        raise TimeoutError
    return task.result()


def _forget(task: asyncio.Future[Any]) -> None:
    """Nobody asks how it ended."""
    if not task.cancelled():
        task.exception()


def _bounded(kind: str, module: Any, call: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    @wraps(call)
    async def bounded(integration: Mapping[str, Any], *given: Any, **named: Any) -> Any:
        seconds = seconds_of(integration, LONGEST[kind])
        try:
            return await within(seconds, call(integration, *given, **named), _LEFT)
        except TimeoutError:
            if kind == REST:
                return module._gw_error("INTEGRATION_TIMEOUT", TIMED_OUT)
            return _own(503, "Service Unavailable")

    return bounded


def _own(status: int, message: str) -> Answer:
    return status, {"Content-Type": "application/json"}, f'{{"message":"{message}"}}'.encode()


def _entrance(module: Any, handle: Callable[..., Awaitable[Answer]]) -> Callable[..., Any]:
    return _routing(module, _throttling(module, TokenBuckets(), handle))


# -- throttling of HTTP APIs
def _throttling(
    module: Any, buckets: TokenBuckets, handle: Callable[..., Awaitable[Answer]]
) -> Callable[..., Any]:
    parameters = signature(handle)

    @wraps(handle)
    async def throttled(*given: Any, **named: Any) -> Answer:
        asked = parameters.bind(*given, **named).arguments
        api, name = asked["api_id"], asked["stage"]
        stage = module._stages.get(api, {}).get(name) or {}
        if stage.get("defaultRouteSettings") or stage.get("routeSettings"):
            found = module._match_route(api, asked["method"], "/" + asked["path"].lstrip("/"))
            key = found["routeKey"] if found else ""
            # ministack's `time` is the emulator's clock.
            now = module.time.time()
            if found and not buckets.take((api, name, key), limits_of(stage, key), now):
                return _own(429, THROTTLED)
        return await handle(**asked)

    return throttled


# -- OPTIONS of HTTP APIs
def _routing(module: Any, handle: Callable[..., Awaitable[Answer]]) -> Callable[..., Any]:
    """OPTIONS goes to a route that takes it; only where there is none CORS answers it."""
    parameters = signature(handle)

    @wraps(handle)
    async def routed(*given: Any, **named: Any) -> Answer:
        asked = parameters.bind(*given, **named).arguments
        api = module._apis.get(asked["api_id"])
        if asked["method"] != "OPTIONS" or not api:
            return await handle(**asked)
        rules = api.get("corsConfiguration") or {}
        preflight = _preflight(module, rules, asked["headers"])
        if module._match_route(asked["api_id"], "OPTIONS", "/" + asked["path"].lstrip("/")):
            answer = await handle(**{**asked, "method": _ROUTED})
            return _with_rules(answer, preflight)
        if rules:
            return preflight or (204, {"Content-Length": "0"}, b"")
        not_found: Answer = module._http_api_not_found()
        return not_found

    return routed


def _preflight(module: Any, rules: Mapping[str, Any], headers: Mapping[str, str]) -> Answer | None:
    """How CORS answers a preflight; None for what is none: it has both of these headers."""
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    if not rules or not sent.get("origin") or not sent.get("access-control-request-method"):
        return None
    answer: Answer = module._cors_preflight_response(rules, sent["origin"])
    return answer


def _with_rules(answer: Answer, preflight: Answer | None) -> Answer:
    """A route's answer to a preflight, with the headers of CORS in the place of its own."""
    if preflight is None or preflight[0] != 204:
        return answer
    status, headers, body = answer
    rules = {name: value for name, value in preflight[1].items() if name != "Content-Length"}
    return status, {**headers, **rules}, body


def _spelt(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is told the method as the client wrote it."""
    parameters = signature(function)

    @wraps(function)
    def told(*given: Any, **named: Any) -> Any:
        asked = parameters.bind(*given, **named)
        if asked.arguments["method"] == _ROUTED:
            asked.arguments["method"] = "OPTIONS"
        return function(*asked.args, **asked.kwargs)

    return told
