"""What is kept of a function's releases, on the function itself: who let which version answer,
when and why, and the canary that is under way.

It lives where the function lives (tags on Lambda, annotations on Nuclio), so that any machine finds
it and no file can be lost.  Here it is data; how a platform holds it, the platforms know.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from ..errors import CannotRelease
from .canary import Canary, read

Kind = Literal["deploy", "promote", "rollback", "alias"]
KEPT = 30
FORMAT = 1
TAG = "pelton:ledger."
_PIECE = 250  # a tag's value has at most 256 characters
_PIECES = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of the version that answers: `version` for `was` ("" for the first)."""

    at: float
    by: str
    kind: Kind
    version: str
    was: str = ""
    digest: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Entries from the oldest to the newest, and the canary that is under way, or the last."""

    entries: tuple[Entry, ...] = ()
    canary: Canary | None = None

    def with_entry(self, entry: Entry) -> Ledger:
        """With one more; the oldest of more than `KEPT` are forgotten."""
        return replace(self, entries=(*self.entries, entry)[-KEPT:])

    def before(self, version: str, there: Collection[str]) -> str:
        """The version that answered before `version` did and is there still, "" for none.

        A rollback is no step forward: what it left is not what one goes back to.

        >>> one = Entry(0.0, "ana", "deploy", "1")
        >>> two, three = Entry(1.0, "ana", "deploy", "2", "1"), Entry(2.0, "bo", "deploy", "3", "2")
        >>> back = Entry(3.0, "bo", "rollback", "2", "3")
        >>> Ledger((one, two, three, back)).before("2", {"1", "2", "3"})
        '1'
        """
        seen = {version}
        while True:
            came = [e for e in self.entries if e.version == version and e.kind != "rollback"]
            version = came[-1].was if came else ""
            if not version or version in seen:
                return ""
            if version in there:
                return version
            seen.add(version)

    def document(self) -> dict[str, Any]:
        """JSON-ready; `read_ledger` is the way back."""
        return {
            "format": FORMAT,
            "entries": [asdict(each) for each in self.entries],
            "canary": self.canary.document() if self.canary else None,
        }


def read_ledger(document: Mapping[str, Any]) -> Ledger:
    """The ledger that `document` says; raises `CannotRelease` for one that cannot be read."""
    if not document:
        return Ledger()
    if document.get("format") != FORMAT:
        raise CannotRelease(
            f"the record of releases has format {document.get('format')!r}, and this version of "
            f"pelton reads format {FORMAT}; use the version that wrote it, or a newer one"
        )
    try:
        canary = document["canary"]
        return Ledger(
            tuple(Entry(**each) for each in document["entries"]),
            read(canary) if canary else None,
        )
    except (KeyError, TypeError) as error:
        raise CannotRelease(f"the record of releases cannot be read: {error!r}") from None


def to_tags(ledger: Ledger) -> dict[str, str]:
    """The ledger as tags, whose values take few characters: packed, in pieces, the first of which
    says how many there are.

    >>> tags = to_tags(Ledger((Entry(0.0, "ana", "deploy", "1"),)))
    >>> from_tags({**tags, "team": "blue"}).entries[0].by
    'ana'
    """
    while True:
        packed = zlib.compress(json.dumps(ledger.document(), separators=(",", ":")).encode(), 9)
        text = base64.b64encode(packed).decode()
        pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
        if len(pieces) <= _PIECES or not ledger.entries:
            break
        ledger = replace(ledger, entries=ledger.entries[1:])
    if len(pieces) > _PIECES:
        raise CannotRelease("the canary's gates are too long to be kept; give shorter ones")
    tags = {f"{TAG}{number}": piece for number, piece in enumerate(pieces)}
    tags[f"{TAG}0"] = f"{len(pieces)}:{tags[f'{TAG}0']}"
    return tags


def from_tags(tags: Mapping[str, str]) -> Ledger:
    """The ledger in a function's tags; an empty one when they have none."""
    first = tags.get(f"{TAG}0", "")
    if not first:
        return Ledger()
    count, _, piece = first.partition(":")
    try:
        pieces = [piece, *(tags[f"{TAG}{number}"] for number in range(1, int(count)))]
        document = json.loads(zlib.decompress(base64.b64decode("".join(pieces))))
    except (KeyError, ValueError, zlib.error):
        raise CannotRelease(
            f"the tags {TAG}… of the function, its record of releases, were changed by somebody; "
            f"remove them to begin a new record"
        ) from None
    return read_ledger(document)
