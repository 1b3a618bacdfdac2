"""The emulator's ports: free, an emulator's, or by whom used."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from .finding import OK, PROBLEM, Ask, Finding

NAME = "ports"
HOST = "127.0.0.1"
SECONDS = 10.0  # for what listens to say what it is
LISTENING = "0A"  # of the states in /proc/net/tcp


def look(ask: Ask) -> Iterator[Finding]:
    """One finding a port."""
    for port, option in ((ask.port, "--port"), (ask.nuclio_port, "--nuclio-port")):
        if port:
            yield _finding(port, option)


def _finding(port: int, option: str) -> Finding:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError as error:
            return _taken(port, option, error)
    return Finding(NAME, OK, f"port {port} is free")


def _taken(port: int, option: str, error: OSError) -> Finding:
    who = user_of(port)
    if _is_emulator(port):
        return Finding(NAME, OK, f"port {port}: a pelton emulator answers{who and f' ({who})'}")
    said = f"in use by {who}" if who else str(error.strerror)
    advice = f"stop it, or choose another with `pelton emulator {option} N` (0: any free one)"
    return Finding(NAME, PROBLEM, f"port {port}: {said}", advice)


def _is_emulator(port: int) -> bool:
    """Whether what listens there speaks as an emulator's AWS or Nuclio side does."""
    return b"runtime_client" in _told(port, "/_pelton/health") or b"-emulated" in _told(
        port, "/api/versions"
    )


def _told(port: int, path: str) -> bytes:
    with closing(HTTPConnection(HOST, port, timeout=SECONDS)) as connection:
        with suppress(OSError, HTTPException):
            connection.request("GET", path)
            return connection.getresponse().read(65536)
    return b""


def user_of(port: int) -> str:
    """The process that listens on a port, with its command line; "" where that cannot be told."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listening(table, port)}
    for place in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(place.readlink()).removeprefix("socket:[").removesuffix("]") in inodes:
                return f"process {place.parts[2]}: {_command(place.parts[2])}"
    return ""


def _listening(table: str, port: int) -> Iterator[str]:
    with suppress(OSError):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                yield words[9]


def _command(pid: str) -> str:
    """
    >>> import os
    >>> "python" in _command(str(os.getpid()))
    True
    """
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:120].strip()
