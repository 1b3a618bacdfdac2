"""What a function's answer, refusal or error becomes on Nuclio: a response of its own kind.

Nuclio's `Response` class is taken from the context, so this works with nuclio_sdk's and with ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..handlers.event import Result
from ..handlers.function import Function
from .refusals import where
from .traces import shown

SET_COOKIE = "Set-Cookie"


def response(raw: Any, answer: Any) -> Any:
    if answer.__class__ is not Result:
        if isinstance(answer, bytes | str):
            kind = "application/octet-stream" if isinstance(answer, bytes) else "text/plain"
            return raw.Response(body=answer, content_type=kind, status_code=200)
        # A list would be read as a batch of responses, so JSON is written here.
        return raw.Response(
            body=json.dumps(answer), content_type="application/json", status_code=200
        )
    plain = response(raw, answer.body)
    return raw.Response(
        headers=with_cookies(answer.headers, answer.cookies),
        body=plain.body,
        content_type=answer.content_type or plain.content_type,
        status_code=answer.status,
    )


def with_cookies(headers: Mapping[str, Any], cookies: Iterable[str]) -> dict[str, Any]:
    """The headers with one Set-Cookie for each cookie, each name in letters of its own case.

    A response's headers are a mapping, and a cookie cannot be joined to another by a comma.
    Nuclio's server (fasthttp) writes names its own way, and adds a Set-Cookie where it would
    replace any other header; so each arrives as a header of its own.

    A number is text: Nuclio sends no other.

    >>> with_cookies({"x-count": 3}, ["a=1", "b=2"])
    {'x-count': '3', 'Set-Cookie': 'a=1', 'set-Cookie': 'b=2'}
    """
    found = {name: str(value) for name, value in headers.items()}
    names = map(_cased, range(1 << len(SET_COOKIE)))
    for cookie in cookies:
        found[next(name for name in names if name not in found)] = cookie
    return found


def _cased(number: int) -> str:
    """Set-Cookie with the letters swapped whose bits the number has."""
    pairs = enumerate(SET_COOKIE)
    return "".join(each.swapcase() if number >> place & 1 else each for place, each in pairs)


def failure(raw: Any, error: Exception, function: Function[..., Any]) -> Any:
    """What Nuclio's wrapper would answer and log, without the frames that are not the user's.

    Source: `_log_and_response_error` of Nuclio's public wrapper.
    """
    import traceback

    trace = "".join(traceback.format_exception(type(error), error, shown(error, function)))
    what = "Exception caught in handler"
    raw.logger.error_with(what, exc=str(error), traceback=trace, **where(error))
    text = f'{what} - "{error}": {trace}'
    return raw.Response(body=text, content_type="text/plain", status_code=500)
