"""The clock over HTTP: `GET /_pelton/clock` tells it, `POST` with {"advance": seconds} moves it.

Only a manual clock can be moved.  The answer comes when everything that was due on the way has
been done; what does not come to rest within `patience` seconds of real time is named.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from .clock import Clock
from .front import Request, Response
from .gateway import CLOCK
from .manual_clock import ManualClock, Restless


class ClockDoor:
    """Answers at `CLOCK` for one clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, request: Request) -> Response:
        if request.method == "GET":
            return self._told()
        if request.method != "POST":
            return _answer(405, message=f"{CLOCK} answers GET and POST")
        try:
            seconds, patience = _asked(request.body)
        except ValueError as error:
            return _answer(400, message=str(error))
        if not isinstance(self._clock, ManualClock):
            return _answer(
                409,
                message="the emulator goes by the machine's clock, which nobody moves; start it "
                "with --clock manual",
            )
        self._clock.patience = patience
        try:
            await self._clock.advance(seconds)
        except Restless as error:
            return _answer(504, message=str(error), time=self._clock.time())
        return self._told()

    def _told(self) -> Response:
        return _answer(200, time=self._clock.time(), mode=self._clock.mode)


def _asked(body: bytes) -> tuple[float, float]:
    """(seconds, patience) of a request.  Raises ValueError with a sentence.

    >>> _asked(b'{"advance": 60}')
    (60.0, 60.0)
    >>> _asked(b'{"advance": -1}')
    Traceback (most recent call last):
    ValueError: "advance" is a number of seconds, not negative: it is -1
    """
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, dict) or "advance" not in asked:
        raise ValueError('the body is JSON like {"advance": 60}, in seconds')
    return _seconds(asked, "advance"), _seconds({"patience": 60.0, **asked}, "patience")


def _seconds(asked: dict[str, Any], name: str) -> float:
    value = asked[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f'"{name}" is a number of seconds, not negative: it is {value!r}')
    if value < 0:
        raise ValueError(f'"{name}" is a number of seconds, not negative: it is {value!r}')
    return float(value)


def _answer(status: int, **members: Any) -> Response:
    body = json.dumps(members).encode()
    return Response(status, [("Content-Type", "application/json")], body)
