"""The fork server's own program: started by path, without site-packages, it forks sandboxes.

It has loaded what the runtime client imports, but never `runtime_client` itself: that extension
keeps the endpoint it finds when it is loaded, so it is loaded after the fork.  It imports the
standard library only (of Python 3.10 or newer), and nothing of pelton.  It is one file: a module
of its own would be one that functions could import, and hide theirs of the same name.

Wire: messages on the inherited socket are 4 bytes of length (big-endian) and JSON.  A `fork`
message carries a descriptor for the output; one with a `program` to run in place of the runtime
client (an extension) carries a second, which is told the errno when it cannot be run.  When the
socket is closed at the other end, everything is ended.
"""

import ctypes
import errno
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from typing import Any

CLONE_NEWNS = 0x20000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096
MS_REC, MS_PRIVATE, MNT_DETACH = 16384, 1 << 18, 2
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_CAPBSET_DROP = 1, 36, 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITIES = 0x20080522  # the version of the structures
END_SECONDS = 5.0
LIBC = ctypes.CDLL(None, use_errno=True)


def preload(folder: str) -> None:
    """Import what the runtime client will import, short of anything that reads the environment."""
    import base64  # noqa: F401
    import concurrent.futures.thread  # noqa: F401
    import datetime  # noqa: F401
    import decimal  # noqa: F401
    import http.client  # noqa: F401
    import importlib  # noqa: F401
    import logging  # noqa: F401
    import traceback  # noqa: F401

    sys.path.insert(0, folder)
    import simplejson  # type: ignore[import-untyped]  # noqa: F401

    sys.path.remove(folder)


