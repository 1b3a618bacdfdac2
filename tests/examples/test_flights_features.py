"""The flights example: training and serving see the same numbers."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
ROWS, EVERY = 20_000, 300


@pytest.fixture(scope="module")
def example() -> Any:
    """The example's modules, by name, from its own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FLIGHTS))
        yield importlib.import_module


def test_a_row_served_is_a_row_trained_on(example: Any, tmp_path: Path) -> None:
    data, features, tables = (example(name) for name in ("data", "features", "tables"))
    weather = example("weather")
    table, observed = data.departures(ROWS).iloc[::EVERY], data.observations()
    observed = observed[observed["month"].isin(table["month"])]
    tables.write_weather(observed, tmp_path / weather.FILE)
    station = weather.Station(tmp_path)
    station.load()
    sample = data.flights(table)
    departures = [weather.with_weather(each, station(features.hour_key(each))) for each in sample]
    assert any(each.weather for each in departures)
    alone = np.array([features.clean(each) for each in sample], dtype=np.float32)
    both = np.array([features.clean_with_weather(each) for each in departures], dtype=np.float32)
    np.testing.assert_allclose(alone, tables.matrix(table))
    np.testing.assert_allclose(both, tables.matrix_with_weather(table, observed), rtol=1e-5)
