"""The example's tasks on the real data: what they require, write, and do not do twice."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest

import nbflow
from flights import tasks
from nbflow.core.model.nested import flatten

pytestmark = pytest.mark.usefixtures("project")


def everything_below(*roots):
    """All tasks that `roots` lead to, each once."""
    found, waiting = {}, list(roots)
    while waiting:
        task = waiting.pop()
        if task.task_id not in found:
            found[task.task_id] = task
            waiting += flatten(task.requires())
    return list(found.values())


def families(*roots):
    return [task.task_family for task in everything_below(*roots)]


def test_families_stand_in_a_namespace_of_their_own():
    assert tasks.DailyReport.task_family == "flights.DailyReport"


def test_a_year_is_every_day_and_every_month_once():
    found = families(tasks.YearReport())

    assert found.count("flights.MonthlyReport") == 12
    assert found.count("flights.DailyReport") == 365
    assert found.count("flights.MonthFlights") == found.count("flights.MonthWeather") == 12
    assert len(found) == 1 + 12 + 365 + 24


def test_folder_is_handed_down():
    assert {task.folder for task in everything_below(tasks.YearReport(folder="x"))} == {"x"}


def test_daily_report_counts_the_day_and_names_its_worst_airline():
    result = nbflow.run(tasks.DailyReport(date=dt.date(2013, 2, 8)))

    report = json.loads(Path("data/report-2013-02-08.json").read_text())
    assert result
    assert (report["flights"], report["cancelled"], report["late"]) == (930, 472, 122)
    assert report["worst_airlines"][0]["name"] == "Southwest Airlines Co."
    assert report["weather"]["JFK"] == {
        "rain_inches": 0.78,
        "most_wind_mph": 28.8,
        "least_visibility_miles": 0.5,
    }


def test_extract_is_the_month_with_its_types():
    nbflow.run(tasks.MonthFlights(month=dt.date(2013, 2, 1)))

    rows = pd.read_parquet("data/flights-2013-02.parquet")
    assert len(rows) == 24_951
    assert str(rows["time_hour"].dt.tz) == "UTC"


def test_monthly_report_adds_up_its_days_and_finds_the_storm():
    nbflow.run(tasks.MonthlyReport(month=dt.date(2013, 2, 1)))

    report = json.loads(Path("data/report-2013-02.json").read_text())
    assert (report["days"], report["flights"], report["cancelled"]) == (28, 24_951, 1_261)
    assert report["worst_day"] == {"date": "2013-02-09", "flights": 684, "cancelled": 393}
    assert len(list(Path("data").glob("report-2013-02-*.json"))) == 28


def test_days_of_one_month_read_one_extract():
    nbflow.run(tasks.DailyReport(date=dt.date(2013, 2, 8)))
    written = Path("data/flights-2013-02.parquet").stat().st_mtime_ns

    nbflow.run(tasks.DailyReport(date=dt.date(2013, 2, 9)))

    assert Path("data/flights-2013-02.parquet").stat().st_mtime_ns == written


def test_model_is_judged_on_a_month_that_it_did_not_see():
    model = tasks.DelayModel(learn=dt.date(2013, 6, 1), test=dt.date(2013, 7, 1))

    nbflow.run(model)

    metrics = json.loads(Path(model.output().path).read_text())
    assert metrics["learn"]["flights"] == 27_234
    assert metrics["test"]["flights"] == 28_485
    assert metrics["test"]["mean_absolute_error"] < metrics["test"]["guessing_the_mean"]
    assert len(metrics["strongest"]) == 5


def test_models_of_different_penalties_write_different_files():
    months = {"learn": dt.date(2013, 6, 1), "test": dt.date(2013, 7, 1)}

    paths = {tasks.DelayModel(ridge=ridge, **months).output().path for ridge in (1.0, 10.0)}

    assert len(paths) == 2
