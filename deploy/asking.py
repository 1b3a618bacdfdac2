"""How commands ask a platform for one function that is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .targets.aws import unreachable
from .tls import speaks_tls

if TYPE_CHECKING:
    import httpx


def invoke_live(client: Any, name: str, payload: bytes) -> Any:
    """Lambda's answer, called as triggers call it: by the alias `live`, where it has one.

    client: a botocore client of Lambda, whose errors this raises
    """
    try:
        return client.invoke(FunctionName=name, Qualifier="live", Payload=payload)
    except client.exceptions.ResourceNotFoundException:
        return client.invoke(FunctionName=name, Payload=payload)


def nuclio_function(address: str, name: str, *, seconds: float = 30) -> httpx.Response:
    """The dashboard's answer for a function, 404 where there is none.  Raises `Unreachable`."""
    import httpx

    try:
        return httpx.get(
            f"{address.rstrip('/')}/api/functions/{name}",
            timeout=seconds,
            trust_env=False,
            verify=speaks_tls(address),
        )
    except httpx.HTTPError as error:
        raise unreachable(address, str(error)) from None
