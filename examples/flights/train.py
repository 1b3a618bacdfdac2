"""Train the delay model on January to August, say how good it is on September, export ONNX."""

from pathlib import Path
from typing import Any

import numpy as np
from data import departures
from features import CARRIERS, ORIGINS
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

MODEL = Path(__file__).with_name("model.onnx")


def matrix(table: Any) -> Any:
    """The rows that `clean` makes, for a whole table at once (a test holds the two equal)."""
    numbers = [
        table["month"],
        table["hour"] + table["minute"] / 60,
        table["distance"],
        table["dep_delay"],
    ]
    known = [table["carrier"] == each for each in CARRIERS]
    known += [table["origin"] == each for each in ORIGINS]
    return np.column_stack([*numbers, *known]).astype(np.float32)


def train(path: Path = MODEL) -> float:
    """Write the model to `path`; answer its AUC on September, which it has not seen."""
    table = departures()
    past, september = table[table["month"] <= 8], table[table["month"] == 9]
    model = HistGradientBoostingClassifier(max_iter=60, random_state=13)
    model.fit(matrix(past), past["late"])
    width = matrix(past.head(1)).shape[1]
    exported = to_onnx(
        model,
        initial_types=[("features", FloatTensorType([None, width]))],
        options={"zipmap": False},
    )
    path.write_bytes(exported.SerializeToString())
    scores = model.predict_proba(matrix(september))[:, 1]
    return float(roc_auc_score(september["late"], scores))


if __name__ == "__main__":
    print(f"AUC on September: {train():.3f}, model in {MODEL.name}: {MODEL.stat().st_size:,} bytes")
