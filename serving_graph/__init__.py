"""Typed steps joined into a graph: a frozen spec, a checked graph, an executor.

A name is loaded when it is first used: a graph pays at a cold start for the kinds it has.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .graph import Graph as Graph
    from .models.file import ModelFile as ModelFile
    from .spec import GraphSpec as GraphSpec
    from .spec import StepSpec as StepSpec
    from .steps.base import Step as Step
    from .steps.call import step as step
    from .steps.ensemble import ensemble as ensemble
    from .steps.onnx import onnx as onnx
    from .steps.parallel import parallel as parallel
    from .steps.router import router as router

_HOME = {
    "Graph": "graph",
    "GraphSpec": "spec",
    "ModelFile": "models.file",
    "Step": "steps.base",
    "StepSpec": "spec",
    "ensemble": "steps.ensemble",
    "onnx": "steps.onnx",
    "parallel": "steps.parallel",
    "router": "steps.router",
    "step": "steps.call",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
