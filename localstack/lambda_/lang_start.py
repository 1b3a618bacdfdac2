"""Starts a fork server at /var/lang, where AWS has a runtime's Python: its own program, by path.

Usage: lang_start.py PREFIX PROGRAM CHANNEL RUNTIME

In a mount namespace of its own the Python's prefix is bound at /var/lang and the runtime's folder
at /var/runtime, and the interpreter is started anew from there, so that every path which a function
sees or prints is AWS's.  /var itself becomes a memory file system with all its folders bound where
they were: nothing is made on the host.  Where that fails the program runs on the Python as it is;
it tells its own prefix.  It imports the standard library only (of Python 3.10 or newer), and
nothing of pelton.
"""

import ctypes
import os
import stat
import sys

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 4096, 16384, 1 << 18, 2
LANG, RUNTIME = "/var/lang", "/var/runtime"
LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Does not come back."""
    prefix, program, channel, runtime = sys.argv[1:]
    python = sys.executable
    try:
        bind({LANG: prefix, RUNTIME: runtime})
        runtime = RUNTIME
        moved = f"{LANG}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
        if os.access(moved, os.X_OK):
            python = moved
    except OSError as error:
        print(f"warning: {prefix} could not be had at {LANG}: {error}", file=sys.stderr)
    os.execv(python, [python, "-S", "-s", "-E", program, channel, runtime])


def bind(places: dict[str, str]) -> None:
    """Folders at places below /var.  Raises OSError."""
    check(LIBC.unshare(CLONE_NEWNS))
    check(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    sources = {at: os.open(it, os.O_PATH | os.O_DIRECTORY) for at, it in places.items()}
    entries = {each.name: each for each in os.scandir("/var") if each.path not in places}
    links = {name: os.readlink(each.path) for name, each in entries.items() if each.is_symlink()}
    opened = {n: os.open(each.path, os.O_PATH) for n, each in entries.items() if n not in links}
    check(LIBC.mount(b"tmpfs", b"/var", b"tmpfs", 0, b"mode=755,size=1m"))
    try:
        for name, target in links.items():
            os.symlink(target, f"/var/{name}")
        for name, file in opened.items():
            put_back(f"/var/{name}", file)
        for at, source in sources.items():
            os.mkdir(at)
            check(LIBC.mount(f"/proc/self/fd/{source}".encode(), at.encode(), None, MS_BIND, None))
    except OSError:
        LIBC.umount2(b"/var", MNT_DETACH)  # whole, or as it was
        raise


def put_back(path: str, file: int) -> None:
    """What was at `path`, there again."""
    if stat.S_ISDIR(os.fstat(file).st_mode):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT))
    flags = MS_BIND | MS_REC
    check(LIBC.mount(f"/proc/self/fd/{file}".encode(), path.encode(), None, flags, None))
    os.close(file)


def check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main()
