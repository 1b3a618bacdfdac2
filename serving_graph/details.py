"""What a step's box says below its name, by its kind: read from the spec alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .kit.base import Step
from .spec import StepSpec


def detail(step: Step[Any, Any]) -> str:
    """One short line; "" where the name says it all.

    >>> from pelton import steps
    >>> detail(steps.batch(32)), detail(steps.batch(32, name="chunks"))
    ('of 32', 'batch of 32')
    """
    spec = step.spec
    if spec.kind == "call":
        return _call(step)
    told = _TOLD.get(spec.kind, _nothing)(spec)
    if spec.name == spec.kind or spec.kind in ("onnx", "graph"):
        return told
    if spec.kind == "ensemble":
        return f"ensemble: {told}"
    return f"{spec.kind} {told}".rstrip()


def _call(step: Step[Any, Any]) -> str:
    given = step.spec.option("arguments", {})
    words = ", ".join(f"{key}={json.dumps(value)}" for key, value in given.items())
    wait = "async" if step.is_async else "in a thread" if step.spec.option("thread") else ""
    return " ".join(filter(None, (wait, words)))


def _nothing(spec: StepSpec) -> str:
    return ""


def _named(written: Any) -> str:
    """A field, or a function's name."""
    if not isinstance(written, dict):
        return str(written)
    function = written.get("function", "").rpartition(":")[2]
    return str(written.get("field") or written.get("name") or function)


def _reduce(spec: StepSpec) -> str:
    key = spec.option("key")
    return _named(spec.option("fn")) + (f" by {_named(key)}" if key else "")


def _join(spec: StepSpec) -> str:
    return f"{_named(spec.option('lookup'))} by {_named(spec.option('by'))}"


def _cache(spec: StepSpec) -> str:
    ttl = spec.option("ttl")
    return f"{spec.option('size')} answers" + (f", {ttl:g} s" if ttl is not None else "")


def _cycle(spec: StepSpec) -> str:
    return f"until {_named(spec.option('until'))}, {spec.option('limit')} turns at most"


def _seconds(given: Any) -> str:
    return f"{given:g} s" if isinstance(given, (int, float)) else str(given)


def _canary(spec: StepSpec) -> str:
    key = spec.option("key")
    share = f"{100 * spec.option('weight'):g} % to the new one"
    return f"{share}, by {_named(key)}" if key else share


_TOLD: dict[str, Callable[[StepSpec], str]] = {
    "batched": lambda spec: f"{spec.option('max_rows')} rows at most",
    "batch": lambda spec: f"of {spec.option('size')}",
    "breaker": lambda spec: f"opens after {spec.option('failures')} failures",
    "cache": _cache,
    "canary": _canary,
    "champion": lambda spec: f"{spec.option('first')} answers",
    "cycle": _cycle,
    "ensemble": lambda spec: _named(spec.option("combine")),
    "flat_map": lambda spec: "each item",
    "hedge": lambda spec: f"after {_seconds(spec.option('after'))}",
    "http": lambda spec: f"{spec.option('method')} {spec.option('url')}",
    "join": _join,
    "limit": lambda spec: f"{spec.option('concurrency')} at once",
    "map": lambda spec: "each item",
    "once": lambda spec: f"in {spec.option('store')}",
    "onnx": lambda spec: str(spec.option("path")),
    "reduce": _reduce,
    "respond": lambda spec: "then, aside",
    "retry": lambda spec: f"{spec.option('attempts')} attempts",
    "router": lambda spec: f"by {_named(spec.option('by'))}",
    "shadow": lambda spec: f"{spec.option('first')} answers",
    "tap": lambda spec: "aside",
    "timeout": lambda spec: _seconds(spec.option("seconds")),
}
