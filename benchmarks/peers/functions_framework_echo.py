"""An echo under functions-framework, with the server that it has for production.

python functions_framework_echo.py PORT
"""

from __future__ import annotations

import os
import sys
from typing import Any


def echo(request: Any) -> Any:
    return request.get_json()


if __name__ == "__main__":
    options = ["--source", __file__, "--target", "echo", "--host", "127.0.0.1", "--port"]
    os.execv(sys.executable, [sys.executable, "-m", "functions_framework", *options, sys.argv[1]])
