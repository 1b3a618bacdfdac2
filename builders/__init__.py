"""An app becomes artifacts: a Lambda zip, a Nuclio archive with its function configuration.

Its names are loaded when they are first used: who wants to know where an app is need not wait for
what packs it.
"""

from typing import TYPE_CHECKING

from ..handlers.lazily import lazily

if TYPE_CHECKING:
    from .artifacts.base import Artifact as Artifact
    from .artifacts.base import Layer as Layer
    from .errors import BuildError as BuildError
    from .load import load_app as load_app
    from .make import build as build
    from .report import Report as Report
    from .resolve import Resolver as Resolver
    from .resolve import default_cache as default_cache
    from .target import Target as Target

_HOMES = {
    "Artifact": ".artifacts.base",
    "BuildError": ".errors",
    "Layer": ".artifacts.base",
    "Report": ".report",
    "Resolver": ".resolve",
    "Target": ".target",
    "build": ".make",
    "default_cache": ".resolve",
    "load_app": ".load",
}

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

__getattr__ = lazily(__name__, _HOMES)
