"""gRPC: the service of open_inference.proto over a `Plane`, on the event loop of whoever starts it.

The one module that imports grpcio; it is asked for by `pelton serve --grpc-port` alone.
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import grpc

from ...handlers.context import Context
from ...handlers.event import Event
from ...runtime.loop_workers import Workers
from .errors import NOT_HERE, ProtocolError, known
from .grpc_codec import read_request, write_response
from .grpc_messages import MESSAGES
from .plane import Plane, Prepared

SERVICE = "inference.GRPCInferenceService"

MakeContext = Callable[[str, float | None], Context]


class Service:
    """The service's methods.

    workers: what runs the models that do not wait, and bounds what is under way
    context: (request id, deadline) -> the context that steps may take
    """

    def __init__(self, plane: Plane, workers: Workers, context: MakeContext) -> None:
        self.plane, self.workers, self._context = plane, workers, context

    async def server_live(self, request: Any, call: Any) -> Any:
        return MESSAGES["ServerLiveResponse"](live=True)

    async def server_ready(self, request: Any, call: Any) -> Any:
        return MESSAGES["ServerReadyResponse"](ready=self.plane.ready())

    async def model_ready(self, request: Any, call: Any) -> Any:
        ready = self.plane.model_ready(request.name, request.version)
        return MESSAGES["ModelReadyResponse"](ready=ready)

    async def server_metadata(self, request: Any, call: Any) -> Any:
        return MESSAGES["ServerMetadataResponse"](**self.plane.server())

    async def model_metadata(self, request: Any, call: Any) -> Any:
        found = self.plane.metadata(request.name, request.version)
        return MESSAGES["ModelMetadataResponse"](**found.to_dict())

    async def model_infer(self, request: Any, call: Any) -> Any:
        left = call.time_remaining()
        context = self._context(request.id, None if left is None else time.time() + left)
        told = call.invocation_metadata() or ()
        headers = {key: value for key, value in told if isinstance(value, str)}
        context.event = Event(id=request.id, trigger="grpc", headers=headers)
        async with self.workers.place():
            try:
                return await self._infer(request, context)
            except asyncio.CancelledError:  # who asked gave up, or the deadline is over
                context.cancel()
                raise

    async def _infer(self, message: Any, context: Context) -> Any:
        graph = self.plane.graphs.get(message.model_name)
        if graph is None or not graph.is_async:
            return await self.workers.call(self._plain, message, context)
        prepared = self.plane.prepare(read_request(message))
        return self._written(prepared, await prepared.call(context), context)

    def _plain(self, message: Any, context: Context) -> Any:
        """A whole inference on a thread: tensors read and written there, too."""
        prepared = self.plane.prepare(read_request(message))
        return self._written(prepared, prepared.call(context), context)

    def _written(self, prepared: Prepared, answer: Any, context: Context) -> Any:
        return write_response(self.plane.finish(prepared, answer, context), prepared.request)

    async def model_stream_infer(self, requests: AsyncIterator[Any], call: Any) -> Any:
        """One answer a request, in order; an error is that request's, and the stream goes on."""
        async for request in requests:
            try:
                answer = await self.model_infer(request, call)
            except Exception as error:
                said = self._said(error)
                yield MESSAGES["ModelStreamInferResponse"](error_message=str(said))
            else:
                yield MESSAGES["ModelStreamInferResponse"](infer_response=answer)

    async def repository_index(self, request: Any, call: Any) -> Any:
        found = self.plane.index(ready_only=request.ready)
        models = [each._asdict() for each in found]
        return MESSAGES["RepositoryIndexResponse"](models=models)

    async def repository_model_load(self, request: Any, call: Any) -> Any:
        name = _named(request)
        if request.parameters:
            brought = ", ".join(request.parameters)
            raise ProtocolError(f"a load takes no parameters here; it has {brought}")
        try:
            await self.workers.call(self.plane.load, name, self._context("", None))
        except Exception as error:
            if known(error) is not None:
                raise
            what = f"the model {name!r} cannot be loaded: {type(error).__name__}: {error}"
            raise ProtocolError(what, 503) from error
        return MESSAGES["RepositoryModelLoadResponse"](model_name=name, is_loaded=True)

    async def repository_model_unload(self, request: Any, call: Any) -> Any:
        name = _named(request)
        await self.workers.call(self.plane.unload, name)
        return MESSAGES["RepositoryModelUnloadResponse"](model_name=name, is_unloaded=True)

    def answering(self, method: Callable[[Any, Any], Awaitable[Any]]) -> Any:
        """A method, its errors said by gRPC's codes."""

        async def answer(request: Any, call: Any) -> Any:
            try:
                return await method(request, call)
            except Exception as error:
                said = self._said(error)
                await call.abort(grpc.StatusCode[said.grpc_code], str(said))

        return answer

    def _said(self, error: Exception) -> ProtocolError:
        said = known(error)
        if said is None:
            traceback.print_exception(error, file=sys.stderr)
            said = ProtocolError(f"{type(error).__name__}: {error}", 500)
        return said

    def handler(self) -> Any:
        """The service as grpcio takes it."""
        methods: dict[str, Any] = {}
        for name, method in _UNARY.items():
            methods[name] = grpc.unary_unary_rpc_method_handler(
                self.answering(getattr(self, method)), **_wire(name)
            )
        methods["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
            self.model_stream_infer,
            request_deserializer=MESSAGES["ModelInferRequest"].FromString,
            response_serializer=MESSAGES["ModelStreamInferResponse"].SerializeToString,
        )
        for name, why in NOT_HERE.items():
            methods[name] = grpc.unary_unary_rpc_method_handler(
                self.answering(partial(_refuse, why))
            )
        return grpc.method_handlers_generic_handler(SERVICE, methods)


_UNARY = {
    "ServerLive": "server_live",
    "ServerReady": "server_ready",
    "ModelReady": "model_ready",
    "ServerMetadata": "server_metadata",
    "ModelMetadata": "model_metadata",
    "ModelInfer": "model_infer",
    "RepositoryIndex": "repository_index",
    "RepositoryModelLoad": "repository_model_load",
    "RepositoryModelUnload": "repository_model_unload",
}


async def _refuse(why: str, request: Any, call: Any) -> Any:
    raise ProtocolError(why, 501)


def _named(request: Any) -> str:
    """The model of a repository's call, in whichever field the client has it."""
    name: str = request.model_name or request.repository_name
    if not name:
        raise ProtocolError("the request names no model")
    return name


def _wire(name: str) -> dict[str, Any]:
    return {
        "request_deserializer": MESSAGES[f"{name}Request"].FromString,
        "response_serializer": MESSAGES[f"{name}Response"].SerializeToString,
    }


async def start(service: Service, host: str, port: int, *, most_body: int) -> tuple[Any, int]:
    """(the running server, its port).  Raises OSError when the port cannot be had."""
    limits = [("grpc.max_receive_message_length", most_body), ("grpc.so_reuseport", 0)]
    server = grpc.aio.server(options=limits)
    server.add_generic_rpc_handlers((service.handler(),))
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(f"cannot listen on {host}:{port} for gRPC") from error
    await server.start()
    return server, bound
