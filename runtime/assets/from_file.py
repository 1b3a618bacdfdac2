"""Assets that are files of this machine, for local runs."""

from __future__ import annotations

from collections.abc import Iterator

from ...handlers.errors import AssetFailed

_PIECE = 1 << 20


def parts(uri: str, begin: int) -> tuple[int, Iterator[bytes]]:
    """See `fetch`."""
    path = path_of(uri)
    try:
        file = open(path, "rb")
    except OSError as error:
        raise AssetFailed(f"the asset {uri} cannot be read: {error.strerror}") from error

    def pieces() -> Iterator[bytes]:
        with file:
            file.seek(begin)
            yield from iter(lambda: file.read(_PIECE), b"")

    return begin, pieces()


def path_of(uri: str) -> str:
    """
    >>> path_of("file:///srv/a%20b.onnx")
    '/srv/a b.onnx'
    """
    from urllib.parse import unquote

    return unquote(uri.removeprefix("file://"))
