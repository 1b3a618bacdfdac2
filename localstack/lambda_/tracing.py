"""The X-Ray trace header: taken from a request, made where there is none, handed to the function.

Nothing is sent to X-Ray.  Sources: X-Ray's documentation of the tracing header (fields, form of
their values) and Lambda's of TracingConfig: PassThrough samples what comes sampled, Active also
decides for what comes undecided (AWS takes the first request of a second and one in twenty; here
each is sampled, so that what depends on it can be tested).
"""

from __future__ import annotations

import random
import re

HEADER = "x-amzn-trace-id"
_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_RANDOM = random.Random()  # of its own: tests seed the one that all share
_OURS = ("Root", "Parent", "Sampled")


def handed_on(header: str, request_id: str, active: bool, now: float) -> str:
    """The header that a function is given for one invocation.

    The invocation is a segment of its own: where the trace is sampled the function sees that as
    its parent.  Other fields (Lineage, custom ones) go on as they came.

    >>> handed_on("", "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa", True, 1_700_000_000)[:16]
    'Root=1-6553f100-'
    >>> root = "Root=1-6553f100-aaaaaaaaaaaaaaaaaaaaaaaa"
    >>> handed_on(f"{root};Parent=53995c3f42cd8ad8;Sampled=0", "ab", True, 0) == (
    ...     f"{root};Parent=53995c3f42cd8ad8;Sampled=0")
    True
    """
    if not header:
        sampled = "1" if active else "0"
        return f"Root={_root(now)};Parent={segment(request_id)};Sampled={sampled}"
    # It is handed on in a header: no line may end in it, and no client has to decode it.
    header = "".join(each for each in header if " " <= each <= "~")
    given = dict(part.strip().split("=", 1) for part in header.split(";") if "=" in part)
    root, parent = given.get("Root", ""), given.get("Parent", "")
    if not _ROOT.fullmatch(root):
        root, parent = _root(now), ""
    sampled = given.get("Sampled", "")
    if sampled not in ("0", "1"):
        sampled = "1" if active else "0"
    if sampled == "1" or not parent:
        parent = segment(request_id)
    others = [f";{name}={value}" for name, value in given.items() if name not in _OURS]
    return f"Root={root};Parent={parent};Sampled={sampled}{''.join(others)}"


def _root(now: float) -> str:
    return f"1-{int(now):08x}-{_RANDOM.getrandbits(96):024x}"


def segment(request_id: str) -> str:
    """The segment of an invocation: made of the request id, so that all who tell it agree.

    >>> segment("6d68ca91-49c9-448d-89b8-7ca3e6dc66aa")
    '6d68ca9149c9448d'
    """
    return request_id.replace("-", "")[:16]
