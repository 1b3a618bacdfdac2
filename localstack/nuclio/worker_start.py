"""How a worker's process begins: started by path, without site-packages, alone with its function.

It lays out what the function sees and then runs the wrapper, ours or Nuclio's own, as a processor
would: as `__main__`, with its options.  It imports the standard library and nothing of pelton.

The names under which functions reach each other in a cluster (`nuclio-NAMESPACE-NAME:8080`, or
`nuclio-NAME:8080`) lead to this machine's ports, for every HTTP client that the function uses.
"""

import ctypes
import importlib.machinery
import json
import os
import signal
import socket
import sys
import types
from typing import Any

PORT = 8080
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18


def main() -> None:
    given = json.loads(sys.argv[1])
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # it never outlives the emulator
    bind(given["mounts"])
    sys.path[:] = given["path"]
    sys.executable = given["python"]  # what the function's own children are started with
    know_functions(given["addresses"])
    sys.argv[:] = [given["wrapper"], *given["options"]]
    run(given["wrapper"])


def bind(mounts: Any) -> None:
    """See folders at other places, in a mount namespace of this process's own."""
    if not mounts:
        return
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int, what: str) -> None:
        if result:
            raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")

    check(libc.unshare(CLONE_NEWNS), "a mount namespace")
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "private mounts")
    for source, target, read_only in mounts:
        places = source.encode(), target.encode()
        check(libc.mount(*places, None, MS_BIND, None), f"the volume at {target}")
        if read_only:
            flags = MS_BIND | MS_REMOUNT | MS_RDONLY
            check(libc.mount(None, places[1], None, flags, None), f"the volume at {target}")


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
    # As an import would: what has been compiled once is kept, and a start is that much sooner.
    code = importlib.machinery.SourceFileLoader("__main__", program).get_code("__main__")
    assert code is not None
    exec(code, module.__dict__)


if __name__ == "__main__":
    main()
