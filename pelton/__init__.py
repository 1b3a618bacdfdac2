"""The front door: every public name of pelton, imported when it is first used.

`import pelton` costs nothing beyond this file, because it also ships inside every
artifact.  A name whose part was not shipped (a graph in an artifact built without
one) fails with a sentence that says so.

>>> import pelton
>>> pelton.App("flights").name
'flights'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import steps as steps
    from .handlers.app import App as App
    from .handlers.context import Context as Context
    from .handlers.errors import CallFailed as CallFailed
    from .handlers.errors import CycleLimit as CycleLimit
    from .handlers.errors import DeadlineExceeded as DeadlineExceeded
    from .handlers.errors import InvalidInput as InvalidInput
    from .handlers.errors import InvalidOutput as InvalidOutput
    from .handlers.errors import JobFailed as JobFailed
    from .handlers.errors import MalformedBody as MalformedBody
    from .handlers.errors import NotReady as NotReady
    from .handlers.errors import Overloaded as Overloaded
    from .handlers.errors import PeltonError as PeltonError
    from .handlers.errors import Reject as Reject
    from .handlers.errors import Retry as Retry
    from .handlers.errors import UnknownModel as UnknownModel
    from .handlers.errors import WrongUse as WrongUse
    from .handlers.event import Event as Event
    from .handlers.event import Response as Response
    from .handlers.event import Result as Result
    from .handlers.failed import Failed as Failed
    from .handlers.metrics import Metrics as Metrics
    from .handlers.platforms import Aws as Aws
    from .handlers.platforms import Nuclio as Nuclio
    from .handlers.telemetry import Telemetry as Telemetry
    from .handlers.triggers import cron as cron
    from .handlers.triggers import http as http
    from .handlers.triggers import sqs as sqs
    from .handlers.triggers.kinesis import kinesis as kinesis
    from .serving_graph import Graph as Graph
    from .serving_graph import ensemble as ensemble
    from .serving_graph import onnx as onnx
    from .serving_graph import parallel as parallel
    from .serving_graph import router as router
    from .serving_graph import step as step
    from .serving_graph.failure import Failure as Failure
    from .serving_graph.oip import oip as oip

__version__ = "0.1.0"

_HOME = {
    "App": "handlers.app",
    "Aws": "handlers.platforms",
    "CallFailed": "handlers.errors",
    "Context": "handlers.context",
    "CycleLimit": "handlers.errors",
    "DeadlineExceeded": "handlers.errors",
    "Event": "handlers.event",
    "Failed": "handlers.failed",
    "Failure": "serving_graph.failure",
    "Graph": "serving_graph",
    "InvalidInput": "handlers.errors",
    "InvalidOutput": "handlers.errors",
    "JobFailed": "handlers.errors",
    "MalformedBody": "handlers.errors",
    "Metrics": "handlers.metrics",
    "NotReady": "handlers.errors",
    "Nuclio": "handlers.platforms",
    "Overloaded": "handlers.errors",
    "PeltonError": "handlers.errors",
    "Reject": "handlers.errors",
    "Response": "handlers.event",
    "Result": "handlers.event",
    "Retry": "handlers.errors",
    "Telemetry": "handlers.telemetry",
    "UnknownModel": "handlers.errors",
    "WrongUse": "handlers.errors",
    "cron": "handlers.triggers",
    "ensemble": "serving_graph",
    "http": "handlers.triggers",
    "kinesis": "handlers.triggers.kinesis",
    "oip": "serving_graph.oip",
    "onnx": "serving_graph",
    "parallel": "serving_graph",
    "router": "serving_graph",
    "sqs": "handlers.triggers",
    "step": "serving_graph",
}

__all__ = [*sorted(_HOME), "__version__", "steps"]


def __getattr__(name: str) -> object:
    if name == "steps":
        return import_module(".steps", __name__)
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'pelton' has no attribute {name!r}")
    try:
        module = import_module(f".{home}", __name__)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(f"{__name__}."):
            raise
        raise ImportError(
            f"pelton.{name} needs the part {error.name}, which is not in this artifact: "
            "it ships when the app's own code imports it where the builder can see it"
        ) from error
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
