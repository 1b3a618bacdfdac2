"""Run every benchmark, print the table, keep it in docs/benchmarks.md; exit 1 over a bound.
With names (`python -m benchmarks nuclio sources`) run those alone, and print their rows.

Each `bench_*.py` beside this file has `measure() -> list[Row]`.
"""

from __future__ import annotations

import importlib
import platform
import sys
from pathlib import Path

from .row import Row

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

`make bench` writes this page. Every row is a pair timed in one run: ours against a peer or the
floor. Believe the ratios, not the times: the machine was {machine}, Python {python}.

The floors: a plain call of the function; `model_validate` and the call; a bare interpreter; the
real runtime client under a Runtime API that does nothing else (its p50 is a whole turn, and no HTTP
caller is in it); for the clients, raw HTTP's p95; for a cold start, spawning the runtime client;
for a queue, receiving and deleting its messages alone, ten a request, over raw HTTP; for a graph,
the same calls by hand, and plain `asyncio.gather`; for batches, the same model asked row by row;
for Nuclio's HTTP trigger and for `pelton run`, a bare uvicorn echo of the same document, which
reads none of it; for a slow consumer, what its messages have together; for releases (deploy,
canary, promote, rollback, the end of what is old), the same load while nothing is released.
Beside SAM's and Chalice's packagers a build begins with warm wheels: pip's cache for them, a folder
of the same wheels as they were downloaded for ours, and for each the index's answers in its own
cache. They make no bytecode, so one row has none; the usual build has that of what the function
reaches, which of the thirty requirements is none in that app (nor in the peers'); one row has the
size with four large ones.
Of Kafka's messages there are twice as many as its client reads ahead; what it has in memory its
loop takes two or three times as fast as ours. `pelton run` came to between 0.46 and 0.67 of the
echo in seven runs, its median 0.59.
Peers (storey, MLRun, functions-framework, BentoML, MLServer, …) run in environments of their own,
made of `benchmarks/peers/*.txt`.

| what | floor | ours | ratio or excess | bound | |
| --- | ---: | ---: | ---: | ---: | --- |
"""


def measured(names: list[str]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        print(f"bench_{name} …", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"{__package__}.bench_{name}").measure()
    return rows


def main() -> int:
    """Of the names on the command line ("nuclio", "sources") the rows alone; of all the page."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    if names := [each.removeprefix("bench_") for each in sys.argv[1:]]:
        if unknown := [each for each in names if each not in known]:
            sys.exit(f"there is no benchmark {unknown[0]!r}; there are {', '.join(known)}")
        rows = measured(names)
        print("\n".join(row.line() for row in rows))
        return 0 if all(row.holds for row in rows) else 1
    rows = measured(known)
    head = HEAD.format(
        machine=f"{platform.machine()}, shared cores", python=platform.python_version()
    )
    page = head + "".join(f"{row.line()}\n" for row in rows)
    PAGE.write_text(page)
    print(page)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
