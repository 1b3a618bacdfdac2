"""The first program of a process that is debugged: a debugger listens, then the real one runs.

Usage: start.py SETTING PROGRAM ARGUMENT...

SETTING is JSON: whether to `wait` for a client, the `root` of the function's code, what is
`library` code, and the `desk` that is told the port, with a `token`, in a line of JSON.  It is
copied beside the debugger, is started by path, imports the standard library (of Python 3.10 or
newer) and debugpy, and nothing of pelton.
"""

import json
import os
import runpy
import socket
import sys
import sysconfig
from typing import Any

HOST = "127.0.0.1"


def main() -> None:
    setting = json.loads(sys.argv[1])
    del sys.argv[:2]
    with socket.create_connection(tuple(setting["desk"])) as desk:
        listen(setting, desk)
    del sys.path[0]  # the function finds no package that it did not bring
    runpy.run_path(sys.argv[0], run_name="__main__")


def listen(setting: dict[str, Any], desk: socket.socket) -> None:
    """Open the port, tell it, and wait for a client where that is asked."""

    def tell(**said: Any) -> None:
        desk.sendall(json.dumps({"token": setting["token"], **said}).encode() + b"\n")

    environment = dict(os.environ)
    library = [*setting["library"], *map(sysconfig.get_path, ("stdlib", "platstdlib"))]
    os.environ["LIBRARY_ROOTS"] = os.pathsep.join(library)
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # or it prints warnings into the log
    try:
        import debugpy

        debugpy.configure(subProcess=False)  # what a function starts runs as it is
        _, port = debugpy.listen((HOST, 0))
    except (ImportError, OSError, RuntimeError) as error:
        tell(refused=getattr(error, "strerror", None) or str(error))
        sys.exit(1)
    finally:
        os.environ.clear()
        os.environ.update(environment)
    tell(port=port, root=setting["root"])
    if setting["wait"]:
        debugpy.wait_for_client()


if __name__ == "__main__":
    main()
