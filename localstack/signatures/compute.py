"""The signature that a secret makes of a request: canonical request, string to sign, key.

Nothing is judged here, and no clock is asked.  Source: AWS's page on creating a signed request.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
from urllib.parse import quote, unquote

from ..messages import Request
from .read import ALGORITHM, Signed


def sign(secret: str, signed: Signed, canonical: str) -> str:
    """The signature that `secret` makes of a canonical request."""
    key = f"AWS4{secret}".encode()
    for word in (*signed.scope.split("/"), string_to_sign(signed, canonical)):
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


def string_to_sign(signed: Signed, canonical: str) -> str:
    """What the key signs of a canonical request."""
    hashed = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{signed.stamp}\n{signed.scope}\n{hashed}"
