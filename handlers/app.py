"""`App`: the functions that belong together, declared by decorators and checked at import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from .checks import caller, check_application, names_a_file, said_at
from .codec import Codec, codec_for, compile_codec
from .codec.signature import Signature, unwrapped
from .errors import WrongUse
from .function import Function, P, R
from .platforms import Aws, Nuclio
from .settings import Settings, check_name
from .telemetry import Telemetry, telemetry_of
from .triggers.base import Trigger
from .triggers.http import Http

if TYPE_CHECKING:
    from .protocols import Servable


class App:
    """The functions that belong together.

    `requirements` are those of its functions that say none of their own.

    >>> app = App("shop")
    >>> @app.function(memory=256)
    ... def accept(order: dict[str, int]) -> int:
    ...     return order["total"]
    >>> accept({"total": 3}), app.functions["accept"].settings.memory
    (3, 256)
    """

    def __init__(self, name: str, *, requirements: str | Sequence[str] = ()) -> None:
        self.name = name
        self.functions: dict[str, Function[..., Any]] = {}
        said_at(caller(2), check_name, name, "app")
        given = said_at(caller(2), _settings, {"requirements": requirements}, ())
        self.requirements = given.requirements  # of functions that say none of their own

    def __repr__(self) -> str:
        return f"<pelton app {self.name}: {', '.join(self.functions) or 'no functions'}>"

    @overload
    def function(self, fn: Callable[P, R], /) -> Function[P, R]: ...
    @overload
    def function(
        self,
        fn: None = None,
        /,
        *,
        name: str = "",
        memory: int = 128,
        timeout: int = 3,
        versions: int = 0,
        environment: Mapping[str, str] | None = None,
        requirements: str | Sequence[str] | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        triggers: Sequence[Trigger] = (),
        concurrency: int | None = None,
        telemetry: bool | Telemetry = True,
        style: str | None = None,
        include: Sequence[str] = (),
        trim: Sequence[str] = (),
        import_budget: int | None = None,
        pickled: bool = False,
        aws: Aws | None = None,
        nuclio: Nuclio | None = None,
    ) -> Callable[[Callable[P, R]], Function[P, R]]: ...

    def function(
        self, fn: Callable[P, R] | None = None, /, *, name: str = "", **settings: Any
    ) -> Any:
        """Make a function deployable.

        memory in MB, timeout in seconds, `requirements` as pip writes them or as the name of a file
        that has them (without: the app's own), `include` as globs of data files beside the app,
        `trim` as rules of what requirements need not bring, `import_budget` in milliseconds,
        `pickled` to send it as a pickle, `style` "lambda" or "nuclio" for a platform's native
        handler.

        Raises `WrongUse` with file and line when the declaration cannot work.
        """
        frame = sys._getframe(1)
        local_names = frame.f_locals if frame.f_locals is not frame.f_globals else {}

        def decorate(user_function: Callable[P, R]) -> Function[P, R]:
            code = getattr(unwrapped(user_function), "__code__", None)
            if code is None:
                raise WrongUse(
                    f"@app.function was given {user_function!r}",
                    file=frame.f_code.co_filename,
                    line=frame.f_lineno,
                    advice="decorate a function written with def; a graph goes to app.serve()",
                )
            where = (code.co_filename, code.co_firstlineno)
            made = said_at(where, _settings, settings, self.requirements)
            if made.style == "asgi":
                raise WrongUse(
                    'style="asgi" is of applications',
                    file=where[0],
                    line=where[1],
                    advice="give the application to app.asgi(application, name=…)",
                )
            label = name or user_function.__name__
            if made.style:
                _check_native(code, label, made.style, where)
            codec = (
                None
                if made.style
                else compile_codec(
                    user_function,
                    name=label,
                    batches=_batches(made),
                    where=where,
                    local_names=local_names,
                )
            )
            return self._register(
                user_function, label, made, codec, where, user_function.__module__
            )

        return decorate if fn is None else decorate(fn)

    def serve(
        self, graph: Servable[Any, Any], *, name: str = "", **settings: Any
    ) -> Function[..., Any]:
        """`function` for a graph: the same settings; the graph's types choose the codec.

        A graph with queues becomes several functions with these settings: the one given back, with
        the triggers, and one for each queue, called `<name>-<queue>`.

        Its steps are counted and timed, unless `telemetry=False`; see `Telemetry` for where that
        is told.

        Raises `WrongUse` with file and line when the declaration cannot work.
        """
        where = caller(2)
        module = sys._getframe(1).f_globals.get("__name__", "")
        if not settings.get("triggers"):
            # What has routes of its own (the Open Inference Protocol) brings them along.
            settings["triggers"] = getattr(graph, "triggers", ())
        made = said_at(where, _settings, settings, self.requirements)
        if not hasattr(graph, "check"):
            raise WrongUse(
                f"app.serve was given {graph!r}, which is no graph",
                file=where[0],
                line=where[1],
                advice="serve a pelton.Graph; a function goes under @app.function",
            )
        graph.check()
        label = name or graph.name
        parts = graph.split(label) if hasattr(graph, "split") else (graph,)
        entry = self._serve(parts[0], label, made, where, module)
        for part in parts[1:]:
            triggers = (part.trigger(made.timeout),)
            settings_of_part = Settings(**{**vars(made), "triggers": triggers})
            self._serve(part, part.name, settings_of_part, where, module)
        return entry

    def asgi(self, application: Any, *, name: str, **settings: Any) -> Function[..., Any]:
        """`function` for an ASGI application (FastAPI, Starlette, Django, …): the same settings.

        It gets every HTTP request that the function gets, whatever its path; in `pelton run` those
        of `triggers`, by default all.  Its lifespan is the worker's; an answer in pieces goes out
        when it is whole; what it raises is logged and answered as a 500.

        Raises `WrongUse` with file and line when the declaration cannot work.
        """
        where = caller(2)
        module = sys._getframe(1).f_globals.get("__name__", "")
        if not settings.get("triggers"):
            settings["triggers"] = (Http("ANY", "/"), Http("ANY", "/{path+}"))
        made = said_at(where, _settings, {**settings, "style": "asgi"}, self.requirements)
        said_at(where, check_application, application, name, made.triggers)
        return self._register(application, name, made, None, where, module)

    def _serve(
        self, graph: Any, label: str, made: Settings, where: tuple[str, int], module: str
    ) -> Function[..., Any]:
        """Register a graph, or what one function does of a graph that is spread over several."""
        if more := getattr(graph, "requirements", ()):  # the client of a broker that it sends to
            made = Settings(**{**vars(made), "requirements": (*made.requirements, *more)})
        signature = Signature(
            order=("body", "context"),
            input_type=graph.input_type,
            output_type=graph.output_type,
            is_async=graph.is_async,
            streams=getattr(graph, "streams", False),
        )
        codec = codec_for(signature, name=label, batches=_batches(made), where=where)
        function = self._register(graph, label, made, codec, where, module)
        if hasattr(graph, "sends"):
            function.sends = graph.sends(made.timeout)
        function.hooks.init.append(partial(graph.load, telemetry=made.telemetry))
        function.hooks.drain.append(graph.drain)
        function.hooks.stop.append(graph.stop)
        if hasattr(graph, "settle"):
            function.hooks.settle.append(graph.settle)
        return function

    def _register(
        self,
        user_function: Callable[P, R],
        name: str,
        settings: Settings,
        codec: Codec | None,
        where: tuple[str, int],
        module: str,
    ) -> Function[P, R]:
        said_at(where, check_name, name)
        if (known := self.functions.get(name)) is not None:
            raise WrongUse(
                f"app {self.name} has a function {name} already, at {known.file}:{known.line}",
                file=where[0],
                line=where[1],
                advice="rename one, or give name=",
            )
        _check_body(name, settings, codec, where)
        self._check_routes(name, settings, where)
        if codec is not None and any(each.kind == "cloudevents" for each in settings.triggers):
            from .cloud_events import opened  # few functions take them

            opened(codec, settings.triggers)
        if codec is not None and "Event" in repr(codec.output_type):
            from .new_event import answering, answers_events  # few answer with them

            if answers_events(codec.output_type):
                answering(codec, name)
        function = Function(
            user_function,
            app=self,
            name=name,
            settings=settings,
            codec=codec,
            where=where,
            module=module,
        )
        self.functions[name] = function
        return function

    def _check_routes(self, name: str, settings: Settings, where: tuple[str, int]) -> None:
        """A method and path, or a route of the WebSocket API, lead to one function of an app."""
        for other in self.functions.values():
            for known in other.triggers:
                for trigger in settings.triggers:
                    if found := trigger.conflict(known):
                        said, does, advice = found
                        raise WrongUse(
                            f"function {name} {said}, which function {other.name} {does}, at "
                            f"{other.file}:{other.line}",
                            file=where[0],
                            line=where[1],
                            advice=advice,
                        )


def _settings(given: dict[str, Any], requirements: tuple[str, ...]) -> Settings:
    tidy = {key: value for key, value in given.items() if value is not None}
    wanted = tidy.setdefault("requirements", requirements)
    if isinstance(wanted, str) and names_a_file(wanted):
        tidy["requirements"] = (f"-r {wanted}",)
    for key in ("requirements", "triggers", "include", "trim"):
        if isinstance(tidy.get(key), str):
            raise WrongUse(
                f"{key}={tidy[key]!r} is a string", advice=f"write {key}=[{tidy[key]!r}]"
            )
        if isinstance(tidy.get(key), Trigger):
            raise WrongUse(
                f"{key}={tidy[key]!r} is one trigger",
                advice=f"write {key}=[pelton.{tidy[key].kind}(...)]",
            )
        if key in tidy and not isinstance(tidy[key], list | tuple | set | frozenset):
            raise WrongUse(f"{key}={tidy[key]!r} is no list")
        if key in tidy:
            tidy[key] = tuple(tidy[key])
    if "telemetry" in tidy:
        tidy["telemetry"] = telemetry_of(tidy["telemetry"])
    unknown = tidy.keys() - set(Settings.FIELDS)
    if unknown:
        raise WrongUse(
            f"unknown setting {', '.join(sorted(unknown))}",
            advice=f"known are {', '.join(Settings.FIELDS)}",
        )
    return Settings(**tidy)


def _check_native(code: Any, name: str, style: str, where: tuple[str, int]) -> None:
    """A native handler is called with two values, whatever it names them."""
    if code.co_argcount == 2 or code.co_flags & 4:  # CO_VARARGS
        return
    order = "(event, context)" if style == "lambda" else "(context, event)"
    raise WrongUse(
        f"function {name} has style={style!r} and {code.co_argcount} parameters",
        file=where[0],
        line=where[1],
        advice=f"a native handler takes {order}",
    )


def _batches(settings: Settings) -> bool:
    return any(trigger.batches for trigger in settings.triggers)


def _check_body(name: str, settings: Settings, codec: Codec | None, where: tuple[str, int]) -> None:
    """A trigger that brings something needs a parameter that takes it, and one that brings nothing
    none that could not be made of that."""
    if codec is None:
        return
    for trigger in settings.triggers:
        if codec.mode not in ("none", "event") and trigger.bodiless:
            raise WrongUse(
                f"function {name} has the trigger {trigger.kind} for events without a body, and an "
                "input that is made of one",
                file=where[0],
                line=where[1],
                advice="take a pelton.Event or nothing there, and messages in another function",
            )
        if codec.mode == "none" and trigger.needs_body:
            raise WrongUse(
                f"function {name} has the trigger {trigger.kind} and no parameter for its body",
                file=where[0],
                line=where[1],
                advice="add a first parameter, typed as what a message holds",
            )
