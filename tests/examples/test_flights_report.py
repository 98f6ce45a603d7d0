"""What a day's summary says, on rows small enough to count by hand."""

from __future__ import annotations

import math

import pandas as pd

from flights import report

HOUR = pd.Timestamp("2013-01-15T12:00Z")
AIRLINES = {"AA": "Alpha", "BB": "Beta", "CC": "Gamma"}


def flights_of(*rows):
    frame = pd.DataFrame(rows, columns=["carrier", "dep_delay"])
    frame["dep_time"] = frame["dep_delay"].map(lambda delay: delay if math.isnan(delay) else 1200.0)
    frame["origin"] = "JFK"
    frame["time_hour"] = HOUR
    return frame


def weather_of(**values):
    return pd.DataFrame([{"origin": "JFK", "time_hour": HOUR, **values}])


WEATHER = weather_of(precip=0.25, wind_speed=11.51, visib=9.04)


def test_a_flight_without_departure_is_cancelled_and_has_no_delay():
    summary = report.summarise_day(
        flights_of(("AA", 10.0), ("AA", math.nan), ("AA", 20.0)), WEATHER, AIRLINES
    )

    assert (summary["flights"], summary["cancelled"], summary["late"]) == (3, 1, 1)
    assert summary["delay"] == {"median": 15.0, "p90": 19.0, "p99": 19.9}


def test_late_is_more_than_fifteen_minutes():
    summary = report.summarise_day(flights_of(("AA", 15.0), ("AA", 16.0)), WEATHER, AIRLINES)

    assert summary["late"] == 1


def test_worst_airlines_come_by_name_and_only_with_enough_departures():
    rows = [("AA", 5.0)] * 10 + [("BB", 30.0)] * 10 + [("CC", 500.0)] * 9

    summary = report.summarise_day(flights_of(*rows), WEATHER, AIRLINES)

    assert summary["worst_airlines"] == [
        {"carrier": "BB", "name": "Beta", "departures": 10, "mean_delay": 30.0},
        {"carrier": "AA", "name": "Alpha", "departures": 10, "mean_delay": 5.0},
    ]


def test_weather_is_that_of_the_hours_in_which_somebody_was_to_leave():
    other_hour = weather_of(precip=9.0, wind_speed=90.0, visib=0.0)
    other_hour["time_hour"] += pd.Timedelta(hours=1)

    weather = pd.concat([WEATHER, other_hour])
    summary = report.summarise_day(flights_of(("AA", 1.0), ("AA", 2.0)), weather, AIRLINES)

    assert summary["weather"] == {
        "JFK": {"rain_inches": 0.25, "most_wind_mph": 11.5, "least_visibility_miles": 9.0}
    }


def test_a_day_on_which_nothing_left_has_no_delay():
    summary = report.summarise_day(flights_of(("AA", math.nan)), WEATHER, AIRLINES)

    assert summary["delay"] == {"median": None, "p90": None, "p99": None}
    assert summary["worst_airlines"] == []


def test_a_month_is_the_sum_of_its_days_and_names_the_worst():
    days = [
        {"date": "2013-02-07", "flights": 900, "cancelled": 9, "late": 100},
        {"date": "2013-02-08", "flights": 100, "cancelled": 50, "late": 10},
    ]

    assert report.summarise_month(days) == {
        "days": 2,
        "flights": 1000,
        "cancelled": 59,
        "cancelled_percent": 5.9,
        "late": 110,
        "worst_day": {"date": "2013-02-08", "flights": 100, "cancelled": 50},
    }
