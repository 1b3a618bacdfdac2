"""An asset's file on this machine: fetched by one, waited for by the others, whole or not at all.

A source is a module with `parts(uri, begin)`: the content from that byte on, in pieces, or
`AssetFailed`; `begin` 0 is all of it.  A source that cannot begin in the middle gives all from the
start and says so by its first value, the byte that it begins at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ...handlers.errors import AssetFailed

if TYPE_CHECKING:
    from . import Asset

# (where the content begins, its pieces)
Parts = tuple[int, Iterator[bytes]]
_ON_A_PLATFORM = ("AWS_LAMBDA_FUNCTION_NAME", "NUCLIO_FUNCTION_NAME")
_PIECE = 1 << 20
_known: dict[tuple[str, str], str] = {}


def fetched(
    asset: Asset, folder: str = "", parts: Callable[[str, int], Parts] | None = None
) -> str:
    """The path of an asset's file, fetched where it is not there.

    folder: where fetched files are kept; "" is the platform's /tmp, or the user's cache
    """
    key = (asset.sha256, folder)
    if key not in _known or not os.path.exists(_known[key]):
        _known[key] = _make(asset, folder or default_folder(), parts or _source(asset.uri))
    return _known[key]


def default_folder() -> str:
    """/tmp where a platform runs this, the user's cache elsewhere."""
    import tempfile

    if any(name in os.environ for name in _ON_A_PLATFORM):
        return os.path.join(tempfile.gettempdir(), "pelton-assets")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "pelton", "assets")


def _source(uri: str) -> Callable[[str, int], Parts]:
    from importlib import import_module

    scheme = uri.partition("://")[0].replace("https", "http")
    found: Callable[[str, int], Parts] = import_module(f".from_{scheme}", __package__).parts
    return found


def _make(asset: Asset, folder: str, parts: Callable[[str, int], Parts]) -> str:
    home = os.path.join(folder, asset.sha256)
    path = os.path.join(home, asset.name)
    if os.path.exists(path):
        return path  # only what was checked ever has that name
    try:
        os.makedirs(home, exist_ok=True)
        with _alone(os.path.join(home, "lock")):
            if not os.path.exists(path):
                part = os.path.join(home, "part")
                _receive(asset, part, parts)
                os.replace(part, path)
    except OSError as error:
        if error.errno == 28:  # ENOSPC; not by name, to import nothing
            raise AssetFailed(
                f"the asset {asset.uri} does not fit into {folder}: {error.strerror}; give the "
                "function aws=pelton.Aws(ephemeral_mb=...)"
            ) from error
        raise AssetFailed(f"the asset {asset.uri} cannot be kept in {folder}: {error}") from error
    return path


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """One process of this machine at a time."""
    with open(path, "w") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        except ImportError:  # Windows: two may fetch, and the last one's file, the same, stays
            pass
        yield


def _receive(asset: Asset, part: str, parts: Callable[[str, int], Parts]) -> None:
    """Fetch what is missing of `part`, and check all of it."""
    hasher, have = _begun(part)
    begin, pieces = parts(asset.uri, have)
    if begin != have:
        hasher, have = sha256(), 0
    with open(part, "r+b" if have else "wb") as file:
        file.seek(have)
        file.truncate()
        for piece in pieces:
            hasher.update(piece)
            file.write(piece)
    if hasher.hexdigest() != asset.sha256:
        os.unlink(part)
        raise AssetFailed(
            f"the asset {asset.uri} has the sha256 {hasher.hexdigest()}, and pinned is "
            f"{asset.sha256}: somebody has changed it, or the digest is another file's"
        )


def _begun(part: str) -> tuple[Any, int]:
    """What an interrupted fetch has left: its digest so far, and its length."""
    hasher, length = sha256(), 0
    try:
        with open(part, "rb") as file:
            while piece := file.read(_PIECE):
                hasher.update(piece)
                length += len(piece)
    except FileNotFoundError:
        pass
    return hasher, length
