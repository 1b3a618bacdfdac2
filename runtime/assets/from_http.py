"""Assets at an HTTP address.  Source: RFC 9110, range requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...handlers.errors import AssetFailed

_PIECE = 1 << 20
_SECONDS = 60.0  # without a byte
PARTIAL, NO_SUCH_RANGE = 206, 416


def parts(uri: str, begin: int) -> tuple[int, Iterator[bytes]]:
    """See `fetch`."""
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    headers = {"range": f"bytes={begin}-"} if begin else {}
    try:
        answer = urlopen(Request(uri, headers=headers), timeout=_SECONDS)
    except HTTPError as error:
        error.close()
        if error.code == NO_SUCH_RANGE and begin:  # nothing is missing
            return begin, iter(())
        raise AssetFailed(
            f"the asset {uri} cannot be fetched: {error.code} {error.reason}"
        ) from None
    except (URLError, OSError) as error:
        raise AssetFailed(f"the asset {uri} cannot be fetched: {error}") from error
    return (begin if answer.status == PARTIAL else 0), _pieces(uri, answer)


def _pieces(uri: str, answer: Any) -> Iterator[bytes]:
    from http.client import HTTPException

    told, got = answer.length, 0
    try:
        with answer:
            while piece := answer.read(_PIECE):
                got += len(piece)
                yield piece
    except (HTTPException, OSError) as error:
        raise AssetFailed(
            f"the asset {uri} broke off: {error!r}; the next try goes on from there"
        ) from error
    if told is not None and got < told:
        raise AssetFailed(
            f"the asset {uri} broke off after {got} of {told} bytes; the next try goes on there"
        )
