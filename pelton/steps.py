"""Every kind of step by its word: `from pelton import steps`, then `steps.map`, `steps.filter` …

They stand apart from `pelton`'s own names because several are words of Python itself.  Each is
loaded when it is first used.

>>> from pelton import steps
>>> steps.map(len)
<map step map: Iterable[Any] -> list[Any]>
"""

from typing import TYPE_CHECKING

from .handlers.lazily import lazily

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

# A word: the module that has it.
_HOMES = {
    "bandit": ".serving_graph.steps.bandit",
    "batch": ".serving_graph.steps.batch",
    "batched": ".serving_graph.steps.batched",
    "breaker": ".serving_graph.steps.breaker",
    "cache": ".serving_graph.steps.cache",
    "canary": ".serving_graph.steps.canary",
    "catch": ".serving_graph.steps.catch",
    "champion": ".serving_graph.steps.champion",
    "choice": ".serving_graph.steps.choice",
    "cycle": ".serving_graph.steps.cycle",
    "dead_letter": ".serving_graph.steps.dead_letter",
    "ensemble": ".serving_graph.steps.ensemble",
    "fallback": ".serving_graph.steps.fallback",
    "filter": ".serving_graph.steps.filter",
    "flat_map": ".serving_graph.steps.flat_map",
    "hedge": ".serving_graph.steps.hedge",
    "http": ".serving_graph.steps.http",
    "join": ".serving_graph.steps.join",
    "limit": ".serving_graph.steps.limit",
    "map": ".serving_graph.steps.map",
    "model": ".serving_graph.steps.model",
    "once": ".serving_graph.steps.once",
    "onnx": ".serving_graph.steps.onnx",
    "optional": ".serving_graph.steps.optional",
    "parallel": ".serving_graph.steps.parallel",
    "pickled": ".serving_graph.steps.pickled",
    "queue": ".serving_graph.steps.queue",
    "reduce": ".serving_graph.steps.reduce",
    "respond": ".serving_graph.steps.respond",
    "retry": ".serving_graph.steps.retry",
    "router": ".serving_graph.steps.router",
    "shadow": ".serving_graph.steps.shadow",
    "skops": ".serving_graph.steps.skops",
    "stacking": ".serving_graph.steps.stacking",
    "step": ".serving_graph.steps.call",
    "tap": ".serving_graph.steps.tap",
    "timeout": ".serving_graph.steps.timeout",
    "when": ".serving_graph.steps.choice",
}

__all__ = sorted(_HOMES)


def _missing(name: str, part: str) -> str:
    return (
        f"pelton.steps.{name} needs the part {part}, which is not in this artifact: "
        f"it ships when the app's own code says the word {name}"
    )


__getattr__ = lazily(__name__, _HOMES, _missing)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
