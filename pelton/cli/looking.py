"""What a process looks at while it works: files it opens, folders it lists, paths it asks for.

Seen through Python's own audit events and through `os.stat`, so that nobody has to declare what an
app's import hangs on: its modules and theirs, a `.env` that is not there, data that it reads.  What
cannot be seen as files (a network, another process, something written) makes it `unsure`, and
nothing is concluded from it.  Knows nothing of apps and builds.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import source_from_cache
from typing import Any, TypeVar

T = TypeVar("T")

# Times of files are as coarse as the kernel's clock ticks, and coarser on other machines' disks: a
# file that changed so shortly before it was read is known by its content, not by its times.
UNSURE_NS = 2_000_000_000
# What the machine says of itself changes with every look.
MACHINE = ("/proc/", "/sys/", "/dev/")
BEYOND_FILES = frozenset(
    "socket.connect socket.sendto socket.getaddrinfo subprocess.Popen os.system os.exec "
    "os.fork os.forkpty os.posix_spawn sqlite3.connect".split()
)
# Which of its arguments an event says is changed.
CHANGED = {
    "os.rename": 1, "os.link": 1, "os.symlink": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0,
    "os.truncate": 0, "shutil.rmtree": 0,
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR
Signature = list[Any]  # size, times of content and inode, inode's number, sha256 or ""


class Looking:
    """What was looked at, each as it was at the first look.

    files:   signatures by path; folders: their names, as `names_in` gives them
    others:  "d" for what was only asked for and is a folder, "" for what is not there, errors
    links:   where symbolic links lead
    unsure:  what happened that no file tells; "" while there is nothing of that kind
    known:   programs that may run, since what they say is known in another way
    """

    def __init__(self, apart: Sequence[str] = ()) -> None:
        """apart: folders that are not looked at, beside the machine's own"""
        self.files: dict[str, Signature] = {}
        self.folders: dict[str, list[str]] = {}
        self.others: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.unsure = ""
        self._apart = (*MACHINE, *(f"{each.rstrip('/')}/" for each in apart))
        self.known: frozenset[str] = frozenset()
        self._begun = False
        self._inside = threading.local()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Look on while the block runs; one at a time in a process."""
        _hook_in()
        usual = {name: getattr(os, name) for name in ("stat", "lstat", "access")}
        for name, call in usual.items():
            setattr(os, name, self._asking(call))
        _current.append(self)
        try:
            self._begin()
            yield
        finally:
            _current.remove(self)
            for name, call in usual.items():
                setattr(os, name, call)

    def tried(self, work: Callable[[], T]) -> tuple[T, bool]:
        """What `work` gives, and whether all that it looked at is seen; else it counts as not
        done, and may be tried again."""
        if self.unsure:
            return work(), True
        before = dict(self.files), dict(self.folders), dict(self.others), dict(self.links)
        given, seen = work(), not self.unsure
        if not seen:
            self.files, self.folders, self.others, self.links = before
            self.unsure = ""
        return given, seen

    def _begin(self) -> None:
        """What was imported before, and where imports look."""
        if self._begun:
            return
        self._begun = True
        for module in list(sys.modules.values()):
            if isinstance(file := getattr(module, "__dict__", {}).get("__file__"), str):
                self.opened(file)
        self.opened(os.path.join(sys.prefix, "pyvenv.cfg"))
        for folder in sys.path:
            self.listed(folder or os.curdir)
            for mark in self.folders.get(os.path.abspath(folder), ()):
                if mark.endswith(".pth"):
                    self.opened(os.path.join(folder, mark))

    def _asking(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Any, *args: Any, **named: Any) -> Any:
            if not isinstance(path, int) and named.get("dir_fd") is None:
                self._noting(self.asked, path)
            return call(path, *args, **named)

        return asked

    def seen(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit event.  Source: Python's documentation, "Audit events table"."""
        if event == "open":
            path, mode, flags = args
            writes = bool(flags & _WRITING) or any(e in (mode or "") for e in "wax+")
            self._noting(self.written if writes else self.opened, path)
        elif event in ("os.listdir", "os.scandir"):
            self._noting(self.listed, os.curdir if args[0] is None else args[0])
        elif event == "import" and isinstance(args[1], str):
            self._noting(self.opened, args[1])
        elif event in CHANGED:
            self._noting(self.written, args[CHANGED[event]])
        elif event in BEYOND_FILES:
            is_known = event == "subprocess.Popen" and args[0] in self.known
            self.unsure = self.unsure or ("" if is_known else event)

    def _noting(self, note: Callable[[str], None], path: Any) -> None:
        if self.unsure or isinstance(path, int) or getattr(self._inside, "busy", False):
            return
        self._inside.busy = True
        try:
            note(os.fsdecode(path))
        except (OSError, ValueError, TypeError):
            self.unsure = self.unsure or f"{path!r} cannot be looked at"
        finally:
            self._inside.busy = False

    def opened(self, path: str) -> None:
        """A file was read: of compiled code its source counts."""
        path = os.path.abspath(path)
        if "/__pycache__/" in path and path.endswith(".pyc"):
            path = source_from_cache(path)
        self._note(path, content=True)

    def asked(self, path: str) -> None:
        """Whether it is there was asked, or its size or times."""
        self._note(os.path.abspath(path), content=False)

    def listed(self, path: str) -> None:
        """Its names were asked for."""
        path = os.path.abspath(path)
        if path in self.folders or self._is_apart(path) or path.endswith("/__pycache__"):
            return  # what Python compiles comes and goes with every process that runs
        try:
            self.folders[path] = names_in(path)
        except OSError:
            self._note(path, content=False)

    def written(self, path: str) -> None:
        """What an import writes may be what it reads the next time."""
        path = os.path.abspath(path)
        if "/__pycache__/" not in f"{path}/" and not self._is_apart(path):
            self.unsure = self.unsure or f"{path} is written"

    def _note(self, path: str, *, content: bool) -> None:
        if self._is_apart(path):
            return
        known = self.files.get(path)
        if known is not None and (known[-1] or not content):
            return
        if known is None and path in self.others and not content:
            return
        if leads := link(path):
            self.links[path] = leads
        now = signature(path, fresh=content)
        if known is not None and known[:-1] != now[:-1]:
            self.unsure = self.unsure or f"{path} has changed meanwhile"
        elif len(now) > 1:
            self.files[path] = now
        else:
            self.others[path] = now[0]

    def _is_apart(self, path: str) -> bool:
        return path.startswith(self._apart)


