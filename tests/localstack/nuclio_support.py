"""What tests of Nuclio's dashboard do again and again, as its clients do, by plain HTTP."""

from __future__ import annotations

import base64
from typing import Any

import httpx

from pelton.pytest_plugin import RunningEmulator

from .. import plain

HELLO = """
def handler(context, event):
    context.logger.info("asked")
    return "hello"
"""


def document(name: str, source: str = HELLO, **spec: Any) -> dict[str, Any]:
    """A function's configuration with its code in it; `build` of `spec` is added to."""
    code = base64.b64encode(source.encode()).decode()
    build = {"functionSourceCode": code, **spec.pop("build", {})}
    usual = {"handler": "main:handler", "runtime": "python", "build": build}
    return {"metadata": {"name": name}, "spec": {**usual, **spec}}


class Client:
    """A client of one emulator's dashboard."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.url = emulator.nuclio_url
        self._http = plain.Client(base_url=f"{emulator.nuclio_url}/api", timeout=90)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, json: Any = None, **headers: str) -> httpx.Response:
        """One request; `x_nuclio_path="/a"` is the header x-nuclio-path."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(method, path, json=json, headers=named)

    def deploy(self, wanted: dict[str, Any], method: str = "POST", **headers: str) -> Any:
        """Deploy and wait; the function's status."""
        headers["x_nuclio_wait_function_action"] = "true"
        answer = self.ask(method, "/functions", wanted, **headers)
        assert answer.status_code == 202, answer.text
        return self.status(wanted["metadata"]["name"])

    def status(self, name: str) -> Any:
        return self.ask("GET", f"/functions/{name}").json()["status"]

    def invoke(self, name: str, path: str = "", **headers: str) -> httpx.Response:
        return self.ask(
            "POST",
            "/function_invocations",
            x_nuclio_function_name=name,
            x_nuclio_path=path,
            **headers,
        )

    def invoke_with(self, name: str, body: bytes) -> httpx.Response:
        headers = {"x-nuclio-function-name": name}
        return self._http.post("/function_invocations", content=body, headers=headers)

    def stream(self, path: str) -> Any:
        return self._http.stream("GET", path)


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"])
