"""A Nuclio dashboard: what lives there, and how instructions are followed there.

Speaks the dashboard's REST API and nothing else; where the archive can be fetched from is given
to it.  What was asked for is kept in the function's annotations, because a dashboard fills in
defaults of its own and an asked-for value could not be told from those.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx

from .. import instructions as step
from ..errors import CallFailed
from ..instructions import Instruction
from ..states import DIGEST_ANNOTATION, SPEC_ANNOTATION, Code, NuclioFunction
from .aws import unreachable

PROJECT_LABEL = "nuclio.io/project-name"
_DONE = ("ready", "scaledToZero")
_FAILED = ("error", "unhealthy")
_POLL_SECONDS = 0.2
_BUILD_SECONDS = 900.0


class Nuclio:
    """One dashboard: reads functions, and is the doer for the platform `nuclio`.

    `archive_url` tells where a dashboard can fetch uploaded code.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        archive_url: Callable[[Code], str],
        pause: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._archive_url = archive_url
        self._pause = pause
        self._http = httpx.Client(base_url=self.endpoint, timeout=120, transport=transport)
        self._follow: dict[type[Instruction], Callable[[Any], None]] = {
            step.CreateProject: self._create_project,
            step.CreateNuclioFunction: self._create_function,
            step.UpdateNuclioFunction: self._update_function,
        }

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def read(self, name: str) -> NuclioFunction | None:
        """The function as it was last asked for; None when it is not there."""
        found = self.get(name)
        if found is None:
            return None
        metadata = found.get("metadata", {})
        labels = dict(metadata.get("labels") or {})
        notes = metadata.get("annotations") or {}
        return NuclioFunction(
            name=name,
            project=labels.pop(PROJECT_LABEL, ""),
            spec=json.loads(notes.get(SPEC_ANNOTATION, "{}")),
            digest=notes.get(DIGEST_ANNOTATION, ""),
            labels={key: labels[key] for key in labels if not key.startswith("nuclio.io/")},
            state=found.get("status", {}).get("state", ""),
        )

    def get(self, name: str) -> dict[str, Any] | None:
        """The function's document as the dashboard tells it."""
        answer = self._call("GET", f"/api/functions/{name}", name, missing_is_fine=True)
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.json()
        return document

    def has_project(self, project: str) -> bool:
        """Whether the project is there."""
        answer = self._call("GET", f"/api/projects/{project}", project, missing_is_fine=True)
        return answer.status_code != 404

    def do(self, instruction: Instruction) -> None:
        """Follow one instruction to its end; raises `DeployError` with the dashboard's words."""
        self._follow[type(instruction)](instruction)

    def _create_project(self, it: step.CreateProject) -> None:
        body = {"metadata": {"name": it.project, "namespace": "nuclio"}, "spec": {}}
        self._call("POST", "/api/projects", it.project, json=body)

    def _create_function(self, it: step.CreateNuclioFunction) -> None:
        self._call("POST", "/api/functions", it.function, json=self._document(it.wanted, it.code))
        self._settle(it.function)

    def _update_function(self, it: step.UpdateNuclioFunction) -> None:
        document = self._document(it.wanted, it.code)
        self._call("PUT", f"/api/functions/{it.function}", it.function, json=document)
        self._settle(it.function)

    def _document(self, wanted: NuclioFunction, code: Code) -> dict[str, Any]:
        notes = {
            DIGEST_ANNOTATION: wanted.digest,
            SPEC_ANNOTATION: json.dumps(wanted.spec, sort_keys=True),
        }
        build = {
            **wanted.spec.get("build", {}),
            "path": self._archive_url(code),
            "codeEntryType": "archive",
        }
        return {
            "apiVersion": "nuclio.io/v1",
            "kind": "Function",
            "metadata": {
                "name": wanted.name,
                "namespace": wanted.namespace,
                "labels": {**wanted.labels, PROJECT_LABEL: wanted.project},
                "annotations": notes,
            },
            "spec": {**wanted.spec, "build": build},
        }

    def _settle(self, name: str) -> None:
        """Come back when the function is ready; with the build's own log when it failed."""
        for _ in range(int(_BUILD_SECONDS / _POLL_SECONDS)):
            status = (self.get(name) or {}).get("status", {})
            if status.get("state") in _DONE:
                return
            if status.get("state") in _FAILED:
                raise CallFailed(f"function {name!r} on nuclio: {_story(status)}")
            self._pause(_POLL_SECONDS)
        raise CallFailed(f"function {name!r} on nuclio: not ready after {_BUILD_SECONDS:.0f} s")

    def _call(
        self, method: str, path: str, name: str, *, missing_is_fine: bool = False, json: Any = None
    ) -> httpx.Response:
        try:
            answer = self._http.request(
                method, path, json=json, headers={"x-nuclio-project-namespace": "nuclio"}
            )
        except httpx.ConnectError as error:
            raise unreachable(self.endpoint) from error
        except httpx.HTTPError as error:
            raise CallFailed(f"{name!r} on nuclio: {method} {path}: {error}") from error
        if answer.is_success or (missing_is_fine and answer.status_code == 404):
            return answer
        said = f"{method} {path}: {answer.status_code}: {_error_text(answer)}"
        raise CallFailed(f"{name!r} on nuclio: {said}")


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
