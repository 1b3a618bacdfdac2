"""The weather at the three airports, hour by hour: a table that travels with the function."""

import csv
import gzip
from pathlib import Path

from features import Departure, Flight, Weather, hour_key

HERE = Path(__file__).parent
FILE = "weather.csv.gz"


class Station:
    """Looks up what was measured in the hour of a departure; the table is read once a worker."""

    def __init__(self, folder: Path = HERE) -> None:
        self.folder = folder

    def load(self) -> None:
        with gzip.open(self.folder / FILE, "rt", newline="") as opened:
            self.table = {row.pop("hour"): row for row in csv.DictReader(opened)}

    def __call__(self, key: str) -> Weather | None:
        measured = self.table.get(key)
        return None if measured is None else Weather.model_validate(measured)


def with_weather(flight: Flight, weather: Weather | None) -> Departure:
    return Departure(flight=flight, weather=weather)


def in_words(departure: Departure) -> str:
    """The weather as a traveller would say it.  Raises `LookupError` where it is not known."""
    weather = departure.weather
    if weather is None:
        raise LookupError(f"no observation at {hour_key(departure.flight)}")
    sky = "rain" if weather.precip else "fog" if weather.visib < 1 else "dry"
    return f"{sky}, {'windy' if weather.wind_speed > 20 else 'calm'}"


__all__ = ["FILE", "Station", "in_words", "with_weather"]