class Server:
    """Forks sandboxes when it is asked to, and tells of their ends; leaves nothing behind.

    A process that a function started and let go (a daemon) becomes a child of its sandbox, and
    when that ends, of this server: whatever child is no sandbox is left over, and is killed.
    """

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.sandboxes: set[int] = set()
        self.scratches: set[str] = set()
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        # Mounts made for sandboxes are nobody else's, and go when the last of us has ended.
        if LIBC.unshare(CLONE_NEWNS) == 0:
            LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)

    def serve(self) -> None:
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        send(self.channel, {"ready": os.getpid(), "prefix": sys.base_prefix})
        while True:
            ready, _, _ = select.select([self.channel.fileno(), wake_read], [], [])
            if wake_read in ready:
                os.read(wake_read, 4096)
                self.reap()
            if self.channel.fileno() in ready:
                message, descriptors = receive(self.channel)
                if message is None:
                    return
                if "forget" in message:
                    self.forget(message["forget"])
                else:
                    self.fork(message, descriptors)

    def reap(self) -> None:
        """Tell of sandboxes that ended, with their peak memory in KB, and kill what they left."""
        ended = False
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            ended = True
            if pid in self.sandboxes:
                self.sandboxes.discard(pid)
                code = os.waitstatus_to_exitcode(status)
                send(self.channel, {"exited": pid, "code": code, "peak": usage.ru_maxrss})
        if ended:
            for pid in children() - self.sandboxes:
                kill(pid)  # its own children come to us then, with a signal

    def end(self) -> None:
        """Nobody asks any more: end everything."""
        until = time.monotonic() + END_SECONDS
        while (left := children()) and time.monotonic() < until:
            for pid in left:
                kill(pid)
            while True:
                try:
                    if os.waitpid(-1, os.WNOHANG)[0] == 0:
                        break
                except ChildProcessError:
                    break
            time.sleep(0.001)

    def fork(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if message["scratch"]:
            self.prepare(*message["scratch"])
        pid = os.fork()
        if pid == 0:
            run_sandbox(self.channel, message, descriptors)
        self.sandboxes.add(pid)
        for descriptor in descriptors:
            os.close(descriptor)
        send(self.channel, {"forked": pid, "token": message["token"]})

    def prepare(self, path: str, megabytes: int) -> None:
        """A file system of that size for a sandbox's /tmp, kept until it is forgotten: a sandbox
        that takes another's place finds its files."""
        if path in self.scratches:
            return
        options = f"mode=700,size={megabytes}m".encode()
        if LIBC.mount(b"tmpfs", path.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, options) == 0:
            self.scratches.add(path)

    def forget(self, path: str) -> None:
        if path in self.scratches:
            self.scratches.discard(path)
            LIBC.umount2(path.encode(), MNT_DETACH)


def main() -> None:
    server = Server(socket.socket(fileno=int(sys.argv[1])))
    preload(sys.argv[2])
    gc.collect()
    gc.freeze()
    try:
        server.serve()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the emulator is gone
    server.end()


def children() -> set[int]:
    """The processes whose parent this one is."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return {int(each) for each in file.read().split()}
    except OSError:  # a kernel without that file
        return {int(each) for each in os.listdir("/proc") if each.isdigit() and is_child(each)}


def is_child(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1]) == os.getpid()
    except OSError:
        return False


def kill(pid: int) -> None:
    """SIGKILL for a process and, when it leads one, for its group."""
    for act in (os.killpg, os.kill):
        try:
            act(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


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


def run_sandbox(channel: socket.socket, message: dict[str, Any], descriptors: list[int]) -> None:
    """In the child: live and end as a sandbox; does not come back."""
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


def leave(code: int) -> None:
    """What a process does at its end, and then the end; nothing of the fork server runs again."""
    import atexit

    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)


def obey_permissions() -> None:
    """Root reads and writes what its permissions say, as the user of a function does on AWS."""
    if os.geteuid() != 0:
        return
    head = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    data = (ctypes.c_uint32 * 6)()
    if LIBC.capget(head, data) != 0:
        return
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        for row in range(3):  # effective, permitted, inheritable
            data[row] &= ~(1 << capability)
    LIBC.capset(head, data)


def become_sandbox(message: dict[str, Any], descriptors: list[int]) -> None:
    """In the child: the environment, the file system and the paths a function sees, then run."""
    os.setsid()
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(descriptors[0], 1)
    os.dup2(descriptors[0], 2)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    program = message.get("program", "")
    if program:
        os.dup2(descriptors[1], 3)
        os.set_inheritable(3, False)
    os.closerange(4 if program else 3, 256)
    if message["mounts"]:
        mount_all(message["mounts"], message["address"])
    obey_permissions()
    if program:
        run_program(program, message["environment"], message["cwd"])
    if message["command"]:
        start_anew(message["command"], message["environment"], message["cwd"])
    os.environ.clear()
    os.environ.update(message["environment"])
    # The runtime client's logger writes frames (see telemetry/lines.py) into the same pipe, so
    # that they stay in order with what is printed; children of the function do not inherit it.
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(os.dup(1))
    if hasattr(__import__("time"), "tzset"):
        __import__("time").tzset()
    os.chdir(message["cwd"])
    sys.path[:] = message["path"]
    sys.executable = message["python"]  # what the function's own children are started with
    sys.argv[:] = ["awslambdaric", message["handler"]]
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False, buffering=1)
    sys.modules["__main__"].__dict__.pop("__file__", None)
    from awslambdaric.__main__ import main as run

    run(["awslambdaric", message["handler"]])


def start_anew(command: list[str], environment: dict[str, str], cwd: str) -> None:
    """Become the runtime as a new process, by way of the function's wrapper script if it has one;
    the statuses are those of the platform's own start script."""
    for name in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(name, signal.SIG_DFL)
    os.chdir(cwd)
    program = command[0]
    if not os.path.isfile(program):
        print(f"{program}: does not exist", file=sys.stderr, flush=True)
        os._exit(127)
    log = os.dup(1)
    os.set_inheritable(log, True)
    environment = {**environment, "_LAMBDA_TELEMETRY_LOG_FD": str(log)}
    try:
        os.execve(program, command, environment)
    except PermissionError:
        print(f"{program}: is not an executable", file=sys.stderr, flush=True)
    except OSError as error:
        if error.errno == errno.ENOEXEC:  # a script that names no interpreter is the shell's
            os.execve("/bin/sh", ["/bin/sh", *command], environment)
        print(f"{program}: {error.strerror}", file=sys.stderr, flush=True)
    os._exit(126)


def run_program(path: str, environment: dict[str, str], cwd: str) -> None:
    """Become an extension; descriptor 3 is told why not."""
    for name in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(name, signal.SIG_DFL)
    try:
        os.chdir(cwd)
        os.execve(path, [path], environment)
    except OSError as error:
        os.write(3, str(error.errno).encode())
    os._exit(127)


def mount_all(mounts: dict[str, str], address: str) -> None:
    """A private mount namespace with /var/task, /var/runtime, /opt and /tmp of its own.

    address: what sandbox.localdomain is, for the listeners of extensions; "" when there are none

    /var becomes an empty memory file system with just these folders, so that nothing has to be
    made on the host; the sources are opened first, because the new mounts may hide them.
    """

    def check(result: int, what: str) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")

    check(LIBC.unshare(CLONE_NEWNS), "unshare")
    check(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    # Opened in the new namespace (a mount of another one cannot be bound), before /var is hidden.
    opened = {
        target: os.open(source, os.O_PATH | os.O_DIRECTORY) for target, source in mounts.items()
    }
    check(LIBC.mount(b"tmpfs", b"/var", b"tmpfs", 0, b"mode=755,size=1m"), "mount /var")
    os.makedirs("/var/tmp", exist_ok=True)
    if "/opt" not in mounts:  # nothing of the host's is there
        os.makedirs("/opt", exist_ok=True)
        check(LIBC.mount(b"tmpfs", b"/opt", b"tmpfs", MS_RDONLY, b"mode=755,size=1k"), "mount /opt")
    if os.path.isdir("/dev/shm"):  # which Lambda does not have: semaphores cannot be made there
        check(LIBC.mount(b"tmpfs", b"/dev/shm", b"tmpfs", MS_RDONLY, b"size=4k"), "hide /dev/shm")
    for target, descriptor in opened.items():
        if not os.path.isdir(target):
            os.makedirs(target, exist_ok=True)
        source = f"/proc/self/fd/{descriptor}".encode()
        check(LIBC.mount(source, target.encode(), None, MS_BIND, None), f"bind {target}")
        if target != "/tmp":
            flags = MS_BIND | MS_REMOUNT | MS_RDONLY
            check(LIBC.mount(None, target.encode(), None, flags, None), f"protect {target}")
        os.close(descriptor)
    if address:
        with open("/etc/hosts") as hosts, open("/var/hosts", "w") as ours:
            ours.write(f"{hosts.read()}\n{address} sandbox.localdomain sandbox\n")
        check(LIBC.mount(b"/var/hosts", b"/etc/hosts", None, MS_BIND, None), "bind /etc/hosts")


if __name__ == "__main__":
    main()
