"""Which requests are a function's: those that one of its HTTP triggers names.

A function that no HTTP trigger names takes whatever comes by HTTP; so does a call by the function's
name (`pelton invoke`, `context.invoke`), which has to go over HTTP where a platform knows no other
way and carries the header `BY_NAME`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..handlers.event import Event, Result
from ..handlers.triggers.base import Trigger
from ..handlers.triggers.http import Http

BY_NAME = "x-pelton-invoke"


class Routes:
    """The HTTP triggers of one function, and the one page beside them (its metrics).

    >>> from pelton import http
    >>> routes = Routes([http("GET", "/orders/{id}")])
    >>> event = Event(method="GET", path="/orders/7")
    >>> routes.refuse(event), event.parameters
    (None, {'id': '7'})
    >>> routes.refuse(Event(method="PUT", path="/orders/7")).status
    405
    """

    def __init__(
        self,
        triggers: Iterable[Trigger],
        page: str = "",
        answer: Callable[[], Result] | None = None,
    ) -> None:
        self._page, self._answer = page, answer
        self._triggers = in_order(each for each in triggers if isinstance(each, Http))

    def refuse(self, event: Event) -> Result | None:
        """The 404 or 405 for a request that is not the function's; None for one that is, which
        then has its `parameters`.  The page that is no route, and who asks whether it may send
        events, get their answers here as well."""
        if self._answer and event.path == self._page and event.method in ("GET", "HEAD"):
            return self._answer()
        if not self._triggers or BY_NAME in event.headers:
            return None
        others = []
        for trigger in self._triggers:
            found = trigger.match(event.path)
            if found is not None and trigger.serves(event.method):
                event.parameters = found
                return trigger.greeted(event) if event.method == "OPTIONS" else None
            if found is not None:
                others.append(trigger)
        return not_allowed(event.method, event.path, others) if others else not_found(event.path)


def in_order(triggers: Iterable[Http]) -> list[Http]:
    """As they are asked: a word of a path goes before a parameter, a method before ANY."""
    return sorted(
        triggers, key=lambda each: ([x[:1] == "{" for x in each.shape], each.method == "ANY")
    )


def not_found(path: str) -> Result:
    return Result({"error": f"nothing at {path}", "details": []}, status=404)


def not_allowed(method: str, path: str, triggers: Iterable[Http]) -> Result:
    """The 405 that says which methods the path has."""
    allowed = ", ".join(sorted({method for each in triggers for method in each.methods}))
    body = {"error": f"{method} is not served at {path}", "details": []}
    return Result(body, status=405, headers={"allow": allowed})
