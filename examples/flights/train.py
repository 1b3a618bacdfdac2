"""Train on January to August, say how good it is on September, export ONNX and the weather table.

Three models: the one that knows the flight alone, the one that knows the weather too (the graph
takes the mean of both), and a plain challenger that the graph runs in their shadow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data import departures, observations
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import matrix, matrix_with_weather, write_weather

HERE = Path(__file__).parent
EVERY = 3  # of the flights: more make the demo longer and the models hardly better


def train(folder: Path = HERE) -> dict[str, float]:
    """Write the models and the weather table to `folder`; answer each model's AUC on September,
    which none has seen."""
    table, weather = departures(), observations()
    write_weather(weather, folder / "weather.csv.gz")
    past, september = table[table["month"] <= 8].iloc[::EVERY], table[table["month"] == 9]
    alone = (matrix(past), matrix(september))
    both = (matrix_with_weather(past, weather), matrix_with_weather(september, weather))
    plain = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    boosted = (HistGradientBoostingClassifier(max_iter=40, random_state=seed) for seed in (13, 7))
    makers = {"model": (next(boosted), alone), "weather": (next(boosted), both)}
    makers["challenger"] = (plain, both)
    found = {}
    for name, (model, (known, unknown)) in makers.items():
        model.fit(known, past["late"])
        (folder / f"{name}.onnx").write_bytes(_onnx(model, known.shape[1]))
        found[name] = float(roc_auc_score(september["late"], model.predict_proba(unknown)[:, 1]))
    return found


def _onnx(model: Any, width: int) -> bytes:
    types = [("features", FloatTensorType([None, width]))]
    exported = to_onnx(model, initial_types=types, options={"zipmap": False})
    return bytes(exported.SerializeToString())


if __name__ == "__main__":
    for name, area in train().items():
        print(f"{name}.onnx: AUC on September {area:.3f}")
