"""A pool of one worker of Nuclio's, as a processor has it, for a handler that a test writes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pelton.localstack.nuclio.pool import Pool
from pelton.localstack.nuclio.program import Program
from pelton.localstack.nuclio.worker import Worker


def with_pool(
    folder: Path,
    source: str,
    work: Callable[[Pool], Awaitable[None]],
    *,
    kind: str = "kafka-cluster",
    wrapper: Path | None = None,
    **settings: Any,
) -> None:
    """Run `work` with a pool of one worker of the function `handler` of `source`.

    kind:     of its trigger, by Nuclio's word
    wrapper:  what runs the function, if not ours
    settings: of the pool, in seconds
    """
    (folder / "main.py").write_text(source)
    program = Program(
        path=[str(folder), *sys.path],
        python=sys.executable,
        handler="main:handler",
        kind=kind,
        trigger="t",
        namespace="nuclio",
        addresses=str(folder / "none"),
        sockets=folder,
        decoded=True,
        wrapper=wrapper,
    )

    async def run() -> None:
        def make(number: int) -> Worker:
            return Worker(program, number, {}, str(folder), lambda *_: None, pool.heard)

        given = {"wait": 5.0, "ready_in": 60.0, "timeout": None, "end_in": 10.0, **settings}
        pool = Pool(make, 1, **given)
        try:
            await pool.start()
            await work(pool)
        finally:
            await pool.close()

    asyncio.run(run())
