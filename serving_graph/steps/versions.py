"""Several versions of one model under one name: each call says which, or gets the default one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...handlers.errors import UnknownModel
from ...handlers.event import Event
from ..compile import Run, note
from ..fit import union
from ..kit.base import Branches, Step
from ..kit.hold import Holder, branches_of, choosing, common_input
from ..refer import Place, wrong
from ..spec import Key, StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker


class Versions(Holder):
    """See `pelton.steps.model`."""

    def __init__(
        self, name: str, branches: Branches, default: str, by: str, header: str, at: Place
    ) -> None:
        options = canonical({"default": default, "by": by, "header": header.lower()})
        super().__init__("versions", name, branches, at, options=options)
        self.default, self.by, self.header = default, by, header.lower()
        known = [str(key) for key, _ in branches]
        if default not in known:
            what = f"model {name!r} has no version {default!r} to be the default one"
            raise wrong(what, f"its versions are {', '.join(known)}", at=at)
        self.input_type = common_input(self)
        self.output_type = union(self.outputs())
        self.takes_context = self.takes_context or bool(header)

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        wanted = self._wanted()
        known = tuple(map(str, runs))

        def pick(value: Any, context: Any) -> Run:
            version = wanted(value, context)
            run = runs.get(version)
            if run is None:
                error = UnknownModel(self.name, version, known=known)
                note(error, path, value)
                raise error
            return run

        return choosing(pick, is_async=self.is_async)

    def _wanted(self) -> Callable[[Any, Any], str]:
        words, header, default = self.by.split(".") if self.by else [], self.header, self.default

        def wanted(value: Any, context: Any) -> str:
            found = _field(value, words) if words else None
            if found is None and header:
                given = value if isinstance(value, Event) else context
                found = getattr(given, "headers", {}).get(header)
            return default if found is None else str(found)

        return wanted

    def loadables(self) -> Iterator[tuple[str, str, Any, bool]]:
        """Each version for a repository of models, see `Models.of`."""
        for key, steps in self.branches:
            if len(steps) != 1 or not hasattr(steps[0], "lease"):
                raise wrong(
                    f"version {key!r} of model {self.name!r} is no model but steps around one",
                    "a repository holds models alone",
                    at=self.place,
                )
            yield self.name, str(key), steps[0].lease, key == self.default


def versioned(
    name: str,
    at: Place,
    *,
    versions: Mapping[str, Any],
    default: str,
    by: str = "",
    header: str = "x-model-version",
) -> Step[Any, Any]:
    """The step that `model(name, versions=...)` makes."""
    given = {str(key): each for key, each in versions.items()}
    return Versions(name, branches_of(given, f"model {name!r}", at), str(default), by, header, at)


def _field(value: Any, words: list[str]) -> Any:
    for word in words:
        value = value.get(word) if isinstance(value, Mapping) else getattr(value, word, None)
    return value


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    """The step that a spec says."""
    default, by, header = (spec.option(word) for word in ("default", "by", "header"))
    return Versions(spec.name, branches, default, by, header, at)
