"""A worker to be killed: writes each body that it handles to a file, as a line, by one call.

Arguments: one JSON object with `kind` and `settings` of its source, `seen` and `done`, its files.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from pelton.event_sources import Backoff, Batch, Delivery, Once, Rules, source_of
from pelton.event_sources.stores.sqlite import SqliteStore


async def main(given: dict[str, Any]) -> None:
    seen = os.open(given["seen"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def handle(batch: Batch) -> None:
        for each in batch.messages:
            os.write(seen, each.body + b"\n")
        await asyncio.sleep(0.001)

    # A copy of a message has the same body.
    once = Once(handle, SqliteStore(given["done"]), lease=2, key=lambda each: each.body.decode())
    rules = Rules(batch=20, workers=2, in_flight=200, retry=Backoff(first=0.05, longest=1))
    source = source_of(given["kind"], **given["settings"])
    async with Delivery(source, once, rules, reconnect=Backoff(first=0.05, longest=0.5)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
