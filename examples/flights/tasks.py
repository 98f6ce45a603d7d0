"""The example's tasks: from the raw tables to daily, monthly and yearly reports and a model."""

from __future__ import annotations

import calendar
import datetime as dt
import json
from typing import Any

import pandas as pd

import nbflow
from flights import data, model, report


class FlightsTask(nbflow.Task):
    """A task of this example; `folder` is where its output goes."""

    task_namespace = "flights"

    folder: str = nbflow.Parameter(
        default="data",
        visibility=nbflow.ParameterVisibility.HIDDEN,
        description="where the outputs go",
    )

    def target(self, name: str) -> nbflow.LocalTarget:
        """The output file `name` of this task."""
        return nbflow.LocalTarget(f"{self.folder}/{name}")


class MonthFlights(FlightsTask):
    """A month's flights as Parquet."""

    month: dt.date = nbflow.MonthParameter()

    def output(self) -> nbflow.LocalTarget:
        """One row a flight."""
        return self.target(f"flights-{self.month:%Y-%m}.parquet")

    def run(self) -> None:
        """Cut the month out of the year."""
        with self.output().temporary_path() as path:
            data.flights_in(self.month).to_parquet(path)


class MonthWeather(FlightsTask):
    """A month's weather at the three airports as Parquet."""

    month: dt.date = nbflow.MonthParameter()

    def output(self) -> nbflow.LocalTarget:
        """One row an airport and hour."""
        return self.target(f"weather-{self.month:%Y-%m}.parquet")

    def run(self) -> None:
        """Cut the month out of the year."""
        with self.output().temporary_path() as path:
            data.weather_in(self.month).to_parquet(path)


class DailyReport(FlightsTask):
    """What happened on one day."""

    date: dt.date = nbflow.DateParameter(description="day of the scheduled departure")

    def requires(self) -> dict[str, nbflow.Task]:
        """The tables of the day's month."""
        month = self.date.replace(day=1)
        return {
            "flights": self.clone(MonthFlights, month=month),
            "weather": self.clone(MonthWeather, month=month),
        }

    def output(self) -> nbflow.LocalTarget:
        """The values of `report.summarise_day` as JSON."""
        return self.target(f"report-{self.date}.json")

    def run(self) -> None:
        """Sum up the day."""
        flights = pd.read_parquet(self.input()["flights"].path)
        weather = pd.read_parquet(self.input()["weather"].path)
        of_the_day = flights[flights["day"] == self.date.day]
        summary = report.summarise_day(of_the_day, weather, data.airline_names())
        _write_json(self.output(), {"date": str(self.date), **summary})


class MonthlyReport(FlightsTask):
    """A month in one line a day, and in all."""

    month: dt.date = nbflow.MonthParameter()

    def requires(self) -> list[nbflow.Task]:
        """The report of each day, first to last."""
        days = calendar.monthrange(self.month.year, self.month.month)[1]
        return [
            self.clone(DailyReport, date=self.month.replace(day=day)) for day in range(1, days + 1)
        ]

    def output(self) -> nbflow.LocalTarget:
        """The values of `report.summarise_month` as JSON."""
        return self.target(f"report-{self.month:%Y-%m}.json")

    def run(self) -> None:
        """Sum up the days."""
        days = [_read_json(day) for day in self.input()]
        summary = report.summarise_month(days)
        _write_json(self.output(), {"month": f"{self.month:%Y-%m}", **summary})


class YearReport(FlightsTask, nbflow.WrapperTask):
    """All months of a year."""

    year: int = nbflow.IntParameter(default=2013)

    def requires(self) -> list[nbflow.Task]:
        """The report of each month, January first."""
        return [
            self.clone(MonthlyReport, month=dt.date(self.year, month, 1)) for month in range(1, 13)
        ]


class DelayModel(FlightsTask):
    """Predict departure delays from schedule and weather: learn on one month, test on another."""

    learn: dt.date = nbflow.MonthParameter(description="month to learn from")
    test: dt.date = nbflow.MonthParameter(description="month to be judged on")
    ridge: float = nbflow.FloatParameter(default=1.0, description="penalty on large coefficients")

    def requires(self) -> dict[str, list[nbflow.Task]]:
        """Flights and weather of both months."""
        months = {"learn": self.learn, "test": self.test}
        return {
            use: [self.clone(MonthFlights, month=month), self.clone(MonthWeather, month=month)]
            for use, month in months.items()
        }

    def output(self) -> nbflow.LocalTarget:
        """The errors on both months and the strongest coefficients, as JSON."""
        name = f"model-{self.learn:%Y-%m}-{self.test:%Y-%m}-ridge-{self.ridge:g}.json"
        return self.target(name)

    def run(self) -> None:
        """Fit, then score on both months."""
        tables = {
            use: [pd.read_parquet(target.path) for target in targets]
            for use, targets in self.input().items()
        }
        fitted = model.fit(*tables["learn"], ridge=self.ridge)
        metrics: dict[str, Any] = {use: model.score(fitted, *both) for use, both in tables.items()}
        _write_json(self.output(), {**metrics, "strongest": model.strongest(fitted)})


def _write_json(target: nbflow.LocalTarget, value: object) -> None:
    with target.open("w") as file:
        json.dump(value, file, indent=2)


def _read_json(target: nbflow.LocalTarget) -> dict[str, Any]:
    with target.open() as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded
