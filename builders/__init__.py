"""An app becomes artifacts: a Lambda zip, a Nuclio archive with its function configuration."""

from .artifacts.base import Artifact, Layer
from .build import build
from .errors import BuildError
from .load import load_app
from .report import Report
from .resolve import Resolver, default_cache
from .target import Target

__all__ = [
    "Artifact",
    "BuildError",
    "Layer",
    "Report",
    "Resolver",
    "Target",
    "build",
    "default_cache",
    "load_app",
]
