"""An echo as a custom model of MLServer, at a route of its own, in the server's own process: its
pool of inference workers would only add a hop.

python mlserver_echo.py PORT
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from mlserver import MLModel
from mlserver.handlers import custom_handler


class Echo(MLModel):
    @custom_handler(rest_path="/")
    async def echo(self, document: dict[str, Any]) -> dict[str, Any]:
        return document


if __name__ == "__main__":
    port, here = int(sys.argv[1]), Path(__file__)
    folder = Path(tempfile.mkdtemp())
    settings = {
        "host": "127.0.0.1", "http_port": port, "grpc_port": 0, "metrics_port": 0,
        "parallel_workers": 0, "debug": False,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {"name": "echo", "implementation": f"{here.stem}.Echo"}
    (folder / "model-settings.json").write_text(json.dumps(model))
    environment = {**os.environ, "PYTHONPATH": str(here.parent)}
    program = str(Path(sys.executable).with_name("mlserver"))
    os.execve(program, [program, "start", str(folder)], environment)
