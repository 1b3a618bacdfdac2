"""The front door: every public name of pelton, imported when it is first used.

`import pelton` costs nothing beyond this file, because it also ships inside every
artifact.  A name whose part was not shipped (a graph in an artifact built without
one) fails with a sentence that says so.

>>> import pelton
>>> pelton.App("flights").name
'flights'
"""

from typing import TYPE_CHECKING

from .handlers.lazily import lazily

if TYPE_CHECKING:
    from . import steps as steps
    from .handlers.app import App as App
    from .handlers.context import Context as Context
    from .handlers.errors import AssetFailed as AssetFailed
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
    from .handlers.event_router import EventRouter as EventRouter
    from .handlers.failed import Failed as Failed
    from .handlers.metrics import Metrics as Metrics
    from .handlers.new_event import NewEvent as NewEvent
    from .handlers.platforms import Aws as Aws
    from .handlers.platforms import Nuclio as Nuclio
    from .handlers.secret import secret as secret
    from .handlers.telemetry import Telemetry as Telemetry
    from .handlers.triggers.cloudevents import CloudEvent as CloudEvent
    from .handlers.triggers.cloudevents import cloudevents as cloudevents
    from .handlers.triggers.cron import cron as cron
    from .handlers.triggers.directory import directory as directory
    from .handlers.triggers.dynamodb import TableChange as TableChange
    from .handlers.triggers.dynamodb import dynamodb as dynamodb
    from .handlers.triggers.eventbridge import eventbridge as eventbridge
    from .handlers.triggers.http import http as http
    from .handlers.triggers.kafka import kafka as kafka
    from .handlers.triggers.kinesis import kinesis as kinesis
    from .handlers.triggers.mqtt import mqtt as mqtt
    from .handlers.triggers.nats import nats as nats
    from .handlers.triggers.own import source as source
    from .handlers.triggers.postgres import postgres as postgres
    from .handlers.triggers.rabbitmq import rabbitmq as rabbitmq
    from .handlers.triggers.redis import redis as redis
    from .handlers.triggers.s3 import S3Object as S3Object
    from .handlers.triggers.s3 import s3 as s3
    from .handlers.triggers.sns import sns as sns
    from .handlers.triggers.sqs import sqs as sqs
    from .handlers.triggers.websocket import websocket as websocket
    from .handlers.triggers.websocket_api import websocket_api as websocket_api
    from .handlers.vpc import Vpc as Vpc
    from .runtime.assets import asset as asset
    from .serving_graph.failure import Failure as Failure
    from .serving_graph.graph import Graph as Graph
    from .serving_graph.oip import oip as oip
    from .serving_graph.steps.call import step as step
    from .serving_graph.steps.ensemble import ensemble as ensemble
    from .serving_graph.steps.onnx import onnx as onnx
    from .serving_graph.steps.parallel import parallel as parallel
    from .serving_graph.steps.router import router as router

__version__ = "0.1.0"

_HOMES = {
    "App": ".handlers.app",
    "AssetFailed": ".handlers.errors",
    "Aws": ".handlers.platforms",
    "CallFailed": ".handlers.errors",
    "Context": ".handlers.context",
    "CycleLimit": ".handlers.errors",
    "DeadlineExceeded": ".handlers.errors",
    "Event": ".handlers.event",
    "EventRouter": ".handlers.event_router",
    "Failed": ".handlers.failed",
    "Failure": ".serving_graph.failure",
    "Graph": ".serving_graph.graph",
    "InvalidInput": ".handlers.errors",
    "InvalidOutput": ".handlers.errors",
    "JobFailed": ".handlers.errors",
    "MalformedBody": ".handlers.errors",
    "Metrics": ".handlers.metrics",
    "NewEvent": ".handlers.new_event",
    "NotReady": ".handlers.errors",
    "Nuclio": ".handlers.platforms",
    "Overloaded": ".handlers.errors",
    "PeltonError": ".handlers.errors",
    "Reject": ".handlers.errors",
    "Response": ".handlers.event",
    "Result": ".handlers.event",
    "Retry": ".handlers.errors",
    "S3Object": ".handlers.triggers.s3",
    "Telemetry": ".handlers.telemetry",
    "UnknownModel": ".handlers.errors",
    "Vpc": ".handlers.vpc",
    "WrongUse": ".handlers.errors",
    "asset": ".runtime.assets",
    "CloudEvent": ".handlers.triggers.cloudevents",
    "cloudevents": ".handlers.triggers.cloudevents",
    "cron": ".handlers.triggers.cron",
    "directory": ".handlers.triggers.directory",
    "eventbridge": ".handlers.triggers.eventbridge",
    "ensemble": ".serving_graph.steps.ensemble",
    "http": ".handlers.triggers.http",
    "kafka": ".handlers.triggers.kafka",
    "TableChange": ".handlers.triggers.dynamodb",
    "dynamodb": ".handlers.triggers.dynamodb",
    "kinesis": ".handlers.triggers.kinesis",
    "mqtt": ".handlers.triggers.mqtt",
    "nats": ".handlers.triggers.nats",
    "source": ".handlers.triggers.own",
    "oip": ".serving_graph.oip",
    "onnx": ".serving_graph.steps.onnx",
    "parallel": ".serving_graph.steps.parallel",
    "rabbitmq": ".handlers.triggers.rabbitmq",
    "postgres": ".handlers.triggers.postgres",
    "redis": ".handlers.triggers.redis",
    "router": ".serving_graph.steps.router",
    "s3": ".handlers.triggers.s3",
    "secret": ".handlers.secret",
    "sns": ".handlers.triggers.sns",
    "sqs": ".handlers.triggers.sqs",
    "websocket": ".handlers.triggers.websocket",
    "websocket_api": ".handlers.triggers.websocket_api",
    "step": ".serving_graph.steps.call",
}

__all__ = [*sorted(_HOMES), "__version__", "steps"]


def _missing(name: str, part: str) -> str:
    return (
        f"pelton.{name} needs the part {part}, which is not in this artifact: "
        "it ships when the app's own code imports it where the builder can see it"
    )


_load = lazily(__name__, _HOMES, _missing)


def __getattr__(name: str) -> object:
    if name == "steps":
        from importlib import import_module

        return import_module(".steps", __name__)
    return _load(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
