"""The notebook's figures, in a real kernel and a real JupyterLab: messages, bytes, time to paint.

Its means are those of the tests, which hold the counts; here times are measured as well.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "magics"), str(ROOT / "tests" / "browser")]

from kernels import kernel  # noqa: E402
from lab import Lab, Notebook, chromium, jupyter_lab, write_notebook  # noqa: E402

#: Tasks of the live run; tasks of the graph that is painted.
SIZES = (1_000, 10_000)
RERUNS = 20

TASKS = """
%load_ext nbflow
import nbflow, time

class Part(nbflow.Task):
    n: int
    seconds: float = nbflow.FloatParameter(default=0.0, significant=False)
    label: str = ""
    def output(self):
        return nbflow.LocalTarget(f"out/part-{self.n}-{self.label}.txt")
    def run(self):
        time.sleep(self.seconds)  # the work that is measured
        with self.output().open("w") as file:
            file.write("x")

class Whole(nbflow.WrapperTask):
    count: int = 20
    seconds: float = nbflow.FloatParameter(default=0.0, significant=False)
    label: str = ""
    def requires(self):
        return [Part(n=n, seconds=self.seconds, label=self.label) for n in range(self.count)]

class Chain(nbflow.Task):
    n: int
    seconds: float = nbflow.FloatParameter(default=0.1, significant=False)
    def requires(self):
        return [Chain(n=self.n - 1, seconds=self.seconds)] if self.n else []
    def output(self):
        return nbflow.MockTarget(f"chain-{self.n}")
    def run(self):
        time.sleep(self.seconds)  # the work that is measured
        with self.output().open("w") as file:
            file.write("x")
"""

#: Adds up what drawing costs the kernel: seconds of the clock, and of CPU.
METERED = """
from nbflow.display.render import LiveCard
import time
spent = {"clock": 0.0, "cpu": 0.0}
def metered(draw):
    def draw_and_measure(self, *given):
        clock, cpu = time.perf_counter(), time.thread_time()
        try:
            return draw(self, *given)
        finally:
            spent["clock"] += time.perf_counter() - clock
            spent["cpu"] += time.thread_time() - cpu
    return draw_and_measure
LiveCard.draw, LiveCard.finish = metered(LiveCard.draw), metered(LiveCard.finish)
"""

COMPLETION = """
tasks = [type(f'Task{n:03}', (nbflow.Task,), {'__module__': '__main__',
         **{f'p{k}': nbflow.IntParameter(default=k) for k in range(10)}}) for n in range(500)]
