"""The kinds of step, one a file, all of one shape.

A kind's file has the word that makes its step, the step's class, and `rebuild(spec, branches, at)`,
the way back from a spec.
"""

# A spec's word for a kind: its module here.  Loaded when a graph uses it.
KINDS = {
    "bandit": "bandit",
    "batch": "batch",
    "cache": "cache",
    "batched": "batched",
    "call": "call",
    "canary": "canary",
    "catch": "catch",
    "champion": "champion",
    "choice": "choice",
    "cycle": "cycle",
    "ensemble": "ensemble",
    "fallback": "fallback",
    "filter": "filter",
    "flat_map": "flat_map",
    "graph": "subgraph",
    "handler": "handler",
    "join": "join",
    "map": "map",
    "model": "model",
    "once": "once",
    "onnx": "onnx",
    "parallel": "parallel",
    "pickled": "pickled",
    "queue": "queue",
    "respond": "respond",
    "retry": "retry",
    "router": "router",
    "shadow": "shadow",
    "skops": "skops",
    "stacking": "stacking",
    "tap": "tap",
    "timeout": "timeout",
    "versions": "versions",
}
