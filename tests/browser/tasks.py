"""Cells that define the tasks which the tests of the browser run."""

from __future__ import annotations

#: A small report: a fan of regions, two of which lead on; `Broken` fails, `Report` needs both.
REPORT = """
%load_ext nbflow
import nbflow, datetime as dt, time

class RawSales(nbflow.Task):
    day: dt.date
    region: str
    def output(self):
        return nbflow.LocalTarget(f"raw-{self.day}-{self.region}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("sales")

class CleanSales(nbflow.Task):
    "Sales without returns."
    day: dt.date
    region: str
    seconds: float = nbflow.FloatParameter(default=0.0, significant=False)
    def requires(self):
        return RawSales(day=self.day, region=self.region)
    def output(self):
        return nbflow.LocalTarget(f"clean-{self.day}-{self.region}.txt")
    def run(self):
        self.status(f"cleaning {self.region}")
        time.sleep(self.seconds)  # work that a person watches
        with self.output().open("w") as file:
            file.write("clean")

class Features(nbflow.Task):
    day: dt.date
    regions: tuple[str, ...] = ("DE", "FR", "UK", "US")
    seconds: float = nbflow.FloatParameter(default=0.0, significant=False)
    def requires(self):
        return [CleanSales(day=self.day, region=r, seconds=self.seconds) for r in self.regions]
    def output(self):
        return nbflow.LocalTarget(f"features-{self.day}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("features")

class Weather(nbflow.Task):
    station: str = "EDDM"
    def output(self):
        return nbflow.LocalTarget(f"weather-{self.station}.txt")
    def run(self):
        measured = {"wind": 3}
        raise KeyError("amount")

class TrainModel(nbflow.Task):
    day: dt.date
    kind: str = "linear"
    def requires(self):
        return [Features(day=self.day), *([Weather()] if self.kind == "gbm" else [])]
    def output(self):
        return nbflow.LocalTarget(f"model-{self.day}-{self.kind}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("model")

class Report(nbflow.Task):
    "The day's report."
    day: dt.date
    kinds: tuple[str, ...] = ("linear", "gbm")
    def requires(self):
        return [TrainModel(day=self.day, kind=kind) for kind in self.kinds]
    def output(self):
        return nbflow.LocalTarget(f"report-{self.day}-{len(self.kinds)}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("report")
"""

#: A wide graph whose size is given: one `Whole` above `count` parts.
WIDE = """
%load_ext nbflow
import nbflow, time

class Part(nbflow.Task):
    n: int
    seconds: float = nbflow.FloatParameter(default=0.0, significant=False)
    run_number: int = 0
    def output(self):
        return nbflow.MockTarget(f"part-{self.n}-{self.run_number}")
    def run(self):
        self.status(f"step {self.n}")
        time.sleep(self.seconds)  # work that a person watches
        with self.output().open("w") as file:
            file.write("x")

class Whole(nbflow.Task):
    count: int = 20
    seconds: float = nbflow.FloatParameter(default=0.0, significant=False)
    run_number: int = 0
    def requires(self):
        return [Part(n=n, seconds=self.seconds, run_number=self.run_number)
                for n in range(self.count)]
    def output(self):
        return nbflow.MockTarget(f"whole-{self.count}-{self.run_number}")
    def run(self):
        with self.output().open("w") as file:
            file.write("x")
"""
