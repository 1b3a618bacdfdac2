"""The function's context on Nuclio, and our logger's words on Nuclio's logger."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ..handlers.context import Context, secret_from_environment
from ..handlers.function import Function
from .call import maybe_await
from .logs import beside
from .routes import BY_NAME
from .worker import Worker

# The parameters of nuclio_sdk's own logger, which a field may not be called.
RESERVED = ("self", "level", "message")


class NuclioLogger:
    """Our logger's words on Nuclio's logger: fields become its structured variables."""

    def __init__(self, logger: Any, common: Mapping[str, Any]) -> None:
        self._logger, self._common = logger, dict(common)

    def debug(self, message: str, /, **fields: Any) -> None:
        self._logger.debug_with(message, **self._fields(fields))

    def info(self, message: str, /, **fields: Any) -> None:
        self._logger.info_with(message, **self._fields(fields))

    def warning(self, message: str, /, **fields: Any) -> None:
        self._logger.warn_with(message, **self._fields(fields))

    def error(self, message: str, /, **fields: Any) -> None:
        self._logger.error_with(message, **self._fields(fields))

    def exception(self, message: str, /, **fields: Any) -> None:
        import traceback

        self.error(message, **{"trace": traceback.format_exc(), **fields})

    def _fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._common, **beside(fields, (*RESERVED, *self._common))}


def make_context(
    function: Function[..., Any], worker: Worker, raw: Any, request_id: str = ""
) -> Context:
    """The function's context from Nuclio's; with an event's id, its `timeout` runs from now."""

    def invoke(name: str, payload: Any, wait: bool) -> Any:
        """Nuclio's platform always waits; without `wait` the answer is dropped."""
        import nuclio_sdk

        event = nuclio_sdk.Event(
            body=json.dumps(payload).encode(),
            content_type="application/json",
            method="POST",
            path="/",
            headers={BY_NAME: "1"},
        )
        answer = maybe_await(raw.platform.call_function(name, event))
        body = answer.body
        if isinstance(body, bytes) and answer.content_type.startswith("text/"):
            body = body.decode()
        if answer.status_code >= 400:
            raise RuntimeError(f"function {name} failed: {answer.status_code}: {body}")
        return body if wait else None

    def logger(context: Context) -> NuclioLogger:
        delivery = context.delivery
        common = {"requestId": request_id} if request_id else {}
        common |= {"correlationId": delivery.correlation_id} if delivery else {}
        return NuclioLogger(raw.logger, common)

    return Context(
        function_name=os.environ.get("NUCLIO_FUNCTION_NAME", function.name),
        function_version=os.environ.get("NUCLIO_FUNCTION_VERSION", "latest"),
        request_id=request_id,
        deadline=time.time() + function.settings.timeout if request_id else None,
        make_logger=logger,
        make_metrics=worker.metrics,
        state=worker.state,
        secret=secret_from_environment,
        invoke=invoke,
        raw=raw,
    )
