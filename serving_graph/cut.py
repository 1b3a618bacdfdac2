"""Where a graph is cut, and whether it can be: each queue ends a segment, and begins the next.

Decides, and makes the segments; what one does is its own affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kit.base import Step
from .parcel import Parcel
from .refer import meant, wrong
from .segments import Segment
from .steps.queue import Queue

if TYPE_CHECKING:
    from .graph import Graph


def split(graph: Graph[Any, Any], name: str = "") -> tuple[Segment, ...]:
    """The segments of a graph whose entry function is called `name`: one for each queue that
    something follows, and the entry.

    Raises `GraphError` for a value that no message can carry, for a step that takes a value from
    before a queue that it comes after, and for a generator behind a queue.
    """
    name = name or graph.name
    _check_heard(graph)
    cuts = [place for place, each in enumerate(graph.steps) if each.splits]
    _of_one_kind(graph)
    made: list[Segment] = []
    begin, source = 0, None
    for cut in [*cuts, len(graph.steps)]:
        target = graph.steps[cut] if cut < len(graph.steps) else None
        assert target is None or isinstance(target, Queue)
        own = graph.steps[begin : cut + 1]
        if not own:
            break  # the graph ends with a queue
        steps = after_queue(graph.name, own, source)
        rest = after_queue(graph.name, graph.steps[begin:], source, near=False)
        label = f"{name}-{source.name}" if source else name
        taken = _takes(graph, source, steps)
        made.append(Segment(graph, label, steps, rest, source, target, taken))
        begin, source = cut + 1, target
    for each, following in zip(made, [*made[1:], None], strict=True):
        _join(graph, each, following)
    return tuple(made)


def _check_heard(graph: Graph[Any, Any]) -> None:
    """Raise for a stream that nobody would read: a generator does nothing until somebody does."""
    source = next((each for each in reversed(graph.steps) if each.splits), None)
    last = graph.steps[-1]
    if source is not None and last.streams:
        raise wrong(
            f"graph {graph.name!r}: the generator {last.name!r} comes after the queue "
            f"{source.name!r}, where nobody reads its items",
            "gather them in a step that gives a list, or do its work without yield",
            at=last.place,
        )


def _of_one_kind(graph: Graph[Any, Any]) -> None:
    """A part of a graph has one broker, by which it sends and buries."""
    queues = [each for each in graph.steps if isinstance(each, Queue)]
    for each in queues[1:]:
        if each.kind != queues[0].kind:
            raise wrong(
                f"graph {graph.name!r}: the queue {queues[0].name!r} is of kind "
                f"{queues[0].kind!r}, and {each.name!r} of kind {each.kind!r}",
                "give all queues of a graph one kind",
                at=each.place,
            )
        if each.broker != queues[0].broker:
            raise wrong(
                f"graph {graph.name!r}: the queue {queues[0].name!r} is at {queues[0].broker!r}, "
                f"and {each.name!r} at {each.broker!r}",
                "give all queues of a graph one broker",
                at=each.place,
            )


def _join(graph: Graph[Any, Any], each: Segment, following: Segment | None) -> None:
    each.following = following
    if each.target is None:
        return
    if following is not None:
        each.gives = following.takes
    else:
        path = f"{graph.name}/{each.target.word}"
        each.gives = Parcel(path, [each.target.output_type], each.target.place)


def _takes(
    graph: Graph[Any, Any], source: Queue | None, steps: tuple[Step[Any, Any], ...]
) -> Parcel | None:
    """How the values come that the queue before these steps carries: by the type of the one that
    takes them, where there is one, else by what the queue is given."""
    if source is None:
        return None
    takers = [each for place, each in enumerate(steps) if (each.after or ("input",))[0] == "input"
              and (place == 0 or each.after)]  # fmt: skip
    wanted = [each.input_type for each in takers if each.input_type is not Any]
    types = [*(wanted if len(takers) == 1 else []), source.output_type]
    return Parcel(f"{graph.name}/{takers[0].word}", types, takers[0].place)


def after_queue(
    graph: str,
    steps: tuple[Step[Any, Any], ...],
    source: Queue | None,
    *,
    near: bool = True,
) -> tuple[Step[Any, Any], ...]:
    """The steps where the queue before them is their input; raises for one that looks behind it."""
    if source is None:
        return steps
    known = ["input", *(each.name for each in steps)]
    found = []
    for each in steps:
        after = tuple("input" if name == source.name else name for name in each.after)
        for name, given in zip(each.after, after, strict=True):
            if given not in known or name == "input":
                raise wrong(
                    f"graph {graph!r}: step {each.name!r} takes the value of {name!r}, from "
                    f"before the queue {source.name!r}",
                    "what comes after a queue has only what the queue carries; "
                    + meant(name, [source.name, *known[1:]]),
                    at=each.place,
                )
        found.append(each.placed(after))
    return tuple(found)
