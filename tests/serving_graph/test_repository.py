"""Models by name: index, load, unload, reload; calls in flight are waited for, none is lost."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from pelton import PeltonError
from pelton.handlers.errors import NotReady, UnknownModel
from pelton.serving_graph.models.repository import (
    LOADING,
    READY,
    UNAVAILABLE,
    UNLOADING,
    ModelMetadata,
    ModelRepository,
    Models,
    Tensor,
)


class Fake:
    """A model that says what happened to it, and answers when it is let."""

    def __init__(self, said: list[str], *, gate: threading.Event | None = None) -> None:
        self.said, self.gate, self.inside = said, gate, threading.Event()
        self.metadata = ModelMetadata((Tensor("x", "FP64", (-1,)),), sha256="d1")

    def load(self) -> None:
        self.said.append("load")

    def close(self) -> None:
        self.said.append("close")

    def infer(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        assert self.said[-1] != "close"
        self.inside.set()
        if self.gate is not None:
            assert self.gate.wait(20)
        return dict(inputs)


def test_an_index_tells_what_is_loaded_and_why_not() -> None:
    said: list[str] = []
    models: ModelRepository = (made := Models())
    made.add("delay", lambda: Fake(said), version="1")
    made.add("delay", lambda: Fake(said), version="2", default=True)
    made.add("eta", Broken)
    assert [(each.name, each.version, each.state) for each in models.index()] == [
        ("delay", "1", UNAVAILABLE),
        ("delay", "2", UNAVAILABLE),
        ("eta", "1", UNAVAILABLE),
    ]
    models.load("delay")
    assert models.versions("delay") == ("1", "2")
    assert models.get("delay").metadata.sha256 == "d1"
    with pytest.raises(OSError, match="no such file"):
        models.load("eta")
    assert models.index()[2] == ("eta", "1", UNAVAILABLE, "OSError: no such file")


class Broken(Fake):
    def __init__(self) -> None:
        super().__init__([])

    def load(self) -> None:
        raise OSError("no such file")


def test_unknown_names_and_versions() -> None:
    models = Models()
    models.add("delay", lambda: Fake([]))
    for ask in (models.load, models.unload, models.get, models.versions):
        with pytest.raises(UnknownModel, match="there is no model 'eta'; there are delay"):
            ask("eta")
    with pytest.raises(UnknownModel, match="version '3' of the model 'delay'; there are 1"):
        models.get("delay", "3")
    with pytest.raises(PeltonError, match="is not ready: not loaded yet"):
        models.get("delay")
    with pytest.raises(ValueError, match="has a version '1' already"):
        models.add("delay", lambda: Fake([]))


def test_an_unload_waits_for_the_calls_in_flight() -> None:
    said: list[str] = []
    fake = Fake(said, gate=threading.Event())
    models = Models()
    models.add("slow", lambda: fake)
    models.load("slow")
    held = models.get("slow")
    answers: list[Any] = []
    call = threading.Thread(target=lambda: answers.append(held.infer({"x": 1})))
    call.start()
    assert fake.inside.wait(20)
    unload = threading.Thread(target=models.unload, args=("slow",))
    unload.start()
    while models.index()[0].state != UNLOADING:
        pass
    with pytest.raises(UnknownModel, match="being unloaded"):
        held.infer({"x": 2})
    assert said == ["load"] and unload.is_alive()
    assert fake.gate is not None
    fake.gate.set()
    call.join(20)
    unload.join(20)
    assert answers == [{"x": 1}] and said == ["load", "close"]
    assert models.index()[0][2:] == (UNAVAILABLE, "unloaded")
    models.unload("slow")
    assert said == ["load", "close"]


def test_an_unload_does_not_wait_for_ever_and_the_last_call_closes() -> None:
    said: list[str] = []
    fake = Fake(said, gate=threading.Event())
    models = Models(patience=0)
    models.add("stuck", lambda: fake)
    models.load("stuck")
    call = threading.Thread(target=models.get("stuck").infer, args=({"x": 1},))
    call.start()
    assert fake.inside.wait(20)
    with pytest.raises(NotReady, match="'stuck' takes no more calls, and 1 of them had not ended"):
        models.unload("stuck")
    assert said == ["load"], "not closed under the call"
    assert models.index()[0][2:] == (UNAVAILABLE, "unloaded, with 1 calls still in it")
    assert fake.gate is not None
    fake.gate.set()
    call.join(20)
    assert said == ["load", "close"]


def test_a_reload_that_fails_leaves_the_old_one_answering() -> None:
    said: list[str] = []
    made: list[Fake] = [Fake(said), Broken(), Fake(said)]
    models = Models()
    models.add("m", lambda: made.pop(0))
    models.load("m")
    held = models.get("m")
    with pytest.raises(OSError):
        models.load("m")
    assert models.index()[0] == ("m", "1", READY, "OSError: no such file")
    assert held.infer({"x": 1}) == {"x": 1} and said == ["load"]
    models.load("m")
    assert said == ["load", "load", "close"] and models.index()[0].reason == ""


def test_no_call_fails_while_the_model_is_loaded_again_and_again() -> None:
    models = Models()
    models.add("m", lambda: Fake([]))
    models.load("m")
    held, done = models.get("m"), threading.Event()
    failures: list[Exception] = []

    def ask() -> None:
        try:
            while not done.is_set():
                held.infer({"x": 1})
        except Exception as error:
            failures.append(error)

    callers = [threading.Thread(target=ask) for _ in range(3)]
    for each in callers:
        each.start()
    for _ in range(100):
        models.load("m")
    done.set()
    for each in callers:
        each.join(20)
    assert failures == []


def test_the_first_load_is_seen_as_loading() -> None:
    models = Models()
    seen: list[str] = []

    class Looks(Fake):
        def load(self) -> None:
            seen.append(models.index()[0].state)

    models.add("m", lambda: Looks([]))
    models.load("m")
    models.load("m")
    assert seen == [LOADING, READY]


def test_close_unloads_everything() -> None:
    said: list[str] = []
    models = Models()
    models.add("a", lambda: Fake(said))
    models.add("b", lambda: Fake(said))
    models.load("a")
    models.close()
    assert said == ["load", "close"]
