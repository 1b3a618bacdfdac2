"""What scikit-learn's estimators share, whichever file they came from: names, classes, methods.

Reads only what every estimator says of itself; never imports scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .file import needed
from .kind import FileModel
from .repository import Tensor
from .tensors import DATATYPES


class EstimatorModel(FileModel):
    """An estimator; its outputs are its methods, "predict" where none is named.

    features: names in the model's order, or name to datatype where some are texts: {"carrier":
              "BYTES", "distance": "FP64"}; the names it was fitted with when left out
    by_label: probabilities as a dict by the classes' own labels
    """

    _estimator: Any = None

    def __init__(self, *args: Any, by_label: bool = False, **named: Any) -> None:
        super().__init__(*args, **named)
        self.by_label = by_label

    def revive(self, content: bytes) -> Any:
        """The estimator of the file's bytes."""
        raise NotImplementedError

    def open(self, content: bytes) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        needed(self.file.declared, "requirements=['scikit-learn', 'numpy']", "numpy")
        self._estimator = self.revive(content)
        self.methods = [self._method(name) for name in self.outputs or ["predict"]]
        self._check_labels()
        self._frame = self._frame_maker()
        outputs = [self._output(name) for name in self.outputs or ["predict"]]
        return self._inputs(), outputs

    def _method(self, name: str) -> Any:
        method = getattr(self._estimator, name, None)
        if name.startswith("_") or not callable(method):
            kind = type(self._estimator).__name__
            raise ValueError(f"{self.file.declared} is a {kind}, which has no method {name!r}")
        return method

    def _check_labels(self) -> None:
        """Raise for labels that are asked for and that this estimator does not give."""
        if not self.by_label:
            return
        if not any("proba" in name for name in self.outputs or ()):
            what = "by_label= is for probabilities: outputs=['predict_proba']"
            raise ValueError(f"{self.file.declared}: {what}")
        if not hasattr(getattr(self._estimator, "classes_", None), "tolist"):
            raise ValueError(f"{self.file.declared} says no one list of classes: by_label=False")

    def _fitted(self) -> list[str]:
        """The columns of the data frame that it was fitted on; empty when that was an array."""
        return [str(each) for each in getattr(self._estimator, "feature_names_in_", ())]

    def _frame_maker(self) -> Any:
        if not self._fitted():
            return None
        requirements = "requirements=['pandas'], since it was fitted on a data frame"
        pandas: Any
        (pandas,) = needed(self.file.declared, requirements, "pandas")
        return pandas.DataFrame

    def _inputs(self) -> list[Tensor]:
        fitted = self._fitted()
        if fitted:
            types = self.features if isinstance(self.features, Mapping) else {}
            self._check_names(fitted)
            return [Tensor(name, types.get(name, "FP64"), (-1, 1)) for name in fitted]
        width = getattr(self._estimator, "n_features_in_", -1)
        if self.features is not None and width not in (-1, len(self.features)):
            raise ValueError(
                f"{self.file.declared} takes {width} features, inputs= names {len(self.features)}"
            )
        text = isinstance(self.features, Mapping) and "BYTES" in self.features.values()
        return [Tensor("X", "BYTES" if text else "FP64", (-1, width))]

    def _check_names(self, fitted: list[str]) -> None:
        for name in self.features or ():
            if name not in fitted:
                known = ", ".join(fitted)
                raise ValueError(
                    f"{self.file.declared} was fitted without a feature {name!r}; it has {known}"
                )

    def _output(self, method: str) -> Tensor:
        classes: Any = getattr(self._estimator, "classes_", None)
        if method == "predict" and hasattr(classes, "dtype"):
            datatype = DATATYPES.get(str(classes.dtype), "BYTES")
            return Tensor(method, datatype, (-1,))
        if method in ("predict_proba", "predict_log_proba") and classes is not None:
            return Tensor(method, "FP64", (-1, len(classes)))
        return Tensor(method, "FP64", self._width() if method == "predict" else ())

    def _width(self) -> tuple[int, ...]:
        """The shape of what a regressor predicts: one number a row, or several."""
        last = getattr(self._estimator, "steps", [("", self._estimator)])[-1][1]
        shape: tuple[int, ...] = getattr(getattr(last, "coef_", None), "shape", ())
        count = getattr(last, "n_outputs_", shape[0] if len(shape) == 2 else 1)
        return (-1,) if count == 1 else (-1, count)

    def run(self, arrays: dict[str, Any]) -> list[Any]:
        if self._frame is None:
            (given,) = arrays.values()
        else:
            given = self._frame({name: each.ravel() for name, each in arrays.items()})
        return [method(given) for method in self.methods]

    def __call__(self, value: Any) -> Any:
        answer = super().__call__(value)
        return self._labelled(answer) if self.by_label else answer

    def _labelled(self, answer: Any) -> Any:
        labels = self._estimator.classes_.tolist()

        def named(rows: Any) -> Any:
            listed = rows.tolist() if hasattr(rows, "tolist") else rows
            if isinstance(listed[0], list):
                return [named(row) for row in listed]
            return dict(zip(labels, listed, strict=True))

        if len(self.names) == 1:
            return named(answer) if "proba" in self.names[0] else answer
        return {key: named(each) if "proba" in key else each for key, each in answer.items()}

    def close(self) -> None:
        self._estimator, self.methods = None, []
