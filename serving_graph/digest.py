"""A short digest of any value: enough to find the same input again, without keeping or showing it.

Only errors pay for it.
"""

from __future__ import annotations

from typing import Any

LENGTH = 12  # hex digits


def digest(value: Any) -> str:
    """The first digits of the SHA-256 of a value's content.

    Equal plain values have equal digests, in every process: JSON text is taken where there is one,
    an array's type, shape and bytes, else what the value prints of itself.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    from hashlib import sha256

    return sha256(_content(value)).hexdigest()[:LENGTH]


def _content(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        return f"{value.dtype}{value.shape}".encode() + bytes(value.tobytes())
    from json import dumps

    try:
        text = dumps(value, sort_keys=True, default=_plain)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    for how in ("model_dump", "_asdict", "tolist"):
        if callable(made := getattr(value, how, None)):
            return made()
    fields = getattr(value, "__dict__", None)
    return repr(value) if fields is None else {type(value).__qualname__: fields}
