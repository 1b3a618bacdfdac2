"""The signature that a request carries, in its header or its query, read and checked for form.

What is missing or ill-formed is refused here, in AWS's sentences; whether the signature is right
is not known here: that wants the secret (`check`).

Sources: AWS's pages on creating a signed request and on authenticating requests (header, presigned
query); the sentences as AWS's services answer them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..messages import Request

ALGORITHM = "AWS4-HMAC-SHA256"
_LONGEST = 7 * 24 * 3600  # seconds that a presigned query may be good for
_LEGACY = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)
_PART = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]*)")


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
class Signed:
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


def read(request: Request) -> Signed:
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


def _from_header(request: Request, header: str) -> Signed:
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


def _from_query(query: Mapping[str, str]) -> Signed:
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
) -> Signed:
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
    return Signed(key, date, region, service, names, signature, stamp, presigned, token, seconds)
