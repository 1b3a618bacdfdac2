"""How each kind of service says that a request is not signed as it must be.

Four dialects: JSON by target, REST with JSON, query (XML), and S3's own.  Sources: AWS's pages of
common errors; S3's list of error responses; the sentences that AWS's services answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from uuid import uuid4

from ..messages import Request, Response
from .check import S3
from .read import Unsigned

_QUERY = frozenset(
    "autoscaling cloudformation cloudfront cloudsearch ec2 elasticache elasticbeanstalk "
    "elasticloadbalancing email iam monitoring rds redshift route53 sns sqs sts".split()
)
_MISSING = "Request is missing Authentication Token"
# kind -> (code of JSON services, code of query services, status of the latter)
_CODES: Mapping[str, tuple[str, str, int]] = {
    "missing": ("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403),
    "incomplete": ("IncompleteSignatureException", "IncompleteSignature", 400),
    "legacy": ("IncompleteSignatureException", "IncompleteSignature", 400),
    "unknown": ("UnrecognizedClientException", "InvalidClientTokenId", 403),
    "expired": ("ExpiredTokenException", "ExpiredToken", 403),
    "wrong": ("InvalidSignatureException", "SignatureDoesNotMatch", 403),
    "skewed": ("InvalidSignatureException", "SignatureDoesNotMatch", 403),
    "late": ("InvalidSignatureException", "SignatureDoesNotMatch", 403),
    "tampered": ("InvalidSignatureException", "SignatureDoesNotMatch", 403),
}
# kind -> (code, status, sentence; "" keeps the one that says more)
_S3: Mapping[str, tuple[str, int, str]] = {
    "missing": ("AccessDenied", 403, "Access Denied"),
    "incomplete": ("AuthorizationHeaderMalformed", 400, ""),
    "legacy": ("InvalidRequest", 400, ""),
    "unknown": (
        "InvalidAccessKeyId",
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    "expired": ("ExpiredToken", 400, "The provided token has expired."),
    "wrong": (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method.",
    ),
    "skewed": (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the current time is too large.",
    ),
    "late": ("AccessDenied", 403, "Request has expired"),
    "tampered": ("XAmzContentSHA256Mismatch", 400, ""),
}


def refusal(request: Request, error: Unsigned) -> Response:
    """The answer to a request that is not signed as it must be, in its service's dialect."""
    if "x-amz-target" in request.headers:
        return _json(request, error)
    service = error.service or _guessed(request)
    if service in S3:
        return _s3(request, error)
    return _query(error) if service in _QUERY else _rest(error)


def _guessed(request: Request) -> str:
    """The service of a request that no signature names: by its look."""
    if b"Action=" in request.body[:4096] or "Action=" in request.query:
        return "sts"
    dated = request.path.startswith("/20") and request.path[5:6] == "-"
    return "lambda" if dated else "s3"


def _json(request: Request, error: Unsigned) -> Response:
    message = _MISSING if error.kind == "missing" else error.message
    body = {"__type": f"com.amazon.coral.service#{_CODES[error.kind][0]}", "message": message}
    kind = request.headers.get("content-type", "application/x-amz-json-1.0")
    return Response(
        400,
        [("x-amzn-RequestId", str(uuid4())), ("Content-Type", kind)],
        json.dumps(body).encode(),
    )


def _rest(error: Unsigned) -> Response:
    return Response(
        403,
        [
            ("x-amzn-RequestId", str(uuid4())),
            ("x-amzn-ErrorType", _CODES[error.kind][0]),
            ("Content-Type", "application/json"),
        ],
        json.dumps({"message": error.message}).encode(),
    )


def _query(error: Unsigned) -> Response:
    _, code, status = _CODES[error.kind]
    message = _MISSING if error.kind == "missing" else error.message
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
        f"<Message>{escape(message, quote=False)}</Message></Error>"
        f"<RequestId>{uuid4()}</RequestId></ErrorResponse>"
    )
    return Response(status, [("Content-Type", "text/xml")], body.encode())


def _s3(request: Request, error: Unsigned) -> Response:
    code, status, sentence = _S3[error.kind]
    if error.kind == "incomplete" and "authorization" not in request.headers:
        code = "AuthorizationQueryParametersError"
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
        f"<Message>{escape(sentence or error.message, quote=False)}</Message>"
        f"<RequestId>{uuid4().hex[:16].upper()}</RequestId></Error>"
    )
    return Response(status, [("Content-Type", "application/xml")], body.encode())
