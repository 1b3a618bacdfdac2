"""Who may connect to a WebSocket API: what a Lambda authorizer's answer says, and a signature.

Sources: API Gateway's developer guide, "Control access to WebSocket APIs with AWS Lambda REQUEST
authorizers" and "Control access with IAM authorization"; that IAM's policies are not weighed is
said in the fidelity table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from ..messages import Request

_DENIED = "User is not authorized to access this resource"


class Refused(Exception):
    """A handshake that is answered with `status` and a message."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(f"{status} {message}")


def check_sources(sources: list[str], request: Request, variables: Mapping[str, str]) -> None:
    """Raise Refused where what identifies a caller is not all there.

    >>> check_sources(["route.request.querystring.token"], Request("GET", "/?token=a"), {})
    >>> check_sources(["route.request.header.Auth"], Request("GET", "/"), {})
    Traceback (most recent call last):
    pelton.localstack.websocket_apis.authorizing.Refused: 401 Unauthorized
    """
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    for each in sources:
        kind, _, name = each.removeprefix("route.").rpartition(".")
        found = {
            "request.header": request.headers.get(name.lower(), ""),
            "request.querystring": query.get(name, ""),
            "stageVariables": variables.get(name, ""),
            "context": "there",
        }.get(kind, "")
        if not found:
            raise Refused(401, "Unauthorized")


def allowed(answer: Any, arn: str) -> dict[str, Any]:
    """What functions are told of a caller whom an authorizer's policy lets in.  Raises Refused.

    >>> statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    >>> said = {"principalId": "me", "policyDocument": {"Statement": [statement]}}
    >>> allowed({**said, "context": {"n": 1, "b": True}}, "arn:aws:execute-api:…:a/live/$connect")
    {'n': '1', 'b': 'true', 'principalId': 'me'}
    """
    policy = answer.get("policyDocument") if isinstance(answer, dict) else None
    context = (answer.get("context") or {}) if isinstance(answer, dict) else {}
    if not isinstance(policy, dict) or not isinstance(context, dict):
        raise Refused(500, "Internal server error")
    effects = set(_effects(policy, arn))
    if "Deny" in effects or "Allow" not in effects:
        raise Refused(403, _DENIED)
    told = {name: _text(value) for name, value in context.items()}
    return {**told, "principalId": str(answer.get("principalId"))}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _effects(policy: Mapping[str, Any], arn: str) -> Iterator[str]:
    """What the statements that are about `arn` say."""
    statements = policy.get("Statement") or []
    for each in [statements] if isinstance(statements, dict) else statements:
        about = any(_covers(pattern, arn) for pattern in _listed(each.get("Resource")))
        actions = [action.lower() for action in _listed(each.get("Action"))]
        if about and any(_covers(action, "execute-api:invoke") for action in actions):
            yield str(each.get("Effect"))


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value or "")]


def _covers(pattern: str, text: str) -> bool:
    wild = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, text) is not None
