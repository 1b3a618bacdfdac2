"""Requests while everything about a function is released: deploy, canary, promote, rollback and the
end of what is old, over and over, against the same load while nothing is.

The load is a process of its own that checks every answer: one that fails, is lost or is answered
twice ends the measurement.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import sleep

from pelton.pytest_plugin import RunningEmulator, running_emulator
from tests.deploy import lambda_releases, releases
from tests.deploy.load import Load

from .row import Row

CLIENTS, ROUNDS, DWELL, CALM = 8, 5, 1000, 2.0
WARM = 500  # answers before the first round


def measure() -> list[Row]:
    with running_emulator() as emulator, tempfile.TemporaryDirectory() as folder:
        return [_on_lambda(emulator), _on_nuclio(emulator, Path(folder))]


def _on_lambda(emulator: RunningEmulator) -> Row:
    world = lambda_releases.World(emulator.url)

    def release(load: Load, number: int) -> None:
        lambda_releases.release_all_ways(world, load, [number], DWELL)

    return _row("Lambda", world.url, release, 0.6)


def _on_nuclio(emulator: RunningEmulator, folder: Path) -> Row:
    with releases.releases_at(emulator, folder) as world:
        world.deploy("first")

        def release(load: Load, number: int) -> None:
            releases.release_all_ways(world, load, [number], DWELL)

        return _row("Nuclio, behind an API gateway", world.gateway(), release, 0.4)


def _row(where: str, url: str, release: Callable[[Load, int], None], share: float) -> Row:
    """share: of the rate without releases that must be reached"""
    pairs = []
    with Load(url, CLIENTS) as load:
        load.more(WARM)
        for number in range(ROUNDS):
            calm = _rate(load, lambda: sleep(CALM))
            pairs.append((calm, _rate(load, lambda each=number: release(load, each))))
    print(f"{where}: {load.answers} answers, {load.told}", file=sys.stderr)
    what = f"requests of {CLIENTS} clients during releases on {where}, to the same without"
    ratio = median(ours / calm for calm, ours in pairs)
    calm, ours = (median(each) for each in zip(*pairs, strict=True))
    return Row(what, calm, ours, "/s", ratio, share, at_least=True)


def _rate(load: Load, work: Callable[[], None]) -> float:
    """Answers a second while `work` is done."""
    answers, at = load.answers, load.at
    work()
    return (load.answers - answers) / (load.at - at)


if __name__ == "__main__":
    for each in measure():
        print(each.line())
