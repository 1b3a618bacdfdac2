"""A WebSocket API's settings as API Gateway's own calls tell them, and which route a message takes.

Sources: API Gateway's developer guide, "Create routes for WebSocket APIs" (selection expressions,
$default for what is no JSON or matches no route) and "Set up route responses for WebSocket APIs"
(without one, a route answers nothing).  Nothing is called or waited for here but those calls.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..token_buckets import Limits, limits_of

CONNECT, DISCONNECT, DEFAULT = "$connect", "$disconnect", "$default"
_BODY = "request.body"
Members = Mapping[str, Any]
# One of API Gateway's answers, by its path; raises LookupError where there is no such thing.
Ask = Callable[[str], Awaitable[Members]]


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    integration: as GetIntegration tells it; {} for none
    mock:        what a MOCK integration answers
    answers:     whether it has a route response
    limits:      how often it may be taken, None for any
    """

    key: str
    integration: Members = field(default_factory=dict)
    mock: str = ""
    answers: bool = False
    authorization: str = "NONE"
    authorizer: Members = field(default_factory=dict)
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """One stage of a WebSocket API."""

    id: str
    stage: str
    selection: str
    variables: Mapping[str, str]
    routes: Mapping[str, Route]

    def route(self, text: str) -> Route | None:
        """The route that a message takes; None where it takes none."""
        key = selected(self.selection, text)
        if key in (CONNECT, DISCONNECT) or key not in self.routes:
            key = DEFAULT
        return self.routes.get(key)


def selected(expression: str, text: str) -> str:
    """What a route selection expression finds in a message, "" for nothing.

    >>> selected("$request.body.action", '{"action": "join"}')
    'join'
    >>> selected("${request.body.do.what}", '{"do": {"what": 3}}'), selected("$a", "no JSON")
    ('3', '')
    """
    inner = expression.removeprefix("$").removeprefix("{").removesuffix("}")
    if not inner.startswith(f"{_BODY}."):
        return ""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    for name in inner.removeprefix(f"{_BODY}.").split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return str(found).lower()
    return str(found) if isinstance(found, str | int | float) else ""


def called(uri: str) -> str:
    """The function that an integration's or an authorizer's URI names, "" for none.

    >>> arn = "arn:aws:lambda:eu-west-1:123456789012:function:chat:live"
    >>> called(f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{arn}/invocations")
    'chat/live'
    """
    arn = uri.partition("/functions/")[2].removesuffix("/invocations") or uri
    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != "lambda":
        return ""
    return "/".join(parts[6:8])


async def read(ask: Ask, api: str, stage: str) -> Api | None:
    """The API as it is now; None where there is no such WebSocket API or stage."""
    place = f"/v2/apis/{api}"
    try:
        told, at = await ask(place), await ask(f"{place}/stages/{stage}")
    except LookupError:
        return None
    if told.get("protocolType") != "WEBSOCKET":
        return None
    integrations = await _by_id(ask, f"{place}/integrations", "integrationId")
    authorizers = await _by_id(ask, f"{place}/authorizers", "authorizerId")
    routes = [
        await _route(ask, place, each, integrations, authorizers)
        for each in (await ask(f"{place}/routes")).get("items", [])
    ]
    return Api(
        api,
        stage,
        str(told.get("routeSelectionExpression", "")),
        at.get("stageVariables") or {},
        {each.key: replace(each, limits=limits_of(at, each.key)) for each in routes},
    )


async def _by_id(ask: Ask, place: str, name: str) -> dict[str, Members]:
    return {each[name]: each for each in (await ask(place)).get("items", [])}


async def _route(
    ask: Ask,
    place: str,
    told: Members,
    integrations: Mapping[str, Members],
    authorizers: Mapping[str, Members],
) -> Route:
    # A target is "integrations/ID"; some templates have the API's id before it.
    target = str(told.get("target") or "").rpartition("/")[2]
    integration, mock = integrations.get(target, {}), ""
    if integration.get("integrationType") == "MOCK":
        answers = await ask(f"{place}/integrations/{target}/integrationresponses")
        mock = _template(answers.get("items", []))
    responses = await ask(f"{place}/routes/{told['routeId']}/routeresponses")
    return Route(
        str(told["routeKey"]),
        integration,
        mock,
        bool(responses.get("items")),
        str(told.get("authorizationType") or "NONE"),
        authorizers.get(str(told.get("authorizerId") or ""), {}),
    )


def _template(responses: list[Members]) -> str:
    templates = [each.get("responseTemplates") or {} for each in responses]
    found = [each[name] for each in templates for name in (DEFAULT, *each) if name in each]
    return str(found[0]) if found else ""
