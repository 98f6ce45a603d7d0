"""W4: what is complete: 10,000 tasks under an incomplete root, and a complete root once more."""

from __future__ import annotations

from statistics import median

from benchmarks.rows import Row
from benchmarks.script import run

SIZES = (10_000,)

#: Two roots that differ by nothing but the number of complete tasks below them, in turn.
CHECKED = """
import json, os, sys, time
import nbflow

class Leaf(nbflow.Task):
    i = nbflow.IntParameter()
    def output(self):
        return nbflow.LocalTarget(f"out/{self.i}")

class Root(nbflow.Task):
    n = nbflow.IntParameter()
    def requires(self):
        return [Leaf(i=i) for i in range(self.n)]
    def output(self):
        return nbflow.LocalTarget(f"root/{self.n}")
    def run(self):
        with self.output().open("w") as file:
            file.write("x")

size = int(sys.argv[1])
store = {"memory:": {"store": "memory:"}, "defaults": {}}[sys.argv[2]]
os.mkdir("out")
for i in range(size):
    open(f"out/{i}", "w").close()

def cost(root):
    before = time.process_time()
    nbflow.run(root, **store)
    return time.process_time() - before

cost(Root(n=3))
few = cost(Root(n=1))
many = cost(Root(n=size))
again = []
for _ in range(21):
    before = time.process_time()
    nbflow.run(Root(n=size), **store)
    again.append(time.process_time() - before)
print(json.dumps([(many - few) / size * 1e6, sorted(again)[10] * 1e3]))
"""

LUIGI = """
import json, logging, os, sys, time
import luigi

class Leaf(luigi.Task):
    i = luigi.IntParameter()
    def output(self):
        return luigi.LocalTarget(f"out/{self.i}")

class Root(luigi.Task):
    n = luigi.IntParameter()
    def requires(self):
        return [Leaf(i=i) for i in range(self.n)]
    def output(self):
        return luigi.LocalTarget(f"root/{self.n}")
    def run(self):
        with self.output().open("w") as file:
            file.write("x")

size = int(sys.argv[1])
os.mkdir("out")
for i in range(size):
    open(f"out/{i}", "w").close()

def cost(root):
    before = time.process_time()
    luigi.build([root], local_scheduler=True, log_level="CRITICAL")
    return time.process_time() - before

cost(Root(n=3))
few = cost(Root(n=1))
many = cost(Root(n=size))
again = sorted(cost(Root(n=size)) for _ in range(5))
print(json.dumps([(many - few) / size * 1e6, again[2] * 1e3]))
"""

PROGRAMS = (
    ("nbflow, memory:", CHECKED, "memory:", "<= 8 µs", 1.0),
    ("nbflow, defaults", CHECKED, "defaults", "<= 8 µs", 5.0),
    ("luigi", LUIGI, "", "", None),
)


def measure(sizes: tuple[int, ...], rounds: int) -> list[Row]:
    """The rows of the table."""
    rows = []
    for size in sizes:
        found: dict[str, list[tuple[float, float]]] = {name: [] for name, *_ in PROGRAMS}
        for _ in range(rounds):
            for name, code, store, *_rest in PROGRAMS:
                found[name].append(tuple(run(code, size, store)))
        for name, _, _, asked, again in PROGRAMS:
            checked = median(one for one, _ in found[name])
            met = checked <= 8 if asked else None
            rows.append(Row("W4 complete", name, checked, "µs", size, limit=asked, met=met))
            second = median(two for _, two in found[name])
            limit = "" if again is None else f"<= {again:g} ms in all"
            met = None if again is None else second <= again
            rows.append(Row("W4 again", name, second, "ms", size, limit=limit, met=met))
    return rows
