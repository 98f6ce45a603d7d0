"""What a day of flights amounts to: counts, delays, airlines, weather; numbers only, no tasks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import SupportsFloat

    import pandas as pd

#: Departures later than this many minutes count as late, as the airlines themselves count.
LATE_AFTER = 15

#: An airline with fewer departures on a day is not ranked.
FEWEST_DEPARTURES = 10


def summarise_day(
    flights: pd.DataFrame, weather: pd.DataFrame, airlines: Mapping[str, str]
) -> dict[str, Any]:
    """Sum up the flights of one day.

    Parameters
    ----------
    flights
        Flights of the day, with the columns of `flights.data.flights`.
    weather
        Hourly weather that covers the day, with the columns of `flights.data.weather_in`.
    airlines
        Names by code.

    Returns
    -------
    dict
        Plain values, ready for JSON: counts (`flights`, `cancelled`, `late`), `delay` (minutes:
        median, p90, p99), `worst_airlines` (up to three, worst first), `weather` by airport.
    """
    departed = flights[flights["dep_time"].notna()]
    delay = departed["dep_delay"]
    return {
        "flights": len(flights),
        "cancelled": len(flights) - len(departed),
        "late": int((delay > LATE_AFTER).sum()),
        "delay": {
            "median": _rounded(delay.median()),
            "p90": _rounded(delay.quantile(0.9)),
            "p99": _rounded(delay.quantile(0.99)),
        },
        "worst_airlines": _worst_airlines(departed, airlines),
        "weather": _weather_by_airport(flights, weather),
    }


def summarise_month(days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum up the reports of a month's days, each with its `date`."""
    total = sum(day["flights"] for day in days)
    cancelled = sum(day["cancelled"] for day in days)
    worst = max(days, key=lambda day: day["cancelled"] / max(day["flights"], 1))
    return {
        "days": len(days),
        "flights": total,
        "cancelled": cancelled,
        "cancelled_percent": round(100 * cancelled / max(total, 1), 2),
        "late": sum(day["late"] for day in days),
        "worst_day": {key: worst[key] for key in ("date", "flights", "cancelled")},
    }


def _worst_airlines(departed: pd.DataFrame, airlines: Mapping[str, str]) -> list[dict[str, Any]]:
    by_carrier = departed.groupby("carrier")["dep_delay"].agg(["size", "mean"])
    ranked = by_carrier[by_carrier["size"] >= FEWEST_DEPARTURES]
    worst = ranked.sort_values(["mean", "size"], ascending=False).head(3)
    return [
        {
            "carrier": str(carrier),
            "name": airlines[str(carrier)],
            "departures": int(size),
            "mean_delay": _rounded(mean),
        }
        for carrier, size, mean in zip(worst.index, worst["size"], worst["mean"], strict=True)
    ]


def _weather_by_airport(flights: pd.DataFrame, weather: pd.DataFrame) -> dict[str, dict[str, Any]]:
    # Joined flight by flight, so that an hour counts where and when somebody was to leave in it.
    hours = flights[["origin", "time_hour"]].drop_duplicates()
    joined = hours.merge(weather, on=["origin", "time_hour"], how="left")
    return {
        str(origin): {
            "rain_inches": _rounded(rows["precip"].sum(), 2),
            "most_wind_mph": _rounded(rows["wind_speed"].max()),
            "least_visibility_miles": _rounded(rows["visib"].min()),
        }
        for origin, rows in joined.groupby("origin")
    }


def _rounded(value: SupportsFloat, digits: int = 1) -> float | None:
    number = float(value)
    return None if math.isnan(number) else round(number, digits)
