"""Who signed a request, by the credentials that are known and the clock, or why nobody did.

It knows no service but S3, whose paths and bodies are signed in a way of their own; how a refusal
is written down is in `words`.

Sources: AWS's pages on authenticating requests; the sentences as AWS's services answer them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ..clock import MACHINE, Clock
from ..messages import Request
from .compute import canonical_request, sign, string_to_sign
from .mark import without_mark
from .read import Signed, Unsigned, read

UNSIGNED = "UNSIGNED-PAYLOAD"
# Bodies whose parts are signed one by one: only the first signature, over the head, is checked.
_STREAMING = "STREAMING-"
S3 = frozenset({"s3", "s3express", "s3-outposts", "s3-object-lambda"})
# Minutes by which a signature may be off; the services that speak query or XML bear more.
_SKEW, _WIDE_SKEW = 5, 15
_WIDE = S3 | {"sqs", "sns", "iam", "sts", "cloudformation", "ec2", "monitoring", "email"}


@dataclass(frozen=True, slots=True)
class Credential:
    """What an access key was given with; `token` is "" for one that does not expire."""

    access_key: str
    secret: str
    token: str = ""
    expires: float = float("inf")


# What clients and functions have where nobody checks.
EVERYBODY = Credential("test", "test", "test")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed."""

    access_key: str
    temporary: bool = False


class Signatures:
    """Checks signatures against the credentials that it knows.

    >>> known = Signatures({"test": "secret"}, MACHINE)
    >>> try: known.caller(Request("GET", "/"))
    ... except Unsigned as error: print(error.kind, error)
    missing Missing Authentication Token
    """

    def __init__(self, credentials: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self._known = {key: Credential(key, secret) for key, secret in credentials.items()}

    def add(self, credential: Credential) -> None:
        self._known[credential.access_key] = credential

    def forget(self, access_key: str) -> None:
        self._known.pop(access_key, None)

    def caller(self, request: Request) -> Caller:
        """Who signed the request.  Raises Unsigned."""
        signed = read(request)
        credential = self._credential(signed)
        self._check_time(signed)
        body = _body_hash(request, signed)
        canonical = canonical_request(request, signed.headers, body, _is_s3(signed))
        expected = sign(credential.secret, signed, canonical)
        if not hmac.compare_digest(expected, signed.signature):
            raise Unsigned("wrong", _mismatch(canonical, signed), signed.service)
        return Caller(credential.access_key, bool(credential.token))

    def _credential(self, signed: Signed) -> Credential:
        found = self._known.get(signed.access_key)
        if found is None or (found.token and found.token != without_mark(signed.token)):
            message = "The security token included in the request is invalid."
            raise Unsigned("unknown", message, signed.service)
        if found.expires < self._clock.time():
            message = "The security token included in the request is expired"
            raise Unsigned("expired", message, signed.service)
        return found

    def _check_time(self, signed: Signed) -> None:
        """By the clock; who signs has the machine's time, which a manual clock is not."""
        when = _seconds(signed.stamp)
        if signed.presigned:
            if when + signed.seconds < self._clock.time():
                raise Unsigned("late", "Request has expired", signed.service)
            return
        minutes = _WIDE_SKEW if signed.service in _WIDE else _SKEW
        now = min((self._clock.time(), MACHINE.time()), key=lambda each: abs(each - when))
        if abs(now - when) <= minutes * 60:
            return
        late = when < now
        edge = _stamp(now - minutes * 60 if late else now + minutes * 60)
        words = (
            "expired: {} is now earlier than" if late else "not yet current: {} is still later than"
        )
        raise Unsigned(
            "skewed",
            f"Signature {words.format(signed.stamp)} {edge} "
            f"({_stamp(now)} {'-' if late else '+'} {minutes} min.)",
            signed.service,
        )


def _body_hash(request: Request, signed: Signed) -> str:
    """What the signature says of the body.  Raises Unsigned when the body is another one."""
    told = request.headers.get("x-amz-content-sha256", "")
    if signed.presigned and _is_s3(signed):
        return told or UNSIGNED
    if told.startswith(_STREAMING) or told == UNSIGNED:
        return told
    found = hashlib.sha256(request.body).hexdigest()
    if told and told != found and _is_s3(signed):
        raise Unsigned(
            "tampered",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            signed.service,
        )
    return found


def _is_s3(signed: Signed) -> bool:
    return signed.service in S3


def _mismatch(canonical: str, signed: Signed) -> str:
    return (
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        f"details.\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
        f"The String-to-Sign should have been\n'{string_to_sign(signed, canonical)}'\n"
    )


def _seconds(stamp: str) -> float:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _stamp(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"
