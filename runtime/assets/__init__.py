"""`asset`: a file too large to ship, fetched when it is first needed and held to its digest.

Declared at import for nothing: what fetches is imported when a path is asked for.  Where a file
comes from is one source a file beside this one, all of one shape (see `fetch`).
"""

from __future__ import annotations

import sys

from ...handlers.errors import WrongUse

SOURCES = ("s3", "https", "http", "file")


class Asset:
    """A file that is somewhere else; see `asset`.  `os.fspath` and `path` fetch it."""

    __slots__ = ("sha256", "size", "uri")

    def __init__(self, uri: str, sha256: str, size: int = 0) -> None:
        self.uri, self.sha256, self.size = uri, sha256, size

    @property
    def name(self) -> str:
        """The file's own name.

        >>> Asset("s3://models/delay/v3.onnx", "0" * 64).name
        'v3.onnx'
        """
        return self.uri.partition("?")[0].rstrip("/").rpartition("/")[2]

    @property
    def path(self) -> str:
        """Where the file is on this machine; fetched, and its digest checked, by the first that
        asks.  Raises `AssetFailed`."""
        from .fetch import fetched

        return fetched(self)

    def __fspath__(self) -> str:
        return self.path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and (self.uri, self.sha256) == (other.uri, other.sha256)

    def __hash__(self) -> int:
        return hash((self.uri, self.sha256))

    def __repr__(self) -> str:
        return f"asset({self.uri!r}, sha256={self.sha256[:12]!r}…)"


def asset(uri: str, *, sha256: str, size: int = 0) -> Asset:
    """A file that is fetched when it is first needed: a model too large to ship.

    uri:    s3://BUCKET/KEY, https://… (http://… too), or file:///PATH for local runs
    sha256: of its content, in hex: anything else is refused
    size:   in bytes, where it is known: a build then checks that /tmp takes it

    It is fetched once a cold start into /tmp, where all of a machine's workers share it, and on
    your own machine once into the user's cache; whole or not at all, and an interrupted fetch goes
    on where it stood.  It is a path wherever a path is taken: `open(MODEL)`,
    `onnxruntime.InferenceSession(MODEL.path)`, `pelton.onnx(MODEL)`.  S3 needs boto3, which Lambda
    has, and `s3:GetObject` on the object.

    Raises `WrongUse` with file and line for a wrong URI or digest; `AssetFailed` when it is used
    and cannot be had.

    >>> asset("s3://models/delay.onnx", sha256="0" * 64).name
    'delay.onnx'
    >>> asset("models/delay.onnx", sha256="")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: ...:1: asset 'models/delay.onnx' has no digest; give sha256=...
    """
    fault, advice = _fault(uri, sha256, size)
    if fault:
        frame = sys._getframe(1)
        raise WrongUse(fault, file=frame.f_code.co_filename, line=frame.f_lineno, advice=advice)
    return Asset(uri, sha256.lower(), size)


def _fault(uri: str, sha256: str, size: int) -> tuple[str, str]:
    if not isinstance(sha256, str) or not sha256:
        return f"asset {uri!r} has no digest", "give sha256=, what `sha256sum FILE` prints"
    if len(sha256) != 64 or not set(sha256.lower()) <= set("0123456789abcdef"):
        return f"asset {uri!r}: {sha256!r} is no SHA-256", "64 hexadecimal digits"
    scheme, found, rest = str(uri).partition("://")
    if scheme not in SOURCES or not found or not rest.partition("/")[2]:
        return f"asset {uri!r} is no address", "write s3://BUCKET/KEY, https://… or file:///PATH"
    if not isinstance(size, int) or size < 0:
        return f"asset {uri!r}: size={size!r} is no number of bytes", ""
    return "", ""
