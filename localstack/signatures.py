"""Signature Version 4 as the receiver checks it: who signed a request, or why it was not signed.

Sources: AWS's pages on creating a signed request and on authenticating requests (canonical
request, string to sign, signing key, presigned queries); the sentences as AWS's services answer
them.  It knows no service: how a refusal is written down is in `signature_words`.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote

from .clock import MACHINE, Clock
from .messages import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
# Bodies whose parts are signed one by one: only the first signature, over the head, is checked.
_STREAMING = "STREAMING-"
S3 = frozenset({"s3", "s3express", "s3-outposts", "s3-object-lambda"})
# Minutes by which a signature may be off; the services that speak query or XML bear more.
_SKEW, _WIDE_SKEW = 5, 15
_WIDE = S3 | {"sqs", "sns", "iam", "sts", "cloudformation", "ec2", "monitoring", "email"}
_LONGEST = 7 * 24 * 3600  # seconds that a presigned query may be good for
_LEGACY = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)
_PART = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]*)")


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


class Unsigned(Exception):
    """Why a request does not count as signed.

    kind: "missing", "incomplete", "legacy" (version 2), "unknown" (key or token), "expired"
          (token), "wrong" (signature), "skewed" (date), "late" (presigned, and over),
          "tampered" (body)
    """

    def __init__(self, kind: str, message: str, service: str = "") -> None:
        self.kind, self.message, self.service = kind, message, service
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class _Signed:
    """The signature's parts as they came."""

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str
    stamp: str  # when, like 20260101T000000Z
    presigned: bool
    token: str = ""
    seconds: int = 0  # for which it is good, when presigned

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


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

    def _credential(self, signed: _Signed) -> Credential:
        found = self._known.get(signed.access_key)
        if found is None or (found.token and found.token != signed.token):
            message = "The security token included in the request is invalid."
            raise Unsigned("unknown", message, signed.service)
        if found.expires < self._clock.time():
            message = "The security token included in the request is expired"
            raise Unsigned("expired", message, signed.service)
        return found

    def _check_time(self, signed: _Signed) -> None:
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


# -- reading
def read(request: Request) -> _Signed:
    """The signature that a request carries, in its header or its query.  Raises Unsigned."""
    header = request.headers.get("authorization", "")
    if header:
        return _from_header(request, header)
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    if "AWSAccessKeyId" in query and "Signature" in query:
        raise Unsigned("legacy", _LEGACY)
    if "X-Amz-Algorithm" in query or "X-Amz-Signature" in query:
        return _from_query(query)
    raise Unsigned("missing", "Missing Authentication Token")


def _from_header(request: Request, header: str) -> _Signed:
    algorithm, _, rest = header.partition(" ")
    if not algorithm.startswith("AWS"):
        raise Unsigned("missing", "Missing Authentication Token")
    if algorithm == "AWS":
        raise Unsigned("legacy", _LEGACY)
    if algorithm != ALGORITHM:
        raise Unsigned("incomplete", f"Unsupported AWS 'algorithm': '{algorithm}'.")
    parts = dict(_PART.findall(rest))
    stamp = request.headers.get("x-amz-date") or request.headers.get("date", "")
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    if not stamp:
        missing.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if missing:
        hashed = hashlib.sha256(header.encode("latin-1", "replace")).hexdigest()
        raise Unsigned(
            "incomplete",
            f"{' '.join(missing)} (Hashed with SHA-256 and encoded with Base16) "
            f"Authorization={hashed}",
        )
    return _signed(
        parts["Credential"],
        parts["SignedHeaders"],
        parts["Signature"],
        stamp,
        token=request.headers.get("x-amz-security-token", ""),
    )


