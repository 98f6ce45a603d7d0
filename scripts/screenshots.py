"""Pictures of nbflow in JupyterLab: each cell is run and taken in light and dark, at two widths.

The notebooks that they show are made here and run on the flights of the example; nothing in a
picture is drawn by hand.
"""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from lab import DARK, LIGHT, Lab, Notebook, chromium, jupyter_lab, write_notebook  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

IMAGES = ROOT / "docs" / "images"
WIDTHS = (800, 1600)
#: So high that no cell lies outside the window.
HEIGHT = 4000
THEMES = {"light": LIGHT, "dark": DARK}
#: Pixels around what is taken.
MARGIN = 4

LOAD = "%load_ext nbflow\nfrom flights.tasks import *\nimport datetime as dt"

#: A task with a mistake, between two good ones.
DELAYS = """
import nbflow
import pandas as pd

class Delays(nbflow.Task):
    "Flights that left late, by airline."
    month: dt.date = nbflow.MonthParameter()

    def requires(self):
        return MonthFlights(month=self.month)

    def output(self):
        return nbflow.LocalTarget(f"data/delays-{self.month:%Y-%m}.csv")

    def run(self):
        flights = pd.read_parquet(self.input().path)
        late = flights[flights["delay"] > 15]
        late.groupby("carrier").size().to_csv(self.output().path)

class Ranking(nbflow.Task):
    "Airlines, the most punctual first."
    month: dt.date = nbflow.MonthParameter()

    def requires(self):
        return [Delays(month=self.month), MonthWeather(month=self.month)]

    def output(self):
        return nbflow.LocalTarget(f"data/ranking-{self.month:%Y-%m}.csv")

    def run(self):
        with self.output().open("w") as file:
            file.write("airline,late")
"""


#: A fan of models beside it.
COMPARISON = """
class Comparison(nbflow.Task):
    "Which penalty predicts best."
    learn: dt.date = nbflow.MonthParameter()

    def requires(self):
        tests = [dt.date(2013, month, 1) for month in (4, 5)]
        models = [
            DelayModel(learn=self.learn, test=test, ridge=ridge)
            for test in tests for ridge in (0.1, 10.0)
        ]
        return [*models, Delays(month=self.learn)]

    def output(self):
        return nbflow.LocalTarget(f"data/comparison-{self.learn:%Y-%m}.csv")

    def run(self):
        with self.output().open("w") as file:
            file.write("ridge,error")
"""


@dataclass(frozen=True)
class Shot:
    """One picture: cells that come before, the cell that is shown, and when it is taken."""

    name: str
    cell: str
    before: tuple[str, ...] = ()
    #: Waits for what is to be seen; None: for the end of the cell.
    moment: Callable[[Notebook, int], None] | None = None


def half_way(notebook: Notebook, cell: int) -> None:
    """Wait until the live card tells of a share of tasks that is done, and of others that run."""
    notebook.outputs(cell).locator("img").first.wait_for()
    notebook.page.wait_for_function(
        r"""() => [...document.querySelectorAll('[data-nbflow="run"]')].some(card => {
             const said = /([\d,]+) of ([\d,]+) done · [1-9]/.exec(card.innerText);
             if (!said) return false;
             const [done, all] = said.slice(1).map(text => +text.replace(",", ""));
             return done > 0.45 * all && done < 0.9 * all;
           })"""
    )


def chosen(notebook: Notebook, cell: int) -> None:
    """Choose the task that failed in a graph to look around in."""
    notebook.wait_for_end()
    failed = notebook.outputs(cell).locator(".nd[aria-label$=', failed']")
    failed.first.locator(".bx").click()
    notebook.outputs(cell).locator(".detail", has_text="KeyError").wait_for()


def filled_in(notebook: Notebook, cell: int) -> None:
    """Fill in a form, and ask what a run would do."""
    notebook.wait_for_end()
    form = notebook.outputs(cell)
    form.get_by_label("learn").fill("2013-01")
    form.get_by_label("test").fill("2013-05")
    form.get_by_role("button", name="Plan").click()
    form.locator(".plan-box [data-nbflow]").wait_for()


def overview(notebook: Notebook, cell: int) -> None:
    """Wait until the first page tells of what ran, with a run that goes on."""
    notebook.wait_for_end()
    notebook.outputs(cell).get_by_text("in the last 24 hours").wait_for()
    notebook.outputs(cell).get_by_text(re.compile(r"[1-9]\d of \d+ done")).first.wait_for()


