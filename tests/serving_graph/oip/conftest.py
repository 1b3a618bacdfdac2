"""A running `pelton serve` of the tests' models, and both skins of it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ...forked import Forked
from .skins import Grpc, Rest

# A program of another environment, which this one cannot import.
collect_ignore = ["kserve"]

MODELS = Path(__file__).parent / "models.py"


@contextmanager
def serving(file: Path, *words: str) -> Iterator[dict[str, Any]]:
    """`pelton serve` of a file; what it says with --json when it is ready."""
    process = Forked(["serve", str(file), "--port", "0", "--json", *words])
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        process.stdout.close()
        assert code == 0


@pytest.fixture(scope="session")
def served() -> Iterator[dict[str, Any]]:
    with serving(MODELS, "--grpc-port", "0") as said:
        yield said


@pytest.fixture(scope="session")
def rest(served: dict[str, Any]) -> Iterator[Rest]:
    skin = Rest(served["url"])
    yield skin
    skin.close()


@pytest.fixture(scope="session")
def grpc_(served: dict[str, Any]) -> Iterator[Grpc]:
    skin = Grpc(served["grpc"])
    yield skin
    skin.close()


@pytest.fixture(params=["rest", "grpc"])
def skin(request: pytest.FixtureRequest, rest: Rest, grpc_: Grpc) -> Rest | Grpc:
    return rest if request.param == "rest" else grpc_


@pytest.fixture
def start() -> Callable[..., Any]:
    return serving
