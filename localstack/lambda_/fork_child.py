"""The fork server's own program: started by path, without site-packages, it forks sandboxes.

It has loaded what the runtime client imports, but never `runtime_client` itself: that extension
keeps the endpoint it finds when it is loaded, so it is loaded after the fork.  It imports the
standard library only, and nothing of pelton.

Wire: messages on the inherited socket are 4 bytes of length (big-endian) and JSON.  A `fork`
message carries one descriptor, the sandbox's output pipe.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
from typing import Any

CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    0x20000,
    1,
    32,
    4096,
    16384,
    1 << 18,
)
PR_SET_PDEATHSIG = 1


def preload(folder: str) -> None:
    """Import what the runtime client will import, short of anything that reads the environment."""
    import base64  # noqa: F401
    import datetime  # noqa: F401
    import decimal  # noqa: F401
    import http.client  # noqa: F401
    import importlib  # noqa: F401
    import logging  # noqa: F401
    import traceback  # noqa: F401

    sys.path.insert(0, folder)
    import simplejson  # type: ignore[import-untyped]  # noqa: F401

    sys.path.remove(folder)


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    die_with_parent()
    preload(sys.argv[2])
    gc.collect()
    gc.freeze()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    send(channel, {"ready": os.getpid()})
    while True:
        ready, _, _ = select.select([channel.fileno(), wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
            reap(channel)
        if channel.fileno() in ready:
            message, descriptors = receive(channel)
            if message is None:
                return
            fork(channel, message, descriptors)


def send(channel: socket.socket, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    channel.sendall(struct.pack("!I", len(body)) + body)


def receive(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    head, descriptors, _, _ = socket.recv_fds(channel, 4, 2)
    if not head:
        return None, []
    while len(head) < 4:
        head += channel.recv(4 - len(head))
    (length,) = struct.unpack("!I", head)
    body = b""
    while len(body) < length:
        body += channel.recv(length - len(body))
    return json.loads(body), descriptors


def reap(channel: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        send(channel, {"exited": pid, "code": os.waitstatus_to_exitcode(status)})


def fork(channel: socket.socket, message: dict[str, Any], descriptors: list[int]) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            channel.close()
            become_sandbox(message, descriptors)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
            if isinstance(stop.code, str):
                print(stop.code, file=sys.stderr)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
            code = 130
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 1
        else:
            code = 0
        leave(code)
    for descriptor in descriptors:
        os.close(descriptor)
    send(channel, {"forked": pid, "token": message["token"]})


def leave(code: int) -> None:
    """What a process does at its end, and then the end; nothing of the fork server runs again."""
    import atexit

    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)


def die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def become_sandbox(message: dict[str, Any], descriptors: list[int]) -> None:
    """In the child: the environment, the file system and the paths a function sees, then run."""
    os.setsid()
    die_with_parent()
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(descriptors[0], 1)
    os.dup2(descriptors[0], 2)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.closerange(3, 256)
    if message["mounts"]:
        mount_all(message["mounts"])
    os.environ.clear()
    os.environ.update(message["environment"])
    # The runtime client's logger writes frames (see telemetry/lines.py) into the same pipe, so
    # that they stay in order with what is printed; children of the function do not inherit it.
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(os.dup(1))
    if hasattr(__import__("time"), "tzset"):
        __import__("time").tzset()
    os.chdir(message["cwd"])
    sys.path[:] = message["path"]
    sys.argv[:] = ["awslambdaric", message["handler"]]
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False, buffering=1)
    sys.modules["__main__"].__dict__.pop("__file__", None)
    from awslambdaric.__main__ import main as run

    run(["awslambdaric", message["handler"]])


def mount_all(mounts: dict[str, str]) -> None:
    """A private mount namespace with /var/task, /var/runtime, /opt and /tmp of its own.

    /var becomes an empty memory file system with just these folders, so that nothing has to be
    made on the host; the sources are opened first, because the new mounts may hide them.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int, what: str) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")

    check(libc.unshare(CLONE_NEWNS), "unshare")
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    # Opened in the new namespace (a mount of another one cannot be bound), before /var is hidden.
    opened = {
        target: os.open(source, os.O_PATH | os.O_DIRECTORY) for target, source in mounts.items()
    }
    check(libc.mount(b"tmpfs", b"/var", b"tmpfs", 0, b"mode=755,size=1m"), "mount /var")
    os.makedirs("/var/tmp", exist_ok=True)
    if "/opt" not in mounts:  # nothing of the host's is there
        os.makedirs("/opt", exist_ok=True)
        check(libc.mount(b"tmpfs", b"/opt", b"tmpfs", MS_RDONLY, b"mode=755,size=1k"), "mount /opt")
    for target, descriptor in opened.items():
        if not os.path.isdir(target):
            os.makedirs(target, exist_ok=True)
        source = f"/proc/self/fd/{descriptor}".encode()
        check(libc.mount(source, target.encode(), None, MS_BIND, None), f"bind {target}")
        if target != "/tmp":
            flags = MS_BIND | MS_REMOUNT | MS_RDONLY
            check(libc.mount(None, target.encode(), None, flags, None), f"protect {target}")
        os.close(descriptor)


if __name__ == "__main__":
    main()
