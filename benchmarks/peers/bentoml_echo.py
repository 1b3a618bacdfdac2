"""An echo as a BentoML service, with the server that it has for production and one worker.

python bentoml_echo.py PORT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import bentoml


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Echo:
    @bentoml.api(route="/")
    def echo(self, id: str, rows: list[int], text: str) -> dict[str, Any]:
        return {"id": id, "rows": rows, "text": text}


if __name__ == "__main__":
    here = Path(__file__)
    words = ["serve", f"{here.stem}:Echo", "--host", "127.0.0.1", "--port", sys.argv[1]]
    environment = {**os.environ, "BENTOML_DO_NOT_TRACK": "True"}
    os.chdir(here.parent)
    os.execve(sys.executable, [sys.executable, "-m", "bentoml", *words], environment)
