"""The one shape of every kind of model file: open its bytes, run its arrays.

A kind says those two and nothing else; pins, values, names, shapes and warm-up are the same for
all, here and beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .file import ModelFile
from .repository import Arrays, ModelMetadata, Tensor
from .tensors import Nan, fit_arrays
from .values import Reader, give


class FileModel:
    """A model made of a file; called with a value of the graph, or asked to `infer` arrays.

    file:     where it is, and what is pinned
    features: the columns' names in the model's order; None for the model's own
    outputs:  the outputs to give; None for the kind's own
    nan:      "refuse" or "allow", see `tensors.fit`
    """

    platform = ""

    def __init__(
        self,
        file: ModelFile,
        *,
        features: Any = None,
        outputs: Sequence[str] | None = None,
        nan: Nan = "refuse",
    ) -> None:
        self.file, self.features, self.outputs, self.nan = file, features, outputs, nan
        self.metadata = ModelMetadata(platform=self.platform)

    def open(self, content: bytes) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Make the model of the file's bytes: what it takes and what it gives.

        Raises `ImportError` or `ValueError`, each in a sentence.
        """
        raise NotImplementedError

    def run(self, arrays: dict[str, Any]) -> list[Any]:
        """The outputs, in order, of arrays that fit."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the model."""
        raise NotImplementedError

    def load(self, context: Any = None) -> None:
        """Read the file, hold it to its pin, open it.

        Raises `FileNotFoundError`, `ImportError` or `ValueError`, each in a sentence.
        """
        content, digest = self.file.read()
        inputs, outputs = self.open(content)
        self.names = [each.name for each in outputs]
        self.reader = Reader(inputs, self.columns(), self.nan)
        self.metadata = ModelMetadata(
            tuple(inputs),
            tuple(each for each in outputs if each.datatype),
            self.platform,
            digest,
        )

    def columns(self) -> Sequence[str] | None:
        """The features' names in order, where a dict is to become one row."""
        return None if self.features is None else list(self.features)

    def infer(self, inputs: Arrays) -> dict[str, Any]:
        """Arrays in, arrays out, by the names in `metadata`.  Raises `InvalidInput`."""
        found = self.run(fit_arrays(inputs, self.metadata.inputs, self.nan))
        typed = {each.name for each in self.metadata.outputs}
        return {n: each for n, each in zip(self.names, found, strict=True) if n in typed}

    def warm(self, value: Any) -> None:
        """Answer a sample, so that the first event finds everything ready."""
        self(value)

    def __call__(self, value: Any) -> Any:
        arrays, form = self.reader.read(value)
        given = [give(each, form) for each in self.run(arrays)]
        return given[0] if len(given) == 1 else dict(zip(self.names, given, strict=True))


def chosen(wanted: Sequence[str] | None, known: Sequence[str], declared: str) -> list[str]:
    """The outputs to give, all where none is named.  Raises `ValueError` for one not there."""
    for name in wanted or ():
        if name not in known:
            raise ValueError(f"{declared} has no output {name!r}; it has {', '.join(known)}")
    return list(wanted or known)