def _from_query(query: Mapping[str, str]) -> _Signed:
    names = ("Algorithm", "Credential", "Signature", "SignedHeaders", "Date", "Expires")
    missing = [
        f"AWS query-string parameters must include 'X-Amz-{name}'."
        for name in names
        if not query.get(f"X-Amz-{name}")
    ]
    if missing:
        raise Unsigned("incomplete", " ".join(missing) + " Re-examine the query-string parameters.")
    if query["X-Amz-Algorithm"] != ALGORITHM:
        raise Unsigned("incomplete", f"Unsupported AWS 'algorithm': '{query['X-Amz-Algorithm']}'.")
    seconds = query["X-Amz-Expires"]
    if not seconds.isdigit() or int(seconds) > _LONGEST:
        raise Unsigned("incomplete", f"X-Amz-Expires must be at most {_LONGEST} seconds")
    return _signed(
        query["X-Amz-Credential"],
        query["X-Amz-SignedHeaders"],
        query["X-Amz-Signature"],
        query["X-Amz-Date"],
        token=query.get("X-Amz-Security-Token", ""),
        seconds=int(seconds),
        presigned=True,
    )


def _signed(
    credential: str,
    headers: str,
    signature: str,
    stamp: str,
    token: str,
    seconds: int = 0,
    presigned: bool = False,
) -> _Signed:
    words = credential.split("/")
    if len(words) < 5 or words[-1] != "aws4_request":
        raise Unsigned(
            "incomplete",
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{credential[:200]}'",
        )
    date, region, service = words[-4:-1]
    names = tuple(headers.lower().split(";"))
    if "host" not in names:
        raise Unsigned("incomplete", "'Host' must be a 'SignedHeader' in the request.", service)
    if not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        raise Unsigned(
            "incomplete",
            f"Date must be in ISO-8601 'basic format'. Got '{stamp[:60]}'. "
            "See http://en.wikipedia.org/wiki/ISO_8601",
            service,
        )
    if not stamp.startswith(date):
        raise Unsigned(
            "wrong",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{date}' != '{stamp[:8]}', from '{stamp}'.",
            service,
        )
    key = "/".join(words[:-4])
    return _Signed(key, date, region, service, names, signature, stamp, presigned, token, seconds)


# -- computing
def sign(secret: str, signed: _Signed, canonical: str) -> str:
    """The signature that `secret` makes of a canonical request."""
    key = f"AWS4{secret}".encode()
    for word in (*signed.scope.split("/"), _to_sign(signed, canonical)):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return key.hex()


def canonical_request(
    request: Request, names: tuple[str, ...], body_hash: str, s3: bool = False
) -> str:
    """Method, path, query, headers and body of a request in the one form that is signed."""
    lines = [f"{name}:{_value(request, name)}" for name in names]
    path = request.path or "/"
    return "\n".join(
        [
            request.method,
            path if s3 else quote(_normal(path), safe="/~"),
            _query(request.query),
            *lines,
            "",
            ";".join(names),
            body_hash,
        ]
    )


def _value(request: Request, name: str) -> str:
    given = [v.decode("utf-8", "replace") for k, v in request.fields if k.decode("latin-1") == name]
    if name == "host" or not given:
        given = [request.headers.get(name, "")]
    return ",".join(" ".join(each.split()) for each in given)


def _normal(path: str) -> str:
    """Without dots and doubled slashes, as all but S3 sign it."""
    normal = posixpath.normpath(path)
    normal = "/" + normal.lstrip("/")
    return normal + "/" if path.endswith("/") and normal != "/" else normal


def _query(query: str) -> str:
    pairs = []
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if name != "X-Amz-Signature":
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote(text, errors="surrogateescape"), safe="-_.~", errors="surrogateescape")


def _body_hash(request: Request, signed: _Signed) -> str:
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


def _is_s3(signed: _Signed) -> bool:
    return signed.service in S3


def _to_sign(signed: _Signed, canonical: str) -> str:
    hashed = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{signed.stamp}\n{signed.scope}\n{hashed}"


def _mismatch(canonical: str, signed: _Signed) -> str:
    return (
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        f"details.\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
        f"The String-to-Sign should have been\n'{_to_sign(signed, canonical)}'\n"
    )


def _seconds(stamp: str) -> float:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _stamp(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"
