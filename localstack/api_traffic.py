"""API Gateway around ministack's: what clients of an API send, and APIs that are made in one call.

A client's request is kept beside the one that ministack is given, so that functions see what was
sent (`pushed/`).  CreateApi with a target is "quick create": an integration, a route and a stage
are made with the API; ministack makes the API alone, so the others follow by its public calls.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from . import api_seam
from .gateway import at_home, signed_for
from .messages import Request, Response
from .pushed.visit import CLIENT
from .services import Services

_APIS = "/v2/apis"
_ANY_ROUTE, _STAGE = "$default", "$default"
Members = dict[str, Any]


async def serve(services: Services, request: Request) -> Response:
    """An API's answer to its client."""
    await services.loaded()
    if not api_seam.is_installed():
        await asyncio.to_thread(api_seam.install)
    token = CLIENT.set(request)
    try:
        return await services(at_home(request))
    finally:
        CLIENT.reset(token)


def _with_ws(request: Request, response: Response) -> Response:
    """Answers that tell of WebSocket APIs have the scheme of their addresses."""
    if not request.path.startswith(_APIS) or b'"WEBSOCKET"' not in response.body:
        return response
    told = json.loads(response.body)
    for each in told.get("items", [told]):
        if each.get("protocolType") == "WEBSOCKET":
            each["apiEndpoint"] = each["apiEndpoint"].replace("http", "ws", 1)
    body = json.dumps(told).encode()
    headers = [each for each in response.headers if each[0].lower() != "content-length"]
    return replace(response, headers=headers, body=body)


# -- quick create
async def quickly_made(services: Services, request: Request) -> Response:
    """The answer to any other request; an API that was made with a target is whole with it."""
    asked = _asked(request)
    if "target" not in asked:
        return _with_ws(request, await services(request))
    if request.method == "PATCH":
        return _refused("The emulator does not change the target of an API: update its integration")
    if asked.get("protocolType") != "HTTP":
        return _refused("Quick create, with a target, is for HTTP APIs only")
    if not str(asked["target"]).startswith(("arn:", "http://", "https://")):
        return _refused("Invalid function ARN or invalid uri")
    response = await services(request)
    if response.status != 201:
        return response
    place = f"{_APIS}/{json.loads(response.body)['apiId']}"
    failed = await _finish(services, request, place, asked)
    if failed is None:
        return response
    await services(_like(request, "DELETE", place, {}))
    return failed


def _asked(request: Request) -> Members:
    """The members of a CreateApi or an UpdateApi, {} for all other requests."""
    path = request.path.rstrip("/")
    made = request.method == "POST" and path == _APIS
    changed = request.method == "PATCH" and path.rpartition("/")[0] == _APIS
    if not (made or changed) or signed_for(request) not in ("", "apigateway"):
        return {}
    try:
        members = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


async def _finish(
    services: Services, request: Request, place: str, asked: Members
) -> Response | None:
    """Make what belongs to the API; the first refusal, if there was one."""
    made = await services(_like(request, "POST", f"{place}/integrations", _integration(asked)))
    if made.status >= 300:
        return made
    target = f"integrations/{json.loads(made.body)['integrationId']}"
    route = {"routeKey": asked.get("routeKey") or _ANY_ROUTE, "target": target}
    stage = {"stageName": _STAGE, "autoDeploy": True}
    for kind, members in (("routes", route), ("stages", stage)):
        answer = await services(_like(request, "POST", f"{place}/{kind}", members))
        if answer.status >= 300:
            return answer
    return None


def _integration(asked: Members) -> Members:
    """
    >>> _integration({"target": "https://example.test"})["integrationType"]
    'HTTP_PROXY'
    """
    target = str(asked["target"])
    kind: Members = {"integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0"}
    if target.startswith(("http://", "https://")):
        kind = {"integrationType": "HTTP_PROXY", "payloadFormatVersion": "1.0"}
        kind["integrationMethod"] = "ANY"
    if asked.get("credentialsArn"):
        kind["credentialsArn"] = asked["credentialsArn"]
    return {**kind, "integrationUri": target, "connectionType": "INTERNET"}


def _like(request: Request, method: str, target: str, members: Members) -> Request:
    """A further request of the same caller's, in the same account and region."""
    body = json.dumps(members).encode()
    length = str(len(body))
    fields = [each for each in request.fields if each[0] != b"content-length"]
    fields.append((b"content-length", length.encode()))
    headers = {**request.headers, "content-length": length}
    return replace(
        request, method=method, target=target, body=body, headers=headers, fields=fields, spelt=[]
    )


def _refused(message: str) -> Response:
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "BadRequestException")]
    return Response(400, headers, json.dumps({"message": message}).encode())
