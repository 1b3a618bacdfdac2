"""Three maps in storey, by its async source and by its sync one; runs in storey's environment.

Prints one JSON line: microseconds an event by source, the best of several rounds.
"""

import asyncio
import json
from time import perf_counter

from storey import AsyncEmitSource, Map, Reduce, SyncEmitSource, build_flow

EVENTS, ROUNDS = 2000, 5


def first(value):
    return value + 1


def second(value):
    return value * 2


def third(value):
    return value - 3


def flow(source):
    steps = [Map(first), Map(second), Map(third), Reduce(0, lambda total, value: total + value)]
    return build_flow([source, *steps]).run()


async def by_async_source():
    controller = flow(AsyncEmitSource())
    start = perf_counter()
    for value in range(EVENTS):
        await controller.emit(value)
    await controller.terminate()
    await controller.await_termination()
    return (perf_counter() - start) / EVENTS * 1e6


def by_sync_source():
    controller = flow(SyncEmitSource())
    start = perf_counter()
    for value in range(EVENTS):
        controller.emit(value)
    controller.terminate()
    controller.await_termination()
    return (perf_counter() - start) / EVENTS * 1e6


if __name__ == "__main__":
    found = {
        "async": min(asyncio.run(by_async_source()) for _ in range(ROUNDS)),
        "sync": min(by_sync_source() for _ in range(ROUNDS)),
    }
    print(json.dumps(found))
