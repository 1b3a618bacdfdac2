"""`Graph[I, O]`: steps joined by `>>`, checked at every joint; immutable.

A graph is also a function: it can be called, and served by `App.serve`.  It owns one executor,
which loads itself when it is first called or when a worker says `load`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeVar, overload

from .check import check_joint, check_sequence, given_to
from .fit import plain, type_name, type_to_dict, union
from .kit.base import Passing, Step
from .refer import Place, place, wrong
from .run import Executor
from .spec import GraphSpec, canonical
from .steps.call import steps_of

if TYPE_CHECKING:
    from pathlib import Path

    from ..handlers.telemetry import Telemetry
    from .diff import Diff
    from .jobs import JobResult
    from .models.file import ModelFile
    from .protocols import Calls, CallsWithContext, Clock, Does, DoesWithContext, Watch
    from .spans import Spans

I = TypeVar("I")  # noqa: E741 - the field's own letters: Graph[I, O] >> Step[O, N] is Graph[I, N]
O = TypeVar("O")  # noqa: E741
N = TypeVar("N")


class Graph(Generic[I, O]):
    """A named sequence of steps from `I` to `O`.

    Join steps with `>>`: functions (plain or async), classes, `step`, `router`, `parallel`,
    `ensemble`, `onnx`, or another graph.  Each `>>` gives a new graph.  A graph with an async step
    is async: calling it gives an awaitable.

    name, input_type, output_type, is_async, takes_context, steps
    spec:  the graph as frozen data, see `GraphSpec`; `Graph.from_spec` is the way back
    place: the user's line of the last joint

    Raises `GraphError`, with your file and line, when a step does not fit the one before it.

    >>> def words(text: str) -> list[str]:
    ...     return text.split()
    >>> graph = Graph("count", str) >> words >> len
    >>> graph("three short words")
    3
    """

    @overload
    def __init__(self: Graph[Any, Any], name: str) -> None: ...
    @overload
    def __init__(self: Graph[N, N], name: str, input_type: type[N]) -> None: ...

    def __init__(self, name: str, input_type: Any = None) -> None:
        at = place()
        if not name or "/" in name:
            raise wrong(f"a graph cannot be named {name!r}", "give a name without a slash", at=at)
        self._become(name, Any if input_type is None else input_type, (), at)

    def _become(
        self, name: str, declared: Any, steps: tuple[Step[Any, Any], ...], at: Place
    ) -> None:
        is_async = any(each.is_async for each in steps)
        first = steps[0].input_type if steps else Any
        answering = next(
            (place for place, each in enumerate(steps) if each.answers), len(steps) - 1
        )
        drops = any(each.drops for each in steps[: answering + 1])
        given = steps[answering].output_type if steps else declared
        self.__dict__.update(
            name=name,
            declared=declared,
            steps=steps,
            place=at,
            input_type=first if plain(declared) is Any else declared,
            output_type=union([given, type(None)]) if drops else given,
            is_async=is_async,
            takes_context=any(each.takes_context for each in steps),
            drops=drops,
            _executor=Executor(name, steps, is_async=is_async, check=self._check_steps),
        )

    name: str
    declared: Any
    steps: tuple[Step[Any, Any], ...]
    place: Place
    input_type: Any
    output_type: Any
    is_async: bool
    takes_context: bool
    drops: bool
    _executor: Executor

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a graph is immutable: cannot set {name}; >> gives a new graph")

    @overload
    def __rshift__(self, step: Passing[O]) -> Graph[I, O]: ...
    @overload
    def __rshift__(self, step: Step[O, N]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: Graph[O, N]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: type[Calls[O, Awaitable[N]]]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: type[Calls[O, N]]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: type[Does[O, N]]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: type[CallsWithContext[O, Awaitable[N]]]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: type[CallsWithContext[O, N]]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: type[DoesWithContext[O, N]]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: Callable[[O], Awaitable[N]]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: Callable[[O], N]) -> Graph[I, N]: ...
    @overload
    def __rshift__(self, step: Callable[[O, Any], N]) -> Graph[I, N]: ...

    def __rshift__(self, step: Any) -> Graph[Any, Any]:
        return self._joined(steps_of(step), (), place())

    def to(
        self,
        step: Any,
        /,
        *,
        after: str | Sequence[str] = (),
        name: str = "",
    ) -> Graph[I, Any]:
        """`>>` for graphs that are no line: the step takes the values of the steps named.

        after: the step's name whose value it takes; several names: a dict of their values by
               name; "input" is the graph's own input; left out, the step before it
        name:  the step's name; its own when left out

        What stands side by side runs together where it waits (async).  The last step gives the
        answer, so every other step has to be named by one after it.

        Raises `GraphError` for a name that is not there before it, and for types that do not fit.

        >>> def both(given: dict[str, int]) -> int:
        ...     return given["len"] * given["words"]
        >>> def words(text: str) -> int:
        ...     return len(text.split())
        >>> graph = Graph("size", str).to(len).to(words, after="input")
        >>> graph = graph.to(both, after=["len", "words"])
        >>> graph("two words")
        18
        """
        from .steps.call import step as make

        made = make(step, name=name) if name else step
        named = (after,) if isinstance(after, str) else tuple(after)
        return self._joined(steps_of(made), named, place())

    @overload
    def catch(
        self, handlers: Mapping[Any, Callable[..., Awaitable[N]]], *, name: str = "catch"
    ) -> Graph[I, O | N]: ...
    @overload
    def catch(
        self, handlers: Mapping[Any, Callable[..., N]], *, name: str = "catch"
    ) -> Graph[I, O | N]: ...
    @overload
    def catch(self, handlers: Mapping[Any, Any], *, name: str = "catch") -> Graph[I, Any]: ...

    def catch(self, handlers: Mapping[Any, Any], *, name: str = "catch") -> Graph[I, Any]:
        """This graph, errors of all its steps so far becoming answers; see `pelton.steps.catch`.

        handlers: class of errors, or a tuple of classes, to a function of the error, or of the
                  error and the graph's input, or to any other step

        Raises `GraphError` for a handler that no error can come to, or that takes something else.

        >>> def sorry(error: Exception) -> str:
        ...     return f"sorry: {error}"
        >>> def number(text: str) -> int:
        ...     return int(text)
        >>> graph = (Graph("size", str) >> number).catch({ValueError: sorry})
        >>> graph("7"), graph("seven")
        (7, "sorry: invalid literal for int() with base 10: 'seven'")
        """
        from .steps.catch import caught

        at = place()
        check_sequence(f"graph {self.name!r}", self.steps, at, self.declared)
        made: Graph[Any, Any] = object.__new__(Graph)
        made._become(self.name, self.declared, (caught(self.steps, handlers, name, at),), at)
        return made

    def _joined(
        self, added: tuple[Step[Any, Any], ...], after: tuple[str, ...], at: Place
    ) -> Graph[Any, Any]:
        joined = self.steps
        for each in added:
            # A step of a flow keeps its own `after` when it comes out of a spec.
            step = each.placed(after) if after else each
            given = given_to(f"graph {self.name!r}", joined, self.declared, step, at)
            step = step.taking(given)
            check_joint(f"graph {self.name!r}", joined, given, step, at)
            joined, after = (*joined, step), ()
        made: Graph[Any, Any] = object.__new__(Graph)
        made._become(self.name, self.declared, joined, at)
        return made

    def __call__(self, value: I, context: Any = None) -> O:
        """The graph's answer; of an async graph, an awaitable of it (typed: use `acall`)."""
        return self._executor.run(value, context)  # type: ignore[no-any-return]

    async def acall(self, value: I, context: Any = None) -> O:
        """The graph's answer, whether it has async steps or not."""
        answer: Any = self._executor.run(value, context)
        return await answer if self.is_async else answer  # type: ignore[no-any-return]

    def many(self, values: Sequence[I], context: Any = None) -> Any:
        """Each value's answer, in order; `Failed(error)` in the place of one that failed.

        Steps that are `batched` get the values in full batches; without such a step this is
        calling the graph once a value.  Of an async graph, an awaitable of the list.

        >>> def inverse(n: float) -> float:
        ...     return 1 / n
        >>> (Graph("inverse", float) >> inverse).many([4.0, 0.0])[0]
        0.25
        """
        return self._executor.many(values, context)

    @property
    def batches(self) -> bool:
        """Whether a step of it is batched, so that `many` is better than one call a value."""
        return any(each.spec.kind == "batched" for each in self.walk())

    def load(self, context: Any = None, *, telemetry: Telemetry | None = None) -> None:
        """Make and load every class step and model of this worker, once.

        telemetry: what is counted and traced from then on; nothing when left out
        """
        self._executor.load(context, telemetry=telemetry)

    def observe(self, context: Any, telemetry: Telemetry) -> None:
        """Have the steps counted and traced once they are loaded, where `load` is told nothing."""
        self._executor.observe(context, telemetry)

    def settle(self, within: float | None = None) -> bool:
        """Wait, `within` seconds, until nothing of this graph runs aside; whether that is so."""
        return self._executor.settle(within)

    def drain(self, context: Any = None) -> None:
        """Wait for what runs aside, and tell the class steps that have `drain`."""
        self._executor.drain(context)

    def stop(self, context: Any = None) -> None:
        """Close the class steps, the last made first."""
        self._executor.stop(context)

    def check(self) -> None:
        """Raise `GraphError` for what no joint could see yet: a graph without steps, a step whose
        value nobody takes, and a queue that cannot carry its value."""
        self._check_steps()
        self.split()

    def _check_steps(self) -> None:
        check_sequence(f"graph {self.name!r}", self.steps, self.place, self.input_type)

    def split(self, name: str = "") -> tuple[Any, ...]:
        """What each function does of this graph, where its queues or its `once` steps make that
        more than the graph itself; see `segments`.  `name` is the entry function's."""
        if not any(each.splits or each.single for each in self.walk()):
            return (self,)
        from .cut import split

        return split(self, name)

    def compile(
        self,
        *,
        clock: Clock | None = None,
        watch: Watch | None = None,
        spans: Spans | None = None,
    ) -> Executor:
        """An executor of its own: its class steps are made anew, shared with nobody; models,
        which a worker loads once, are shared.

        clock: what whatever waits asks, see `ManualClock`; the machine's when left out
        watch: who counts and times the steps, see `StepWatch`
        spans: who makes OpenTelemetry spans of runs and steps, see `Spans`
        """
        self.check()
        return Executor(
            self.name, self.steps, is_async=self.is_async, clock=clock, watch=watch, spans=spans
        )

    @property
    def streams(self) -> bool:
        """Whether the answer is an iterator, the last step being a generator: `pelton serve` sends
        its items as they come."""
        return bool(self.steps) and self.steps[-1].streams

    @property
    def spec(self) -> GraphSpec:
        """The graph as frozen, serialisable data."""
        text = canonical(type_to_dict(self.declared))
        return GraphSpec(self.name, text, tuple(each.spec for each in self.steps))

    @classmethod
    def from_spec(cls, spec: GraphSpec | Mapping[str, Any]) -> Graph[Any, Any]:
        """The graph that a spec (or its dict) says.  Raises `GraphError` for what is not here."""
        from .rebuild import graph_from

        return graph_from(spec if isinstance(spec, GraphSpec) else GraphSpec.from_dict(spec))

    def to_json(self) -> str:
        """The graph as JSON, in an order for people; `from_json` gives an equal graph back."""
        from .texts import to_json

        return to_json(self.spec)

    @classmethod
    def from_json(cls, text: str) -> Graph[Any, Any]:
        """The graph that a JSON text says.  Raises `GraphError` for what does not parse, is not
        here or does not fit."""
        from .texts import from_json

        return cls.from_spec(from_json(text))

    def to_yaml(self) -> str:
        """The graph as YAML, in an order for people; `from_yaml` gives an equal graph back.

        Raises `GraphError` when PyYAML is not installed.
        """
        from .texts import to_yaml

        return to_yaml(self.spec)

    @classmethod
    def from_yaml(cls, text: str) -> Graph[Any, Any]:
        """The graph that a YAML text says.  Raises `GraphError` as `from_json` does."""
        from .texts import from_yaml

        return cls.from_spec(from_yaml(text))

    def job(
        self,
        data: Any,
        *,
        executor: Any = "local",
        workers: int | None = None,
        chunk: int = 256,
        errors: Literal["raise", "collect"] = "raise",
        out: str | Path | None = None,
        progress: bool | None = None,
    ) -> JobResult:
        """Run every row of a dataset through the graph; the answers in the order of the rows.

        data:     a list (or any iterable) of what the graph takes; a dict of columns; a DataFrame;
                  a path to a file of .csv, .jsonl or .parquet.  Rows of tables are read as the
                  graph's input type has them
        executor: "local", this process; "processes", those of this machine; "dask" or "ray", a
                  cluster; or an object that runs chunks (a `JobExecutor`).  The answers are the
                  same on each
        workers:  how many; as many as there are processors when left out
        chunk:    how many rows go to a worker at once
        errors:   "raise" ends the job with the first row that fails; "collect" goes on, and lists
                  them in the result
        out:      a file for the answers (.jsonl, .csv, .parquet), which is there when all is done;
                  errors that were collected are beside it, in `<out>.errors.jsonl`
        progress: whether a bar is drawn; where a terminal is, when left out

        Raises `JobFailed` for a row that fails and for workers that die, `WrongUse` for data that
        cannot be read, `GraphError` for steps that another process cannot import.

        >>> def half(n: int) -> float:
        ...     return n / 2
        >>> (Graph("halves", int) >> half).job({"n": [1, 2, 3]}).answers
        [0.5, 1.0, 1.5]
        """
        from .jobs import run_job

        settings = {"executor": executor, "workers": workers, "chunk": chunk, "errors": errors}
        return run_job(self, data, **settings, out=out, progress=progress)

    def diff(self, other: Graph[Any, Any]) -> Diff:
        """What makes `other` another graph than this: steps added, removed, moved and changed, by
        path.  False, and without text, when nothing does.

        >>> def half(n: float) -> float:
        ...     return n / 2
        >>> print((Graph("size", str) >> len).diff(Graph("size", str) >> len >> half))
        + half: call pelton.serving_graph.graph:half, float -> float
        """
        from .diff import diff

        return diff(self, other)

    def as_step(self, name: str = "") -> Step[I, O]:
        """This graph as a step of another, under its own name or another."""
        from .steps.subgraph import Subgraph

        at = place()
        check_sequence(f"graph {self.name!r}", self.steps, at, self.input_type)
        # An event that goes no further inside goes no further outside: no None comes out.
        types = (self.input_type, self.steps[-1].output_type)
        return Subgraph(name or self.name, self.spec, self.steps, types, at)

    def walk(self) -> Iterator[Step[Any, Any]]:
        """Every step, those inside others too, in order."""
        yield from _walk(self.steps)

    def files(self) -> tuple[ModelFile, ...]:
        """The files that the steps load, for whoever makes the artifact."""
        return tuple(dict.fromkeys(file for each in self.walk() for file in each.files))

    @property
    def requirements(self) -> tuple[str, ...]:
        """What its functions require because of the brokers that its steps send to."""
        words = ("broker", "store")
        found = [getattr(each, word, "") for each in self.walk() for word in words]
        named = [
            each.partition(":")[0] for each in found if isinstance(each, str) and "://" in each
        ]
        if not named:
            return ()
        from .brokers import CLIENTS

        return tuple(CLIENTS[each] for each in dict.fromkeys(named) if each in CLIENTS)

    def modules(self) -> tuple[str, ...]:
        """The modules that the steps' code is in, for whoever makes the artifact."""
        named = [text.partition(":")[0] for each in self.walk() for text in each.references]
        files = [file.module for file in self.files()]
        return tuple(dict.fromkeys([*named, *files]))

    @property
    def file(self) -> str:
        return self.place.file

    @property
    def line(self) -> int:
        return self.place.line

    @property
    def module(self) -> str:
        return self.place.module

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def __annotations__(self) -> dict[str, Any]:  # type: ignore[override]
        return {"value": self.input_type, "return": self.output_type}

    def __repr__(self) -> str:
        steps = " >> ".join(map(_said, self.steps)) or "no steps"
        types = f"{type_name(self.input_type)} -> {type_name(self.output_type)}"
        return f"<graph {self.name}: {types}: {steps}>"


def _said(step: Step[Any, Any]) -> str:
    return f"{step.name} (after {', '.join(step.after)})" if step.after else step.name


def _walk(steps: tuple[Step[Any, Any], ...]) -> Iterator[Step[Any, Any]]:
    for each in steps:
        yield each
        for _, held in each.branches:
            yield from _walk(held)
