"""Every kind of step by its word: `from pelton import steps`, then `steps.map`, `steps.filter` …

They stand apart from `pelton`'s own names because several are words of Python itself.  Each is
loaded when it is first used.

>>> from pelton import steps
>>> steps.map(len)
<map step map: Iterable[Any] -> list[Any]>
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .serving_graph.steps.bandit import bandit as bandit
    from .serving_graph.steps.batch import batch as batch
    from .serving_graph.steps.batched import batched as batched
    from .serving_graph.steps.breaker import breaker as breaker
    from .serving_graph.steps.cache import cache as cache
    from .serving_graph.steps.call import step as step
    from .serving_graph.steps.canary import canary as canary
    from .serving_graph.steps.catch import catch as catch
    from .serving_graph.steps.champion import champion as champion
    from .serving_graph.steps.choice import choice as choice
    from .serving_graph.steps.choice import when as when
    from .serving_graph.steps.cycle import cycle as cycle
    from .serving_graph.steps.dead_letter import dead_letter as dead_letter
    from .serving_graph.steps.ensemble import ensemble as ensemble
    from .serving_graph.steps.fallback import fallback as fallback
    from .serving_graph.steps.filter import filter as filter
    from .serving_graph.steps.flat_map import flat_map as flat_map
    from .serving_graph.steps.hedge import hedge as hedge
    from .serving_graph.steps.http import http as http
    from .serving_graph.steps.join import join as join
    from .serving_graph.steps.limit import limit as limit
    from .serving_graph.steps.map import map as map
    from .serving_graph.steps.model import model as model
    from .serving_graph.steps.once import once as once
    from .serving_graph.steps.onnx import onnx as onnx
    from .serving_graph.steps.optional import optional as optional
    from .serving_graph.steps.parallel import parallel as parallel
    from .serving_graph.steps.pickled import pickled as pickled
    from .serving_graph.steps.queue import queue as queue
    from .serving_graph.steps.reduce import reduce as reduce
    from .serving_graph.steps.respond import respond as respond
    from .serving_graph.steps.retry import retry as retry
    from .serving_graph.steps.router import router as router
    from .serving_graph.steps.shadow import shadow as shadow
    from .serving_graph.steps.skops import skops as skops
    from .serving_graph.steps.stacking import stacking as stacking
    from .serving_graph.steps.tap import tap as tap
    from .serving_graph.steps.timeout import timeout as timeout

# A word: the module of `serving_graph.steps` that has it.
_HOME = {
    "bandit": "bandit",
    "batch": "batch",
    "batched": "batched",
    "breaker": "breaker",
    "cache": "cache",
    "canary": "canary",
    "catch": "catch",
    "champion": "champion",
    "choice": "choice",
    "cycle": "cycle",
    "dead_letter": "dead_letter",
    "ensemble": "ensemble",
    "fallback": "fallback",
    "filter": "filter",
    "flat_map": "flat_map",
    "hedge": "hedge",
    "http": "http",
    "join": "join",
    "limit": "limit",
    "map": "map",
    "model": "model",
    "once": "once",
    "onnx": "onnx",
    "optional": "optional",
    "parallel": "parallel",
    "pickled": "pickled",
    "queue": "queue",
    "reduce": "reduce",
    "respond": "respond",
    "retry": "retry",
    "router": "router",
    "shadow": "shadow",
    "skops": "skops",
    "stacking": "stacking",
    "step": "call",
    "tap": "tap",
    "timeout": "timeout",
    "when": "choice",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'pelton.steps' has no attribute {name!r}")
    try:
        module = import_module(f".serving_graph.steps.{_HOME[name]}", __package__)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(f"{__package__}."):
            raise
        raise ImportError(
            f"pelton.steps.{name} needs the part {error.name}, which is not in this artifact: "
            f"it ships when the app's own code says the word {name}"
        ) from error
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
