"""Functions that are debugged: one sandbox for each, with a debugger on one port, without limits.

No timeout, no limit of memory or of its init, no freezing and no reclaiming holds for it.  It is an
option of this machine: no setting of a function says it, so none is ever deployed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..debugging.desk import Desk
from ..debugging.relay import Relay
from .debug_post import NotDebugged, Post, Start, Started
from .records import Revision
from .sandbox import Sandbox


class Place(NamedTuple):
    """Where a function is debugged: the port, where its code is in its process ("" before that is
    known), and whether an event must end before the newest code is there."""

    port: int
    root: str
    at_an_event: bool


class Debugged:
    """Those of one emulator.

    scratch: a folder for links;  start: a sandbox whose init is run once;  discard: ends one
    """

    def __init__(self, scratch: Path, start: Start, discard: Callable[[Sandbox], None]) -> None:
        self._scratch, self._start, self._discard = scratch, start, discard
        self._desk, self._making = Desk(), asyncio.Lock()
        self._posts: dict[str, Post] = {}
        self._of: dict[Sandbox, Post] = {}  # whose event each has

    def __contains__(self, name: str) -> bool:
        return name in self._posts

    async def want(self, revision: Revision, port: int, wait: bool) -> Place:
        """Debug a function, by its newest code when it is already.

        port: for its debugger; 0 takes a free one, or leaves the one it has
        Raises `NotDebugged`.
        """
        if revision.image is not None:
            raise NotDebugged(
                f"{revision.name} is a container image: its debugger must be in the image itself"
            )
        async with self._making:
            known = self._posts.get(revision.name)
            if known is not None and port not in (0, known.relay.port):
                self.forget(revision.name)
                known = None
            post = known or await self._new(revision.name, port)
        post.wait = wait
        post.newest(revision)
        try:
            await post.ready()
        except NotDebugged:
            if known is None:
                self.forget(revision.name)
            raise
        return Place(post.relay.port, post.root, post.at_an_event)

    async def _new(self, name: str, port: int) -> Post:
        relay = Relay(port)
        try:
            await self._desk.open()
            await relay.open()
        except OSError as error:
            raise NotDebugged(
                f"the debugger of {name} cannot listen on 127.0.0.1:{port}: "
                f"{os.strerror(error.errno) if error.errno else error}"
            ) from None
        code = self._scratch / f"debugged-{name}"
        post = Post(relay, False, code, self._desk, self._start, self._discard)
        self._posts[name] = post
        return post

    def told(self) -> dict[str, int]:
        """The functions that are debugged, and their ports."""
        return {name: post.relay.port for name, post in self._posts.items()}

    def forget(self, name: str) -> bool:
        """Debug it no more; whether it was debugged."""
        post = self._posts.pop(name, None)
        if post is not None:
            post.close()
        return post is not None

    def retire(self, name: str, keep: str, unwanted: Callable[[Sandbox], bool]) -> None:
        """As `records.Execution.retire`; a function that has gone is debugged no more."""
        if not keep:
            self.forget(name)
        elif name in self._posts:
            self._posts[name].retire(unwanted)

    async def take(self, revision: Revision) -> Started:
        """As `Post.take`."""
        post = self._posts.get(revision.name)
        if post is None:
            raise NotDebugged(f"{revision.name} is not debugged any more")
        sandbox, failed = await post.take(revision)
        self._of[sandbox] = post
        return sandbox, failed

    def give_back(self, sandbox: Sandbox, kind: str) -> None:
        """As `Post.give_back`."""
        self._of.pop(sandbox).give_back(sandbox, kind)

    def close(self) -> None:
        for name in list(self._posts):
            self.forget(name)
        self._desk.close()