SHOTS = (
    Shot("run", "%nbflow run flights.MonthlyReport month=2013-01", before=(LOAD,)),
    Shot("failure", "%nbflow run Ranking month=2013-03", before=(LOAD, DELAYS)),
    Shot("year", "%nbflow dag flights.YearReport year=2013", before=(LOAD,)),
    Shot(
        "live",
        "%nbflow run flights.YearReport year=2013 --workers 2",
        before=(LOAD,),
        moment=half_way,
    ),
    Shot(
        "graph",
        "result.dag.view()",
        before=(
            LOAD,
            DELAYS + COMPARISON,
            "result = %nbflow run Comparison learn=2013-01 --no-raise",
        ),
        moment=chosen,
    ),
    Shot("plan", "%nbflow plan flights.DelayModel learn=2013-01 test=2013-04", before=(LOAD,)),
    Shot(
        "form",
        "%nbflow params flights.DelayModel --form",
        before=(LOAD,),
        moment=filled_in,
    ),
    Shot("model", "%nbflow run flights.DelayModel learn=2013-01 test=2013-02", before=(LOAD,)),
    Shot("task", "DailyReport(date=dt.date(2013, 2, 8))", before=(LOAD,)),
    Shot("parameters", "%nbflow params flights.DelayModel", before=(LOAD,)),
    Shot(
        "timeline",
        "%nbflow timeline",
        before=(
            LOAD,
            DELAYS + COMPARISON,
            "result = %nbflow run Comparison learn=2013-02 --no-raise --workers 2",
        ),
    ),
    Shot("history", "%nbflow history --limit 5", before=(LOAD,)),
    Shot(
        "dashboard",
        "%nbflow dashboard",
        before=(LOAD, "run = %nbflow run flights.YearReport --force=flights.DailyReport --bg"),
        moment=overview,
    ),
)


def take(lab: Lab, shot: Shot) -> None:
    """Run one notebook and take its last cell in every theme and width."""
    path = write_notebook(lab.server.root / "flights.ipynb", [*shot.before, shot.cell])
    lab.set_theme(LIGHT)
    lab.set_width(WIDTHS[-1], HEIGHT)
    notebook = lab.open(path.name)
    cell = len(shot.before)
    notebook.run(*range(cell))
    if shot.moment is None:
        notebook.run(cell)
        notebook.page.wait_for_load_state("networkidle")
        photograph(notebook, cell, shot.name, WIDTHS, THEMES)
    else:
        notebook.begin(cell)
        shot.moment(notebook, cell)
        with lab.server.stopped():
            photograph(notebook, cell, shot.name, WIDTHS, THEMES)
        notebook.wait_for_end()
    notebook.close()


def photograph(
    notebook: Notebook, cell: int, name: str, widths: Sequence[int], themes: dict[str, str]
) -> None:
    """Save the cell, from its input to the end of its output; it is not the active one."""
    notebook.select(0)
    for theme, named in themes.items():
        notebook.lab.set_theme(named)
        for width in widths:
            notebook.lab.set_width(width, HEIGHT)
            box = notebook.page.evaluate(
                """(cell) => {
                  const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
                  const at = panel.querySelectorAll('.jp-Cell')[cell];
                  const cards = [...at.querySelectorAll('.jp-OutputArea-output > *')]
                    .map(e => e.getBoundingClientRect()).filter(b => b.width);
                  const input = at.querySelector('.jp-InputArea').getBoundingClientRect();
                  return {
                    left: input.left, top: input.top,
                    right: Math.max(...cards.map(b => b.right)),
                    bottom: Math.max(...cards.map(b => b.bottom)),
                  };
                }""",
                cell,
            )
            clip = {
                "x": box["left"],
                "y": box["top"] - MARGIN,
                "width": min(width, box["right"] + MARGIN) - box["left"],
                "height": box["bottom"] - box["top"] + 2 * MARGIN,
            }
            path = IMAGES / f"{name}-{theme}-{width}.png"
            notebook.page.screenshot(path=path, clip=clip)
            print(path.relative_to(ROOT), f"{path.stat().st_size / 1000:.0f} kB")


def main(names: Sequence[str]) -> int:
    """Take the pictures that are named, or all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    chosen = [shot for shot in SHOTS if not names or shot.name in names]
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        environment = {"PYTHONPATH": str(ROOT / "examples")}
        root = Path(folder, "flights")  # what the project is called
        root.mkdir()
        with jupyter_lab(root, **environment) as server, chromium() as browser:
            lab = Lab(browser.new_context(device_scale_factor=1).new_page(), server)
            lab.start()
            for shot in chosen:
                take(lab, shot)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
