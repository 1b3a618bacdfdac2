"""Generators that Nuclio-style handlers return, where an answer goes out whole: all pieces as one.

Source: `Response.from_entrypoint_output_async` of nuclio_sdk: the first piece makes the response,
unless the generator is a response's body, and the others are added to it as text or bytes.
"""

from __future__ import annotations

from typing import Any

from .call import run_async


def is_stream(answer: Any) -> bool:
    """
    >>> is_stream(each for each in "ab"), is_stream(["a", "b"])
    (True, False)
    """
    return hasattr(answer, "__next__") or hasattr(answer, "__anext__")


def joined(answer: Any, response_of: Any) -> Any:
    """The response of a generator, or of a response whose body is one.

    >>> from .nuclio_shapes import response_of
    >>> joined((each for each in ["a", b"b", 7]), response_of).body
    'ab7'
    """
    outer = None if is_stream(answer) else answer
    found = _all_of(answer if outer is None else outer.body)
    first, *others = found or [""]
    if outer is not None:
        outer.body = _body(first)
    response = response_of(first if outer is None else outer)
    texts = [response.body, *map(_body, others)]
    response.body = _together(texts)
    return response


def _all_of(stream: Any) -> list[Any]:
    if hasattr(stream, "__next__"):
        return list(stream)

    async def gather() -> list[Any]:
        return [each async for each in stream]

    found: list[Any] = run_async(gather())
    return found


def _body(piece: Any) -> Any:
    """A piece's own body, where it is a response."""
    return piece.body if hasattr(piece, "status_code") and hasattr(piece, "body") else piece


def _together(pieces: list[Any]) -> str | bytes:
    encoded = [each if isinstance(each, bytes) else str(each).encode() for each in pieces]
    whole = b"".join(encoded)
    try:
        return whole.decode()
    except UnicodeDecodeError:
        return whole
