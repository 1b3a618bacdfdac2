"""What of a Lambda function's code has changed: its package, layers and files, requirements, size.

Lambda tells a digest; which file or requirement it was is told by what the last deploy remembers.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .base import Change, changed_sources

if TYPE_CHECKING:
    from .function import LambdaFunction


def code_changes(
    want: LambdaFunction, have: LambdaFunction, last: Mapping[str, Any]
) -> Iterator[Change]:
    """From what is live to what is wanted; `last` is what the last deploy's state remembers."""
    yield from want.differences(("architecture",), have, "code")
    if bool(have.image) != bool(want.image):
        was, will = (have.image or "zip"), (want.image or "zip")
        yield Change("code", "package", was, will, _why(want), replaces=True)
    yield from want.differences(("layers",), have, "dependencies")
    if have.digest != want.digest:
        known = last if last.get("digest") == have.digest else {}
        found = [*_packages(want, known), *changed_sources(want.sources, known)]
        yield from found or [
            Change("code", "digest", have.digest[:12] or None, want.digest[:12], _why(want))
        ]
        yield from _size(want, known)
    elif have.code_sha256 != have.code_tag:
        new = code_sha256(want.sha256)
        yield Change("code", "code changed by others", have.code_sha256, new, drift=True)


def _why(want: LambdaFunction) -> str:
    return want.causes.get("", "")


def _packages(want: LambdaFunction, last: Mapping[str, Any]) -> Iterator[Change]:
    """Which requirements are new, gone, or of another size or version."""
    old, new = _versions(last.get("packages", {})), _versions(want.packages)
    for name in sorted({*old, *new}) if last else ():
        if old.get(name) != new.get(name):
            cause = want.causes.get(f"dependencies.{_normal(name)}", _why(want))
            yield Change(
                "dependencies", f"dependencies.{name}", old.get(name), new.get(name), cause
            )


def _normal(distribution: str) -> str:
    """A distribution's name as indexes spell it.

    >>> _normal("Markdown_It.py")
    'markdown-it-py'
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _versions(packages: Mapping[str, Any]) -> dict[str, str]:
    """
    >>> _versions({"numpy 1.26.4": 12, "your code": 3})
    {'numpy': '1.26.4'}
    """
    pairs = (each.rpartition(" ") for each in packages if each not in ("your code", "pelton"))
    return {name: version for name, _, version in pairs if name}


def _size(want: LambdaFunction, last: Mapping[str, Any]) -> Iterator[Change]:
    for name, what in (("zipped", "size"), ("import_ms", "import time")):
        old, new = last.get(name), getattr(want, name)
        if old and new and old != new:
            yield Change("code", what, old, new)


def code_sha256(sha256: str) -> str:
    """A zip's SHA-256 as Lambda says it.

    >>> code_sha256("00ff")
    'AP8='
    """
    return base64.b64encode(bytes.fromhex(sha256)).decode()
