"""The delay model finds what was put into the data, and says how far it is off."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from flights import data, model


def made_flights(count=400):
    """Flights that are late by 30 minutes an inch of rain, and by 5 more with airline BB."""
    hours = pd.date_range("2013-01-01", periods=count, freq="h", tz="UTC")
    weather = pd.DataFrame({"origin": "JFK", "time_hour": hours, "wind_speed": 10.0, "visib": 10.0})
    weather["precip"] = np.arange(count) % 7 / 10
    flights = weather[["origin", "time_hour"]].assign(hour=hours.hour)
    flights["carrier"] = np.where(np.arange(count) % 2, "BB", "AA")
    flights["dep_delay"] = 30 * weather["precip"] + 5.0 * (flights["carrier"] == "BB")
    return flights, weather


def test_fit_finds_the_rain_and_the_airline():
    flights, weather = made_flights()

    fitted = model.fit(flights, weather, ridge=1e-6)

    by_column = dict(zip(fitted.columns, fitted.coefficients, strict=True))
    assert by_column["precip"] == pytest.approx(30, abs=0.01)
    assert by_column["carrier_BB"] - by_column["carrier_AA"] == pytest.approx(5, abs=0.01)
    assert model.score(fitted, flights, weather)["r2"] == pytest.approx(1, abs=1e-4)


def test_cancelled_flights_are_left_out():
    flights, weather = made_flights()
    flights.loc[::2, "dep_delay"] = np.nan

    assert model.score(model.fit(flights, weather), flights, weather)["flights"] == 200


def test_an_airline_that_was_not_learned_is_predicted_all_the_same():
    flights, weather = made_flights()
    fitted = model.fit(flights, weather)

    predicted = fitted.predict(flights.assign(carrier="ZZ"), weather)

    assert np.isfinite(predicted).all()


def test_an_hour_without_weather_is_taken_for_a_fair_one():
    flights, weather = made_flights()
    fitted = model.fit(flights, weather)

    predicted = fitted.predict(flights, weather.iloc[:0])

    fair = weather.assign(precip=0.0)
    assert predicted == pytest.approx(fitted.predict(flights, fair))


def test_the_model_of_june_beats_guessing_the_mean_of_july():
    june, july = dt.date(2013, 6, 1), dt.date(2013, 7, 1)

    fitted = model.fit(data.flights_in(june), data.weather_in(june))
    scored = model.score(fitted, data.flights_in(july), data.weather_in(july))

    assert scored["flights"] == 28_485
    assert scored["mean_absolute_error"] < 0.9 * scored["guessing_the_mean"]
    assert 0.08 < scored["r2"] < 0.12
