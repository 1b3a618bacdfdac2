"""HTTP APIs of API Gateway, Lambda proxy integration: events and answers of both payload formats.

Sources: AWS's page on the integration (both formats, all header names in lower case, the rules by
which format 2.0 infers an answer) and Lambda's sample event, whose rawPath begins with the stage's
name but for $default.  Format 2.0 is a function URL's, so `lambda_/urls.py` makes it.  What fails
is 500 {"message":"Internal Server Error"}, what is throttled 503 {"message":"Service Unavailable"}.
"""

from __future__ import annotations

import json
from typing import Any

from ..lambda_ import urls
from . import answers
from .format_1 import NOBODY, header_lines, query_lines, with_multiple
from .visit import HTTP, Visit

_ID = "apigw-requestid"
Members = dict[str, Any]


def recognises(event: Any, visit: Visit | None) -> bool:
    return visit is not None and visit.kind == HTTP and "rawPath" in event


def event(event: Members, visit: Visit | None) -> Members:
    assert visit is not None
    return _format_1(event, visit) if _is_format_1(visit) else _format_2(event, visit)


def _is_format_1(visit: Visit) -> bool:
    return bool(visit.asked["integration"].get("payloadFormatVersion") == "1.0")


def _path(event: Members) -> str:
    stage = event["requestContext"]["stage"]
    path: str = event["rawPath"]
    return path if stage == "$default" else f"/{stage}{path}"


# -- format 2.0
def _format_2(event: Members, visit: Visit) -> Members:
    context = event["requestContext"]
    api, now = context["apiId"], context["timeEpoch"] / 1000
    ip, port = visit.address
    asked = urls.Request(
        context["http"]["method"],
        _path(event),
        event["rawQueryString"],
        tuple(visit.lines),
        b"",
        ip,
        port,
    )
    made = urls.make_event(
        asked,
        api,
        visit.domain(api),
        now,
        visit.request_id,
        visit.trace(now),
        context["accountId"],
        context.get("authorizer"),
    )
    made["routeKey"] = event["routeKey"]
    made["requestContext"] |= {"routeKey": event["routeKey"], "stage": context["stage"]}
    for name in ("body", "pathParameters"):
        if event.get(name) is not None:
            made[name] = event[name]
    if visit.variables:
        made["stageVariables"] = visit.variables
    return {**made, "isBase64Encoded": event["isBase64Encoded"]}


# -- format 1.0
def _format_1(event: Members, visit: Visit) -> Members:
    context = event["requestContext"]
    lines = [(k.lower(), v) for k, v in header_lines(visit, context["timeEpoch"] / 1000)]
    return {
        "version": "1.0",
        "resource": _resource(event["routeKey"]),
        "path": _path(event),
        "httpMethod": context["http"]["method"],
        **with_multiple("headers", lines),
        **with_multiple("queryStringParameters", query_lines(event["rawQueryString"])),
        "requestContext": _context_1(event, visit),
        "pathParameters": event.get("pathParameters"),
        "stageVariables": visit.variables or None,
        "body": event.get("body"),
        "isBase64Encoded": event["isBase64Encoded"],
    }


def _context_1(event: Members, visit: Visit) -> Members:
    context = event["requestContext"]
    api, http = context["apiId"], context["http"]
    return {
        "accountId": context["accountId"],
        "apiId": api,
        "authorizer": _authorizer(context.get("authorizer") or {}),
        "domainName": visit.domain(api),
        "domainPrefix": api,
        "extendedRequestId": visit.request_id,
        "httpMethod": http["method"],
        "identity": {**NOBODY, "sourceIp": visit.address[0], "userAgent": http["userAgent"]},
        "path": _path(event),
        "protocol": http["protocol"],
        "requestId": visit.request_id,
        "requestTime": context["time"],
        "requestTimeEpoch": context["timeEpoch"],
        "resourceId": event["routeKey"],
        "resourcePath": _resource(event["routeKey"]),
        "stage": context["stage"],
    }


def _resource(route: str) -> str:
    """
    >>> _resource("GET /orders/{id}"), _resource("$default")
    ('/orders/{id}', '$default')
    """
    return route.partition(" ")[2] or route


def _authorizer(given: Members) -> Members:
    """What an authorizer told: a JWT's claims and scopes, a function's context as it is."""
    if "lambda" in given:
        return dict(given["lambda"] or {})
    token = given.get("jwt", {})
    return {"claims": token.get("claims"), "scopes": token.get("scopes")}


# -- answers
def result(result: Members, visit: Visit | None) -> Members:
    assert visit is not None
    if result.get("throttle"):
        told = answers.own(503, "Service Unavailable")["body"]
    else:
        told = None if result.get("error") else _told(result["body"], visit)
        told = told or answers.own(500, "Internal Server Error")["body"]
    headers = {**told["headers"], _ID: visit.request_id}
    return {"body": {**told, "headers": headers}}


def _told(answer: Any, visit: Visit) -> Members | None:
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return None if _is_format_1(visit) else _inferred(answer)
    told = answers.passed_on(answer)
    if told is None:
        return None
    if _is_format_1(visit):
        return answers.with_multiple(told, answer.get("multiValueHeaders"))
    cookies = answer.get("cookies") or []
    return {**told, "cookies": cookies} if urls.head_of({"cookies": cookies}) else None


def _inferred(answer: Any) -> Members:
    """What format 2.0 makes of an answer that says no status.

    >>> _inferred({"a": "é"})["body"], _inferred("text")["body"], _inferred(None)["body"]
    ('{"a": "é"}', 'text', 'null')
    """
    body = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    told = {"statusCode": 200, "headers": {"Content-Type": "application/json"}}
    return {**told, "body": answers.text(body)}
