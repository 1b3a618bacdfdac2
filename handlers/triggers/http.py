"""HTTP: a function URL on Lambda, an HTTP trigger on Nuclio."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..checks import placed, text
from ..errors import WrongUse
from .base import Trigger

if TYPE_CHECKING:
    from ..event import Event, Result

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY")


class Http(Trigger):
    """See `http`."""

    kind: ClassVar[str] = "http"

    method: str = "POST"
    path: str = "/"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise WrongUse(
                f"http method {self.method!r} is unknown", advice=f"use one of {', '.join(METHODS)}"
            )
        text("http path", self.path)
        if not self.path.startswith("/"):
            raise WrongUse(f"http path {self.path!r} must start with '/'")
        self._check_parameters()

    def _check_parameters(self) -> None:
        segments = _segments(self.path)
        names = [name for each in segments if (name := _parameter(each))]
        for place, segment in enumerate(segments, 1):
            name = _parameter(segment)
            greedy = segment.endswith("+}") and place < len(segments)
            if greedy or (("{" in segment or "}" in segment) and not name.isidentifier()):
                raise WrongUse(
                    f"http path {self.path!r} has the segment {segment!r}",
                    advice="write a parameter as {name}, and the rest of a path, last, as {name+}",
                )
            if name and names.count(name) > 1:
                raise WrongUse(f"http path {self.path!r} has two parameters called {name}")

    def same_source(self, other: Trigger) -> bool:
        return isinstance(other, Http) and (self.method, self.shape) == (other.method, other.shape)

    def conflict(self, other: Trigger) -> tuple[str, str, str] | None:
        advice = 'give each a path of its own: pelton.http("POST", "/…")'
        said = f"has the route {self.route}", "has already", advice
        return said if self.same_source(other) else None

    @property
    def shape(self) -> tuple[str, ...]:
        """The path's segments; of a parameter only that it is one."""
        return tuple(
            f"{{{'+' if each.endswith('+}') else ''}}}" if _parameter(each) else each
            for each in _segments(self.path)
        )

    @property
    def route(self) -> str:
        """The trigger in words.

        >>> Http("GET", "/orders/{id}").route
        'GET /orders/{id}'
        """
        return f"{self.method} {self.path}"

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that a refusal of another says."""
        return (self.method,)

    def greeted(self, event: Event) -> Result | None:
        """What who asks by OPTIONS is told, the function unasked; None: the function is asked."""
        return None

    def serves(self, method: str) -> bool:
        """Whether requests of that method are for this trigger; what serves GET serves HEAD."""
        return self.method in ("ANY", method) or (self.method, method) == ("GET", "HEAD")

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters of a path that is this trigger's; None for any other.

        >>> Http("GET", "/orders/{id}").match("/orders/7/")
        {'id': '7'}
        >>> Http("GET", "/files/{rest+}").match("/files/a/b.txt")
        {'rest': 'a/b.txt'}
        """
        if path == self.path and "{" not in path:
            return {}
        ours, given = _segments(self.path), _segments(path)
        if ours and ours[-1].endswith("+}") and len(given) >= len(ours):
            last = len(ours) - 1
            given = (*given[:last], "/".join(given[last:]))
        if len(ours) != len(given):
            return None
        found = {}
        for mine, theirs in zip(ours, given, strict=True):
            if name := _parameter(mine):
                found[name] = theirs
            elif mine != theirs:
                return None
        return found


def _segments(path: str) -> tuple[str, ...]:
    """A path's parts; a slash at its end makes no difference."""
    inner = path.strip("/")
    return tuple(inner.split("/")) if inner else ()


def _parameter(segment: str) -> str:
    """The name in `{name}` or `{name+}`; "" for any other segment."""
    if segment[:1] == "{" and segment[-1:] == "}":
        return segment[1:-1].removesuffix("+")
    return ""


@placed
def http(method: str = "POST", path: str = "/") -> Http:
    """Run the function for HTTP requests of that method ("ANY": of all) and path.

    A request to another path is a 404, one of another method a 405, wherever the function runs.  In
    the path, `{name}` stands for one segment and a last `{name+}` for all that is left; an `Event`
    has them as `parameters`.  A handler of a native style gets every request and routes for itself.

    >>> http("POST", "/delay").to_dict()
    {'kind': 'http', 'method': 'POST', 'path': '/delay'}
    """
    text("http method", method)
    return Http(method.upper(), path)
