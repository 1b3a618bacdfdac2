"""A Nuclio dashboard's REST API: calls, refusals in words, waiting.  Knows no kind of resource."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CallFailed
from ..pauses import growing
from ..tls import speaks_tls
from .aws import unreachable

if TYPE_CHECKING:
    import httpx  # loaded where a dashboard is called: what deploys to AWS alone does without

FAILED = ("error", "unhealthy")
_DONE = ("ready", "scaledToZero")
# What a deploy that was begun goes through; a dashboard refuses another until it is over (412).
ON_ITS_WAY = (
    "waitingForBuild",
    "building",
    "waitingForResourceConfiguration",
    "configuringResources",
)
_POLL_SECONDS = 0.2
_BUILD_SECONDS, _SECONDS = 900.0, 120.0
NO_GATEWAYS = (404, 405, 501)  # what a dashboard without API gateways says of them
_LOOKS = int(_BUILD_SECONDS / _POLL_SECONDS)
_SETTLED, _ABSENT = 3, 14
_BUSY = 412  # the function is on its way; it cannot be deleted yet


class Nuclio:
    """One dashboard; several threads may use it.

    pause, transport: time and network, for tests
    """

    def __init__(
        self,
        endpoint: str,
        *,
        pause: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        import httpx

        self.endpoint = endpoint.rstrip("/")
        self._pause = pause
        self._http = httpx.Client(
            base_url=self.endpoint,
            timeout=_SECONDS,
            transport=transport,
            verify=speaks_tls(self.endpoint),
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def get(self, path: str, name: str) -> dict[str, Any] | None:
        """A document as the dashboard tells it; None when it is not there."""
        answer = self.call("GET", path, name, fine=(404,))
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.json()
        return document

    def platform(self) -> str:
        """What Nuclio runs on: "kube", or "local" for Docker; "" where it does not say."""
        found = self.get("/api/frontend_spec", "the dashboard") or {}
        return str(found.get("platformKind", ""))

    def has_gateways(self) -> bool:
        """Whether this Nuclio knows API gateways; on Docker it does not."""
        answer = self.call("GET", "/api/api_gateways", "API gateways", fine=NO_GATEWAYS)
        return answer.status_code == 200

    def settle(self, name: str) -> None:
        """Come back when a function is ready; with the build's own log when it failed."""
        status = self._settled(name)
        if status["state"] in FAILED:
            raise CallFailed(f"function {name!r} on nuclio: {_story(status)}")

    def comes(self, name: str) -> bool:
        """Come back when what is on its way is there; whether it is ready."""
        return self._settled(name)["state"] in _DONE

    def _settled(self, name: str) -> dict[str, Any]:
        """A function's status, when its deploy is over."""
        absent = 0
        for _, pause in zip(range(_LOOKS), growing(_POLL_SECONDS), strict=False):
            found = self.get(f"/api/functions/{name}", name)
            status: dict[str, Any] = (found or {}).get("status", {})
            if status.get("state") in (*_DONE, *FAILED):
                return status
            absent = absent + 1 if found is None else 0
            if absent == _ABSENT:
                raise CallFailed(f"function {name!r} on nuclio: somebody deleted it meanwhile")
            self._pause(pause)
        raise CallFailed(f"function {name!r} on nuclio: not ready after {_BUILD_SECONDS:.0f} s")

    def delete(self, path: str, name: str, namespace: str = "nuclio") -> None:
        """Delete what is there; while it is on its way that is refused, and asked for again."""
        body = {"metadata": {"name": name, "namespace": namespace}}
        self.change("DELETE", path, name, f"{path}/{name}", fine=(404,), json=body)

    def change(
        self,
        method: str,
        path: str,
        name: str,
        of: str,
        *,
        fine: tuple[int, ...] = (),
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One request that is refused while something is on its way, and then made again; `of` is
        where that is seen.  Raises `CallFailed` where it is refused for another reason."""
        settled = 0
        for _ in range(_LOOKS):
            answer = self.call(method, path, name, fine=(*fine, _BUSY), json=json, headers=headers)
            if answer.status_code != _BUSY:
                return answer
            status = (self.get(of, name) or {}).get("status", {})
            settled += status.get("state", "") in ("", *_DONE, *FAILED)
            if settled == _SETTLED:  # it is on its way no more, and is refused all the same
                break
            self._pause(_POLL_SECONDS)
        raise CallFailed(f"{name!r} on nuclio: {method} {path}: {_error_text(answer)}")

    def call(
        self,
        method: str,
        path: str,
        name: str,
        *,
        fine: tuple[int, ...] = (),
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One request about `name`; raises `CallFailed` for a status that is neither a success nor
        `fine`, `Unreachable` where nothing answers."""
        import httpx

        try:
            answer = self._sent(
                method,
                path,
                json=json,
                headers={"x-nuclio-project-namespace": "nuclio", **(headers or {})},
                timeout=_BUILD_SECONDS if headers else _SECONDS,  # with a header it may wait
            )
        except httpx.ConnectError as error:
            raise unreachable(self.endpoint, option="--nuclio-endpoint") from error
        except httpx.HTTPError as error:
            raise CallFailed(f"{name!r} on nuclio: {method} {path}: {error}") from error
        if answer.is_success or answer.status_code in fine:
            return answer
        said = f"{method} {path}: {answer.status_code}: {_error_text(answer)}"
        raise CallFailed(f"{name!r} on nuclio: {said}")

    def _sent(self, method: str, path: str, **words: Any) -> httpx.Response:
        """The answer.  What only reads is asked once more when its connection ends: an idle one may
        be closed, by the dashboard or by another thread's look at it, in the moment it is used."""
        import httpx

        try:
            return self._http.request(method, path, **words)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            if method != "GET":
                raise
            return self._http.request(method, path, **words)


def _story(status: dict[str, Any]) -> str:
    """Why a deploy failed: the message, then the log lines the dashboard kept."""
    lines = (
        [f"  {each.get('level', '')}: {each.get('message', '')}" for each in status["logs"]]
        if (status.get("logs"))
        else []
    )
    return "\n".join([f"state {status['state']}: {status.get('message', '')}".rstrip(": "), *lines])


def _error_text(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text.strip()
    return str(body.get("error", body)) if isinstance(body, dict) else str(body)
