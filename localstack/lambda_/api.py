"""Lambda's REST API: request > operation > checks > act > response.

The model says how; the operation modules say what.  Every operation of the model has an
answer here: those without an `Act` answer that they are not there yet, by name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ..front import Request, Response
from . import protocol, validation
from .account import Account, Act
from .aliases import Aliases
from .calls import Calls
from .code_signing import CodeSigning
from .concurrency import Concurrency
from .errors import AwsError, not_served, too_large
from .event_configs import EventConfigs
from .extras import Extras
from .functions import Functions
from .layer_permissions import LayerPermissions
from .layers import Layers
from .model import Operation, load
from .permissions import Permissions
from .provisioned import Provisioned
from .resource_policies import ResourcePolicies
from .source_mappings import SourceMappings
from .streamed_calls import StreamedCalls
from .tags import Tags
from .tracing import HEADER
from .url_configs import UrlConfigs
from .versions import Versions

BODY_LIMIT = 70_167_211  # bytes, of any request
REMEMBERED = 2048  # addresses whose meaning is kept

Route = tuple[Operation, Mapping[str, str]]
_PARTS = (
    Functions,
    Versions,
    Aliases,
    Calls,
    StreamedCalls,
    EventConfigs,
    SourceMappings,
    UrlConfigs,
    Permissions,
    ResourcePolicies,
    Tags,
    Layers,
    LayerPermissions,
    CodeSigning,
    Concurrency,
    Provisioned,
    Extras,
)


def operations(account: Account) -> dict[str, Act]:
    """The operations that are there, by name."""
    acts: dict[str, Act] = {}
    for part in _PARTS:
        acts |= part(account).operations()
    return acts


class LambdaApi:
    """The control plane and Invoke, over HTTP."""

    def __init__(self, account: Account) -> None:
        self._model = load()
        self._acts = operations(account)
        self._account = account
        self._routes: dict[tuple[str, str], Route] = {}
        self._checked: dict[tuple[str | None, ...], protocol.Values] = {}

    def addresses(self, path: str) -> bool:
        """Whether `path` is one of Lambda's."""
        return self._model.is_lambda_path(path)

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._serve(request)
        except AwsError as error:
            return protocol.failure(self._model, error, str(uuid4()))
        except (OSError, sqlite3.Error) as error:
            self._account.registry.restore()
            sentence = f"The emulator could not keep this: {error}"
            self._account.around.warn(f"{request.method} {request.path}: {sentence}")
            failed = AwsError("ServiceException", sentence, 500)
            return protocol.failure(self._model, failed, str(uuid4()))

    async def _serve(self, request: Request) -> Response:
        self._check_region(request)
        operation, variables = self._route(request)
        act = self._acts.get(operation.name)
        if act is None:
            raise not_served(operation.name)
        _check_size(operation, request)
        values = self._values(operation, variables, request)
        answer = await act(values)
        request_id = answer.pop("RequestId", None) or str(uuid4())
        return protocol.answer(self._model, operation, answer, request_id)

    def _check_region(self, request: Request) -> None:
        """One region is here; who signs for another would be answered as if it were there.

        The words are AWS's own for a scope of another region.
        """
        signed = request.headers.get("authorization", "")
        region = self._account.place.region
        if "/lambda/aws4_request" in signed and f"/{region}/lambda/aws4_request" not in signed:
            given = signed.partition("/lambda/aws4_request")[0].rpartition("/")[2]
            raise AwsError(
                "InvalidSignatureException",
                f"Credential should be scoped to a valid region, not '{given}'. "
                f"(This emulator is {region}; `pelton emulator --region` chooses.)",
                403,
            )

    def _route(self, request: Request) -> Route:
        """What `request` addresses; the same address means the same the next time."""
        key = (request.method, request.target)
        found = self._routes.get(key)
        if found is None:
            found = self._model.route(request.method, request.path, request.query)
            if found is None:
                raise AwsError(
                    "UnknownOperationException",
                    f"No operation of Lambda is at {request.method} {request.path}",
                    404,
                )
            _remember(self._routes, key, found)
        return found

    def _values(
        self, operation: Operation, variables: Mapping[str, str], request: Request
    ) -> protocol.Values:
        """The operation's input, checked.

        Where the body is one opaque member (Invoke), all that the model constrains is in the
        address and the headers: what passed once need not be read and checked again.
        """
        if not operation.opaque_body:
            values = protocol.parse(self._model, operation, variables, request)
            validation.check(self._model, operation, values)
            return values
        headers = request.headers
        key = (request.method, request.target, *map(headers.get, operation.headers))
        values = self._checked.get(key, {})
        if not values:
            values = protocol.parse(self._model, operation, variables, request)
            validation.check(self._model, operation, values)
            _remember(self._checked, key, values)
        trace = headers.get(HEADER, "")  # which the model does not know
        return {**values, operation.payload_in: request.body, HEADER: trace}


def _remember(known: dict[Any, Any], key: Any, value: Any) -> None:
    if len(known) >= REMEMBERED:
        known.clear()
    known[key] = value


def _check_size(operation: Operation, request: Request) -> None:
    if request.cut or len(request.body) >= BODY_LIMIT:
        raise too_large(
            f"Request must be smaller than {BODY_LIMIT} bytes for the {operation.name} operation"
        )
