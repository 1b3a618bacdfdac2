"""An emulator in the test's own process, in a loop of its own thread, without a single sandbox."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from pelton.localstack.emulator import Emulator
from pelton.localstack.lambda_.records import Allocation, Execution, Provision

from .support import raw_client


class Idle:
    """What execution sides that run nothing have in common; each has its own `invoke`."""

    async def retire(self, name: str, keep: str = "") -> None:
        pass

    def provision(self, name: str, wanted: Mapping[str, Provision]) -> None:
        pass

    def allocation(self, key: str) -> Allocation:
        return Allocation()

    async def close(self) -> None:
        pass


class InLoop:
    """The emulator, started, and clients of it."""

    def __init__(self, execution: Execution, **settings: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.emulator = Emulator(port=0, nuclio_port=0, execution=execution, **settings)
        self.run(self.emulator.start())
        self.url = self.emulator.url

    def run(self, work: Any, within: float = 100) -> Any:
        """What `work` gives, within a bound (seconds) that is shorter than a test may take."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(within)

    def client(self, service: str = "lambda", **settings: Any) -> Any:
        return raw_client(self.url, service, **settings)

    def close(self) -> None:
        self.run(self.emulator.stop())
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
