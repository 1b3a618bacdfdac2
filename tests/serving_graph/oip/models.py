"""What the tests of the protocol serve: a graph for every kind of type, and a repository."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt

import pelton
from pelton.handlers.errors import DeadlineExceeded, NotReady, Overloaded
from pelton.serving_graph.models.repository import ModelMetadata, Models, Tensor


@dataclass
class Flight:
    id: str
    distance: float
    delays: list[int]
    kind: Literal["early", "late"] = "late"


class Answer(TypedDict):
    minutes: float
    says: str


def score(flight: Flight) -> Answer:
    return {"minutes": flight.distance + sum(flight.delays), "says": f"{flight.id}, {flight.kind}"}


def rows(answers: list[Answer]) -> list[Answer]:
    return [{"minutes": -each["minutes"], "says": each["says"]} for each in answers]


def double(values: list[float]) -> list[float]:
    return [2 * each for each in values]


def matrix(values: list[list[int]]) -> list[int]:
    return [sum(each) for each in values]


async def waits(text: str) -> int:
    await asyncio.sleep(0)
    return len(text)


def turned(given: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return given.T.copy()


def opened(given: dict[str, float]) -> dict[str, float]:
    return {f"{name}_seen": value for name, value in given.items()}


def raw(given: bytes) -> bytes:
    return given[::-1]


def fails(given: int) -> int:
    raise {
        0: ZeroDivisionError("a bug"),
        1: pelton.InvalidInput([{"path": ["n"], "message": "is odd", "type": "odd"}]),
        2: Overloaded("the queue is full", after=3),
        3: DeadlineExceeded("the store took too long"),
        4: pelton.Retry("warming up", after=7),
    }[given]


async def hold(folder: str) -> str:
    """Says that it is there, and stays until it may go."""
    Path(folder, "in").touch()
    while not Path(folder, "go").exists():
        await asyncio.sleep(0.01)
    return "gone"


def weather(given: float) -> float:
    raise NotReady("the weather is resting")


def told(given: dict[str, Any]) -> float:
    return float(given["base"])


def headed(given: str, context: pelton.Context) -> str:
    return context.headers.get(given, "none")


def base(given: float) -> float:
    return given + 1


def echo(dtype: str) -> Any:
    array = GenericAlias(np.ndarray, (Any, GenericAlias(np.dtype, (getattr(np, dtype),))))

    def same(given: Any) -> Any:
        return given

    same.__annotations__ = {"given": array, "return": array}
    same.__qualname__ = same.__name__ = f"same_{dtype}"
    globals()[same.__name__] = same
    return pelton.Graph(f"echo_{dtype.strip('_')}") >> same


ECHOES = [
    echo(each)
    for each in (
        *("bool_", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
        *("float16", "float32", "float64", "object_"),
    )
]


class Scaled:
    """A model of the repository: x times the version."""

    def __init__(self, by: float) -> None:
        self.by = by
        tensor = (Tensor("x", "FP64", (-1,)),)
        self.metadata = ModelMetadata(tensor, (Tensor("y", "FP64", (-1,)),), "python")

    def load(self) -> None: ...

    def close(self) -> None: ...

    def infer(self, inputs: Any) -> dict[str, Any]:
        return {"y": inputs["x"] * self.by}


class Broken(Scaled):
    def load(self) -> None:
        raise OSError("no such file: weights")


repository = Models()
repository.add("scaled", lambda: Scaled(1), version="1")
repository.add("scaled", lambda: Scaled(2), version="2", default=True)

NAMED: list[pelton.Graph[Any, Any]] = [
    pelton.Graph(each.__name__) >> each
    for each in (score, rows, double, matrix, waits, turned, opened, raw, fails, hold, headed)
]
branches = pelton.parallel(base=base, weather=pelton.steps.optional(weather))
NAMED.append(pelton.Graph("partial") >> branches >> told)
app = pelton.App("models")
app.serve(pelton.oip(*NAMED, *ECHOES, repository=repository))
