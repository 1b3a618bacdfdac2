"""The router: one of several branches, chosen by a field, by an event's path, or by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ...handlers.errors import InvalidInput
from ...handlers.event import Event
from ..compile import Run, note
from ..fit import union
from ..kit.base import Branches, Step
from ..kit.cover import check_covered, check_possible
from ..kit.field import check_field, field_type, reader
from ..kit.hold import Holder, branches_of, common_input
from ..kit.signature import Signature
from ..refer import Place, holds_state, place, reference, resolve, wrong
from ..spec import Key, StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
_DEFAULT = "default"


class Router(Holder):
    """See `router`."""

    hands = "one"

    streamable = True

    def __init__(
        self, by: Any, branches: Branches, has_default: bool, name: str, at: Place
    ) -> None:
        options = canonical({"by": _written(by, name, at), "default": has_default})
        super().__init__("router", name, branches, at, options=options)
        self.by, self.has_default = by, has_default
        self.input_type = common_input(self)
        self.output_type = union(self.outputs())
        self._check_streams()
        if isinstance(by, str):
            check_field(f"router {name!r} chooses by", by, self.input_type, at)
            self._check_covered(field_type(self.input_type, by))
        else:
            self.references = (reference(by),)
            self._check_selector()

    def _check_streams(self) -> None:
        """All routes give a stream, or none does: whoever answers has to know which."""
        found = {key: steps[-1].streams for key, steps in self.branches}
        self.streams = any(found.values())
        if self.streams and not all(found.values()):
            one = next(key for key, streams in found.items() if streams)
            other = next(key for key, streams in found.items() if not streams)
            raise wrong(
                f"router {self.name!r}: the branch {one!r} ends in a generator, {other!r} does not",
                "let every branch give a stream, or none",
                at=self.place,
            )
        if self.streams:
            self.output_type = self.outputs()[0]

    def _check_selector(self) -> None:
        signature = Signature(self.by, f"{self.name}'s by", self.place)
        if signature.is_async or signature.context:
            raise wrong(
                f"router {self.name!r}: by={self.by.__name__} must be a plain def of the value",
                "decide in a step before the router what is slow or needs the context",
                at=self.place,
            )
        if self.input_type is Any:
            self.input_type = signature.input_type
        self._check_covered(signature.output_type)

    def _check_covered(self, given: Any) -> None:
        """Every value that the type lists needs a route, unless there is a default; and every
        route a value."""
        default = _DEFAULT if self.has_default else None
        keys = [key for key, _ in self.branches if key != default]
        what = f"router {self.name!r}"
        check_possible(what, given, keys, self.place)
        if not self.has_default:
            check_covered(what, given, keys, self.place)

    def taking(self, given: Any) -> Step[Any, Any]:
        if self.input_type is Any and isinstance(self.by, str):
            check_field(f"router {self.name!r} chooses by", self.by, given, self.place)
            self._check_covered(field_type(given, self.by))
        return super().taking(given)

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        default = runs.pop(_DEFAULT, None) if self.has_default else None
        word = self.by if isinstance(self.by, str) else self.by.__name__
        read = reader(self.by) if isinstance(self.by, str) else self.by
        get, find = runs.get, _finder(self.by, runs)

        def other(value: Any, key: Any) -> Run:
            key, run = find(value, key)
            run = default if run is None else run
            if run is None:
                raise _no_route(word, key, list(runs))
            return run

        # A text that is a route's key is looked up in place, since it nearly always is one.
        def route(value: Any, context: Any) -> Any:
            try:
                key = read(value)
                run = get(key) if key.__class__ is str else None
                if run is None:
                    run = other(value, key)
            except Exception as error:
                note(error, path)
                raise
            return run(value, context)

        async def route_and_wait(value: Any, context: Any) -> Any:
            try:
                run = other(value, read(value))
            except Exception as error:
                note(error, path)
                raise
            return await run(value, context)

        return route_and_wait if self.is_async else route


def router(
    by: str | Callable[[I], Any],
    routes: Mapping[Any, Any],
    default: Any = None,
    *,
    name: str = "router",
) -> Step[I, Any]:
    """A step that hands the value to one of its routes.

    by:      a field's name ("carrier", "leg.origin"), read from a dict or an object; "path" of an
             `Event`, where a route that ends in "/*" takes all below it, the longest first; or a
             function of the value
    routes:  key to step (a function, a class, a chain, a graph); keys are str, int, bool or None;
             an Enum is looked up by itself, then by its value
    default: the step for every other key; without one the value is refused (`InvalidInput`)

    Raises `GraphError` for no routes, a route without a step, a field that the type lacks, or a
    value that its type lists (Literal, Enum, bool) and that has no route, without a default.

    >>> from pelton import Graph
    >>> def double(order: dict[str, int]) -> int:
    ...     return 2 * order["size"]
    >>> graph = Graph("price") >> router("size", {1: double}, default=len)
    >>> graph({"size": 1}), graph({"size": 5})
    (2, 1)
    """
    at = place()
    what = f"router {name!r}"
    if not routes:
        raise wrong(f"{what} has no routes", "give it at least one: routes={...}", at=at)
    for key in routes:
        if not isinstance(key, (str, int, type(None))):
            raise wrong(f"{what}: the key {key!r} is not a str, int, bool or None", at=at)
    given = dict(routes)
    if default is not None:
        if _DEFAULT in given:
            raise wrong(f"{what} has a route and a default named 'default'", "rename one", at=at)
        given[_DEFAULT] = default
    return Router(by, branches_of(given, what, at), default is not None, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    by = spec.option("by")
    selector = by["field"] if "field" in by else resolve(by["function"])
    return Router(selector, branches, spec.option("default"), spec.name, at)


def _written(by: Any, name: str, at: Place) -> dict[str, str]:
    if isinstance(by, str) and by:
        return {"field": by}
    if not callable(by) or not hasattr(by, "__qualname__") or holds_state(by):
        raise wrong(f"router {name!r}: by={by!r:.60} is neither a field nor a function", at=at)
    return {"function": reference(by)}


def _finder(by: Any, runs: dict[Key, Run]) -> Callable[[Any, Any], tuple[Any, Run | None]]:
    """What finds a key, and its route, that no route has as it is written."""
    below = sorted((key for key in runs if _is_prefix(key)), key=lambda key: -len(str(key)))

    def find(value: Any, key: Any) -> tuple[Any, Run | None]:
        if by == "path" and isinstance(value, Event):
            return value.path, _find_path(value.path, runs, below)
        return _find(key, runs)

    return find


def _is_prefix(key: Key) -> bool:
    return isinstance(key, str) and key.endswith("/*")


def _find(key: Any, runs: dict[Key, Run]) -> tuple[Any, Run | None]:
    value = getattr(key, "value", key) if hasattr(type(key), "__members__") else key
    for each in (key, value):
        if isinstance(each, (str, int, type(None))) and each in runs:
            return each, runs[each]
    return value, None


def _find_path(path: str, runs: dict[Key, Run], below: list[Key]) -> Run | None:
    exact = runs.get(path) or runs.get(path.rstrip("/") or "/")
    if exact is not None:
        return exact
    return next((runs[key] for key in below if f"{path}/".startswith(str(key)[:-1])), None)


def _no_route(word: str, key: Any, known: list[Key]) -> InvalidInput:
    message = f"no route for {key!r:.80}; there are {', '.join(map(repr, known))}"
    return InvalidInput([{"path": word.split("."), "message": message, "type": "no_route"}])
