"""scikit-learn models by skops: nothing is unpickled, and only trusted types are made.

skops is imported when the model is loaded, never before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .estimator import EstimatorModel
from .file import needed


class SkopsModel(EstimatorModel):
    """See `pelton.skops`."""

    platform = "sklearn_skops"

    def __init__(self, *args: Any, trusted: Sequence[str] = (), **named: Any) -> None:
        super().__init__(*args, **named)
        self.trusted = list(trusted)

    def revive(self, content: bytes) -> Any:
        declared = self.file.declared
        io: Any
        (io,) = needed(declared, "requirements=['skops', 'scikit-learn']", "skops.io")
        unknown = sorted({*self._read(io.get_untrusted_types, data=content)} - {*self.trusted})
        if unknown:
            raise ValueError(
                f"{declared} holds types that nobody said to trust: {', '.join(unknown)}; where "
                "you made the file, or pin its sha256, name those that you know: "
                f"trusted={unknown!r}"
            )
        return self._read(io.loads, data=content, trusted=self.trusted)

    def _read(self, how: Callable[..., Any], **given: Any) -> Any:
        try:
            return how(**given)
        except Exception as error:  # a file that is none of skops's raises whatever it meets
            raise ValueError(
                f"{self.file.declared} is no skops file: {type(error).__name__}: {error}"
            ) from error
