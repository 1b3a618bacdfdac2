"""Typed steps joined into a graph: a frozen spec, a checked graph, an executor."""

from .graph import Graph
from .spec import GraphSpec, StepSpec
from .steps.base import Step
from .steps.call import step
from .steps.ensemble import ensemble
from .steps.onnx import ModelFile, onnx
from .steps.parallel import parallel
from .steps.router import router

__all__ = [
    "Graph",
    "GraphSpec",
    "ModelFile",
    "Step",
    "StepSpec",
    "ensemble",
    "onnx",
    "parallel",
    "router",
    "step",
]
