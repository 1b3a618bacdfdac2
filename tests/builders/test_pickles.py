"""Functions sent as pickles: only when asked, pinned, checked twice, culprits named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

from pelton import App
from pelton.builders import Artifact, Target
from pelton.builders.errors import CannotPickle
from pelton.builders.pickles import check_models, make_pickle
from pelton.builders.unsendable import find_culprit
from pelton.runtime.by_value import revive

from .support import Maker

cloudpickle = pytest.importorskip("cloudpickle")
HERE = f"3.{sys.version_info.minor}"
LAMBDA = Target("lambda", HERE)
SOURCE = """
from __future__ import annotations
from dataclasses import dataclass
import {helper}
import pelton

app = pelton.App("demo")

@dataclass
class Order:
    size: int

def make(price):
    @app.function(name="total", pickled=True, requirements={requirements!r})
    def total(order: Order) -> int:
        return {helper}.times(order.size, price)
    return total

make(7)
"""


def build(maker: Maker, requirements: tuple[str, ...] = ()) -> Artifact:
    helper = f"pickles_helper_{abs(hash(maker.folder))}"
    (maker.root / f"{helper}.py").write_text("def times(a, b):\n    return a * b\n")
    source = SOURCE.format(helper=helper, requirements=requirements)
    return maker.build(source=source, function="total", target=LAMBDA)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    made = Maker(tmp_path_factory.mktemp("pickles"))
    about = f"Metadata-Version: 2.1\nName: cloudpickle\nVersion: {cloudpickle.__version__}\n"
    files = {}
    for path in Path(cloudpickle.__file__).parent.glob("*.py"):
        files[f"cloudpickle/{path.name}"] = path.read_bytes()
    wheel(made, about, files)
    return made


def wheel(maker: Maker, about: str, files: dict[str, bytes]) -> None:
    info = f"cloudpickle-{cloudpickle.__version__}.dist-info"
    folder = maker.folder / "wheels"
    folder.mkdir()
    name = f"cloudpickle-{cloudpickle.__version__}-py3-none-any.whl"
    files |= {
        f"{info}/METADATA": about.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / name, "w") as out:
        for place, data in files.items():
            out.writestr(place, data)
        out.writestr(
            f"{info}/RECORD", "".join(f"{place},,\n" for place in [*files, f"{info}/RECORD"])
        )


def test_it_runs_where_it_was_sent_without_the_module_that_made_it(maker: Maker) -> None:
    pin = (f"cloudpickle=={cloudpickle.__version__}",)
    artifact = build(maker, pin)
    tree = maker.folder / "tree"
    with zipfile.ZipFile(artifact.path) as archive:
        archive.extractall(tree)
    assert not list(tree.glob("artifact_app_*"))
    assert list(tree.glob("pickles_helper_*.py"))
    code = (
        f"import sys; sys.path.insert(0, {str(tree)!r}); import pelton_entry_total as e;"
        "print(e.handler({'size': 6}, None))"
    )
    command = [sys.executable, "-S", "-I", "-B", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("42", "")


def test_requirements_that_bring_another_version_are_refused(maker: Maker) -> None:
    with pytest.raises(CannotPickle, match=r'do not bring cloudpickle; write "cloudpickle==3'):
        build(maker)


def test_another_python_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(CannotPickle, match=rf'choose runtime "python{HERE}"'):
        make_pickle(declared(lambda n: n), tmp_path, Target("lambda", "3.99"))


def test_a_module_that_is_not_shipped_is_named(tmp_path: Path) -> None:
    stray = tmp_path / "elsewhere" / "stray_module.py"
    stray.parent.mkdir()
    stray.write_text("def f():\n    return 1\n")
    sys.path.insert(0, str(stray.parent))
    try:
        import stray_module  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(stray.parent))

    def use(n: int) -> int:
        return n + int(stray_module.f())

    (tmp_path / "app").mkdir()
    with pytest.raises(CannotPickle, match="'stray_module', which is neither below"):
        make_pickle(declared(use), tmp_path / "app", LAMBDA)


def declared(function: Callable[..., Any]) -> Any:
    app = App("demo")
    function.__name__ = "sent"
    function.__annotations__ = {"n": int, "return": int}
    return app.function(pickled=True)(function)


lock = threading.Lock()


def _over_a_lock() -> Callable[..., Any]:
    held = threading.Lock()
    return lambda n: n if held else 0


def _deep() -> Callable[..., Any]:
    client = SimpleNamespace(pool=[1, {"guard": threading.RLock()}])
    return lambda n: n if client else 0


def _generator() -> Callable[..., Any]:
    def count() -> Iterator[int]:
        yield 1

    rows = count()
    return lambda n: n if rows else 0


def _default() -> Callable[..., Any]:
    def use(n: int, *, guard: Any = lock) -> int:
        return n

    return use


def _through_another() -> Callable[..., Any]:
    opened = open(__file__, "rb")
    opened.close()

    def inner() -> Any:
        return opened

    return lambda n: inner()


def _open_text() -> Callable[..., Any]:
    opened = open(os.devnull)  # cloudpickle would take its content along
    _opened.append(opened)
    return lambda n: n if opened else 0


_opened: list[IO[str]] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


CULPRITS = [
    (_open_text, "the variable 'opened' that sent closes over is an open file"),
    (_over_a_lock, "the variable 'held' that sent closes over is a lock"),
    (_deep, "the variable 'client' that sent closes over.pool[1]['guard'] is a lock"),
    (_generator, "the variable 'rows' that sent closes over is a generator"),
    (lambda: lambda n: lock, "the global 'lock' that sent uses is a lock"),
    (_through_another, "is an open file"),
]


@pytest.mark.parametrize(("make", "said"), CULPRITS)
def test_what_cannot_be_sent_is_named(
    make: Callable[[], Callable[..., Any]], said: str, tmp_path: Path
) -> None:
    with pytest.raises(CannotPickle) as caught:
        make_pickle(declared(make()), tmp_path, LAMBDA)
    assert f"cannot be sent: {said}" in str(caught.value) or said in str(caught.value)
    assert "test_pickles.py:" in str(caught.value)


def test_a_default_is_named() -> None:
    found = find_culprit(_default(), "f", lambda each: each is not lock and not callable(each))
    assert found is not None
    assert (found.path, found.what) == ("the default of 'guard' of f", "a lock")


def test_the_same_function_is_the_same_pickle_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys, json\nfrom pathlib import Path\n"
        "from dataclasses import dataclass\nfrom pelton import App\n"
        "from pelton.builders.pickles import make_pickle\n"
        "from pelton.builders import Target\n"
        "app = App('demo')\n@dataclass\nclass Order:\n    size: int\n"
        "@app.function(pickled=True)\ndef total(order: Order) -> int:\n    return order.size\n"
        f"print(make_pickle(total, Path('.'), Target('lambda', {HERE!r})).sha256)\n"
    )
    file = tmp_path / "main.py"
    file.write_text(code)
    said = {
        subprocess.run(
            [sys.executable, str(file)], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_at_load_the_hash_and_the_versions_are_held_first(tmp_path: Path) -> None:
    made = make_pickle(declared(lambda n: n + 1), tmp_path, LAMBDA)
    (tmp_path / made.file).write_bytes(made.content)
    folder, pins = str(tmp_path), dict(made.versions)
    assert revive(folder, made.file, made.sha256, pins).functions["sent"](1) == 2
    with pytest.raises(ValueError, match="has the sha256"):
        revive(folder, made.file, "0" * 64, pins)
    with pytest.raises(ValueError, match=r"pickled with python 2\.7, here is"):
        revive(folder, made.file, made.sha256, pins | {"python": "2.7"})
    with pytest.raises(ValueError, match="pickled with no-such 1, it is not here"):
        revive(folder, made.file, made.sha256, pins | {"no-such": "1"})


def test_a_pickled_model_is_held_to_its_pins_before_upload(tmp_path: Path) -> None:
    step = SimpleNamespace(
        spec=SimpleNamespace(
            kind="pickled", name="m", option=lambda _: {"python": HERE, "scikit-learn": "1.5"}
        ),
        files=(),
    )
    graph = SimpleNamespace(name="g", walk=lambda: [step])
    function = declared(lambda n: n)
    with pytest.raises(CannotPickle, match=r'do not bring scikit-learn; write "scikit-learn==1.5"'):
        check_models([graph], None, function, LAMBDA)
    with pytest.raises(CannotPickle, match="step m of graph g was pickled with Python"):
        check_models([graph], None, function, Target("lambda", "3.99"))


def test_pins_are_plain_data(tmp_path: Path) -> None:
    made = make_pickle(declared(lambda n: n), tmp_path, LAMBDA)
    assert json.loads(json.dumps(dict(made.versions)))["python"] == HERE
