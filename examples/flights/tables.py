"""What models are trained on: whole tables of flights and of weather, each with the numbers that
`features` and `weather` have row by row when a model serves."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from features import CARRIERS, ORIGINS

HOUR = ["origin", "month", "day", "hour"]
MEASURED = ["temp", "wind_speed", "precip", "visib"]


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


def matrix_with_weather(table: Any, weather: Any) -> Any:
    """The rows that `clean_with_weather` makes (held equal, too)."""
    joined = table[HOUR].merge(weather.drop_duplicates(HOUR), on=HOUR, how="left")
    seen = joined["temp"].notna()
    measured = joined[MEASURED].fillna(0.0)
    return np.column_stack([matrix(table), seen, measured]).astype(np.float32)


def write_weather(weather: Any, path: Path) -> None:
    """One line a station and hour; the same bytes from the same table."""
    keys = weather[HOUR].astype(str).agg("-".join, axis=1)
    table = weather[MEASURED].assign(hour=keys).drop_duplicates("hour")
    text = table[["hour", *MEASURED]].to_csv(index=False)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
