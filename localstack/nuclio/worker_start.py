"""How a worker's process begins: started by path, without site-packages, alone with its function.

It lays out what the function sees and then runs the wrapper, ours or Nuclio's own, as a processor
would: as `__main__`, with its options.  It imports the standard library and nothing of pelton.

The names under which functions reach each other in a cluster (`nuclio-NAMESPACE-NAME:8080`, or
`nuclio-NAME:8080`) lead to this machine's ports, for every HTTP client that the function uses.
"""

import ctypes
import json
import signal
import socket
import sys
import types
from typing import Any

PORT = 8080


def main() -> None:
    given = json.loads(sys.argv[1])
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # it never outlives the emulator
    sys.path[:] = given["path"]
    sys.executable = given["python"]  # what the function's own children are started with
    know_functions(given["addresses"])
    sys.argv[:] = [given["wrapper"], *given["options"]]
    run(given["wrapper"])


def know_functions(addresses: str) -> None:
    """Have the services of functions resolve to where the file says that they are now."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.startswith("nuclio-") and str(port) == str(PORT):
            with open(addresses) as file:
                known = json.load(file).get(name.partition(".")[0])
            if known:
                host, _, port = known.rpartition(":")
        return resolve(host, port, *more, **options)

    socket.getaddrinfo = getaddrinfo


def run(program: str) -> None:
    module = types.ModuleType("__main__")
    module.__file__ = program
    sys.modules["__main__"] = module
    with open(program) as file:
        code = compile(file.read(), program, "exec")
    exec(code, module.__dict__)


if __name__ == "__main__":
    main()