def signature(path: str, *, fresh: bool) -> Signature:
    """A file's; `["d"]` for anything else that is there, `[""]` for what is not, or the error that
    asking for it gives.

    fresh: with the digest where its times alone could not tell a later change
    """
    try:
        found = _stat(path)
    except OSError as error:
        return ["" if isinstance(error, FileNotFoundError) else f"error {error.errno}"]
    if not stat.S_ISREG(found.st_mode):
        return ["d"]
    recent = time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) < UNSURE_NS
    return [*told(found), sha256(path) if fresh and recent else ""]


def link(path: str) -> str:
    """Where a symbolic link leads, "" for anything else."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def told(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def names_in(folder: str) -> list[str]:
    """The names in a folder, sorted; "/" behind a folder's and "/+" behind a package's.

    What Python compiles beside its sources is not among them.
    """
    with os.scandir(folder) as entries:
        return sorted(_mark(each) for each in entries if each.name != "__pycache__")


def _mark(entry: os.DirEntry[str]) -> str:
    try:
        if not entry.is_dir():
            return entry.name
    except OSError:  # a link that leads nowhere but to itself
        return f"{entry.name}/?"
    package = os.path.exists(os.path.join(entry.path, "__init__.py"))
    return f"{entry.name}/{'+' if package else ''}"


_stat = os.stat
_current: list[Looking] = []


def _hook_in() -> None:
    """Python has no way to take a hook out again: there is one, and it knows who looks on."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_hook)


_hooked: list[bool] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _current:
        _current[-1].seen(event, args)
