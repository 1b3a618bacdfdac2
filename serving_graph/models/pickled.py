"""Pickles: only when told so, only the very file that was pinned, only where it was made for.

A pickle is a program: reading one runs it.  So its hash and the versions that it was made with
are held before a byte of it is unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...runtime.by_value import check_versions, version_of
from .estimator import EstimatorModel


class PickledModel(EstimatorModel):
    """See `pelton.pickled`.  `versions` are those that the file was made with."""

    platform = "python_pickle"

    def __init__(self, *args: Any, versions: Mapping[str, str], **named: Any) -> None:
        super().__init__(*args, **named)
        self.versions = dict(versions)

    def load(self, context: Any = None) -> None:
        if not self.file.sha256:
            raise ValueError(f"{self.file.declared} is a pickle without a pinned sha256")
        super().load(context)

    def revive(self, content: bytes) -> Any:
        check_versions(self.file.declared, self.versions)
        import pickle

        try:
            return pickle.loads(content)
        except Exception as error:  # a pickle may raise whatever its classes raise
            raise ValueError(
                f"{self.file.declared} cannot be unpickled: {type(error).__name__}: {error}"
            ) from error


def pin(path: str, *packages: str) -> dict[str, Any]:
    """What `pelton.pickled` asks of a file just written: its hash and the versions it needs.

    packages: distributions whose classes are in the pickle, such as "scikit-learn"

    Raises `ValueError` for a package that is not installed.

    >>> import pickle, tempfile
    >>> with tempfile.NamedTemporaryFile() as made:
    ...     _ = made.write(pickle.dumps(len))
    ...     made.flush()
    ...     sorted(pin(made.name)), len(pin(made.name)["sha256"])
    (['sha256', 'versions'], 64)
    """
    from hashlib import file_digest

    with open(path, "rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
    versions = {name: version_of(name) for name in ("python", *packages)}
    for name, found in versions.items():
        if not found:
            raise ValueError(f"{name!r} is not installed here: name a distribution")
    return {"sha256": digest, "versions": versions}