"""
COMPLETED = ("%nbflow run ", "%nbflow run Task4", "%nbflow run Task123 ", "%nbflow run Task123 p3=")


def measure(sizes: tuple[int, ...], rounds: int) -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        project = Path(folder)
        (project / "nbflow.toml").touch()
        rows = [*_loading(project, rounds), *_live_run(project, sizes[0]), *_completion(project)]
        return rows + _browser(project, sizes)


def _row(what: str, value: float, unit: str, at_most: float | None, *, size: int = 0) -> Row:
    limit = "" if at_most is None else f"<= {at_most:,g} {unit}"
    met = None if at_most is None else value <= at_most
    return Row("notebook", what, value, unit, size=size, limit=limit, met=met)


def _value(running: Any, expression: str) -> Any:
    out = running.run(f"import json; print(json.dumps({expression}))")
    return json.loads(out.stream)


def _loading(project: Path, rounds: int) -> list[Row]:
    took = []
    for _ in range(rounds):
        with kernel(project) as running:
            running.run(
                "import time; began = time.perf_counter()\n%load_ext nbflow\n"
                "took = time.perf_counter() - began"
            )
            took.append(_value(running, "took") * 1e3)
    return [_row("T-01 %load_ext", median(took), "ms", 300)]


def _live_run(project: Path, count: int) -> list[Row]:
    """Messages, bytes and cost of a live card; how soon the prompt is back with --bg."""
    with kernel(project, NBFLOW_DISPLAY="live") as running:
        running.run(TASKS + METERED)
        began = time.perf_counter()
        out = running.run(f"r = %nbflow run Whole count={count} seconds=0.005 --workers 4")
        wall = time.perf_counter() - began
        spent = _value(running, "spent")
        sent = [m for m in out.messages if "display_data" in m["msg_type"]]
        messages, size = _busiest(sent)
        recoloured = running.run("r = %nbflow run Chain n=39")
        sizes = [_size(m) for m in recoloured.messages if m["msg_type"] == "update_display_data"]
        pulses = sorted(sizes)[: len(sizes) * 3 // 4]
        back = running.run("run = %nbflow run Whole count=50 seconds=0.05 label=bg --bg")
        running.run("result = run.wait(60)")
    return [
        _row("T-05 messages in the busiest second", messages, "", 20, size=count),
        _row("T-05 kB in the busiest second", size / 1e3, "kB", 300, size=count),
        _row("T-05 messages a second", len(sent) / wall, "", None, size=count),
        _row("T-05 drawing, of the run's time", spent["clock"] / wall * 100, "%", 5, size=count),
        _row("T-05 drawing, of one core", spent["cpu"] / wall * 100, "%", 10, size=count),
        _row("T-08 bytes of one recolouring", median(pulses), "B", 8_000, size=40),
        _row("T-10 prompt back with --bg", back.seconds * 1e3, "ms", 200, size=50),
    ]


def _completion(project: Path) -> list[Row]:
    with kernel(project) as running:
        running.run(TASKS + COMPLETION)
        took = []
        for _ in range(25):
            for line in COMPLETED:
                began = time.perf_counter()
                running.client.complete(line, reply=True, timeout=60)
                took.append((time.perf_counter() - began) * 1e3)
    took = sorted(took[len(COMPLETED) :])
    return [
        _row("T-02 TAB, 95 of 100", took[int(len(took) * 0.95)], "ms", 50, size=500),
        _row("T-02 TAB, the slowest", took[-1], "ms", 150, size=500),
    ]


def _browser(project: Path, sizes: tuple[int, ...]) -> list[Row]:
    """Time to paint, work of the page, growth of the file."""
    with jupyter_lab(project) as server, chromium() as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        lab = Lab(page, server)
        lab.start()
        painted = [_painting(lab, size) for size in sizes]
        return [*painted, _recolouring(lab), *_growth(lab)]


@contextmanager
def _opened(lab: Lab, *cells: str) -> Iterator[Notebook]:
    path = write_notebook(lab.server.root / "figures.ipynb", cells)
    notebook = lab.open(path.name)
    yield notebook
    notebook.close()


def _painting(lab: Lab, size: int) -> Row:
    with _opened(
        lab, TASKS, "%nbflow dag Whole count=30", f"%nbflow dag Whole count={size - 1}"
    ) as notebook:
        notebook.run(0, 1)  # the first drawing of a kernel imports what draws
        began = time.perf_counter()
        notebook.begin(2)
        notebook.wait_for_picture(2)
        seconds = time.perf_counter() - began
        notebook.wait_for_end()
    return _row("T-07 folded graph painted", seconds, "s", 1.5 if size <= 1_000 else 3, size=size)


def _recolouring(lab: Lab) -> Row:
    """What the page works for one recolouring of 40 boxes, less what it does while nothing is."""
    with _opened(lab, TASKS, "r = %nbflow run Chain n=39 seconds=0.25") as notebook:
        notebook.run(0)
        session = lab.page.context.new_cdp_session(lab.page)
        session.send("Performance.enable")

        def busy() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return {m["name"]: m["value"] for m in metrics}["TaskDuration"] * 1e3

        def spent(wait: Callable[[], object]) -> tuple[float, float]:
            began, before = time.perf_counter(), busy()
            wait()
            return busy() - before, time.perf_counter() - began

        idle, seconds = spent(lambda: lab.page.wait_for_timeout(4_000))
        notebook.begin(1)
        notebook.outputs(1).locator("svg .nd").first.wait_for(state="attached")
        worked, watched = spent(lambda: lab.page.wait_for_timeout(6_000))
        notebook.wait_for_end()
    # A card is drawn twice a second.
    each = max(0.0, worked - idle / seconds * watched) / (watched * 2)
    return _row("T-08 page's work for one recolouring", each, "ms", 50, size=40)


def _growth(lab: Lab) -> list[Row]:
    with _opened(lab, TASKS, "r = %nbflow run Whole count=24 --force='*'") as notebook:
        notebook.run(0, 1, 1)
        notebook.final_card(1)
        once = len(notebook.save())
        for _ in range(RERUNS):
            notebook.run(1)
        notebook.final_card(1)
        growth = len(notebook.save()) - once
        card = len(json.dumps(notebook.bundles(1))) / 1e3
    return [
        _row(f"T-19 growth over {RERUNS} runs", growth, "B", 64, size=25),
        _row("T-19 one card", card, "kB", 60, size=25),
    ]


def _size(message: dict[str, Any]) -> int:
    return len(json.dumps(message["content"]).encode())


def _busiest(messages: list[dict[str, Any]]) -> tuple[int, int]:
    """Most messages and most bytes within any second."""
    windows = [
        [m for m in messages if 0 <= m["received"] - first["received"] < 1] for first in messages
    ]
    return max(map(len, windows)), max(sum(map(_size, window)) for window in windows)
