"""The user's app, imported from a file or by a module's name; what fails is said with its line."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import StackSummary, TracebackException
from typing import Any

from ..handlers.app import App
from ..handlers.checks import said_at
from ..handlers.errors import PeltonError
from .errors import CannotLoad

OURS = f"{Path(__file__).parent.parent}/"  # the frames of this package are not the user's lines


def load_app(where: str) -> tuple[App, Path]:
    """(app, root folder) of FILE.py, FILE.py:name, module:name or NOTEBOOK.ipynb.

    The file's folder becomes importable, as it is in the artifact.  Raises `CannotLoad`, with the
    user's own line and trace when their code fails, and the app's `WrongUse` as it is.
    """
    if where.endswith(".ipynb"):
        return notebook_app(Path(where))
    module, name, root = load_module(where)
    return _app_in(module, name, where.partition(":")[0]), root


def notebook_app(path: Path) -> tuple[App, Path]:
    """An app whose one function is a notebook's, and the notebook's folder."""
    from ..handlers.function import Function
    from ..handlers.platforms import Nuclio
    from ..handlers.settings import Settings, check_name
    from .notebook import read_notebook

    notebook = read_notebook(path.resolve())
    where = (str(path), 1)
    said_at(where, check_name, notebook.name)
    labels = notebook.config["metadata"].get("labels") or {}
    app = App(notebook.name)
    app.functions[notebook.name] = Function(
        notebook,
        app=app,
        name=notebook.name,
        settings=Settings(style="nuclio", tags=labels, nuclio=Nuclio(package="sourceCode")),
        codec=None,
        where=where,
        module="handler",
    )
    return app, path.resolve().parent


def load_module(where: str) -> tuple[Any, str, Path]:
    """(module, name in it, root folder) of FILE.py, FILE.py:name or module:name; see `load_app`."""
    place, _, name = where.partition(":")
    if not place.endswith(".py"):
        return _import_module(place), name, Path.cwd()
    path = Path(place).resolve()
    if not path.is_file():
        raise CannotLoad(f"there is no file {place}")
    return _import_file(path), name, path.parent


def _import_file(path: Path) -> Any:
    folder, name = str(path.parent), path.stem
    if not name.isidentifier():
        raise CannotLoad(f"{path.name}: {name!r} cannot be a module's name; rename the file")
    if name in sys.stdlib_module_names or name == "pelton":
        raise CannotLoad(f"{path.name} would hide the module {name!r}; rename the file")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    spec = spec_from_file_location(name, path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        _say(error)
        raise
    return module


def _import_module(name: str) -> Any:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise CannotLoad(f"there is no module {name}; give FILE.py or module:app") from None
        _say(error)
        raise
    except BaseException as error:
        _say(error)
        raise


def _say(error: BaseException) -> None:
    """Raise `CannotLoad` with the user's line, and their frames alone as its trace; what is a
    sentence already, or no error, is left to its way."""
    if isinstance(error, PeltonError) or not isinstance(error, Exception):
        return
    told = TracebackException.from_exception(error)
    frames = [each for each in told.stack if not _is_loading(each.filename)]
    told.stack = StackSummary.from_list(frames)
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        what = f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    elif frames:
        theirs = [each for each in frames if not each.filename.startswith(OURS)] or frames
        what = f"{theirs[-1].filename}:{theirs[-1].lineno}: {what}"
    trace = "".join(told.format()).rstrip()
    raise CannotLoad(f"the app cannot be imported: {what}\n{trace}") from error


def _is_loading(file: str) -> bool:
    return file == __file__ or file.startswith("<frozen importlib") or "/importlib/" in file


def _app_in(module: Any, name: str, place: str) -> App:
    apps = {key: value for key, value in vars(module).items() if isinstance(value, App)}
    if name:
        if name not in apps:
            raise CannotLoad(f"{place} has no pelton.App named {name!r}")
        return apps[name]
    distinct = {id(app): app for app in apps.values()}
    if len(distinct) != 1:
        found = ", ".join(apps) or "none"
        raise CannotLoad(
            f"{place} should have one pelton.App (found {found}); name it: {place}:app"
        )
    return next(iter(distinct.values()))
