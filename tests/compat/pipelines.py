"""Pipelines as data, and how each engine makes tasks of them and runs them."""

from __future__ import annotations

import itertools
import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi as real

from nbflow.compat import luigi as ours

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Kinds that end well when what they require does.
GOOD = ("plain", "wrapper", "external", "dynamic", "batch", "needy")
#: Kinds that do not.
BAD = ("failing", "flaky", "missing", "silent", "broken", "unasked", "disabled", "greedy")
_numbers = itertools.count()


@dataclass(frozen=True)
class Node:
    """One task; it requires nodes of lower numbers."""

    kind: str
    deps: tuple[int, ...] = ()
    #: Stages of nodes that a dynamic task yields.
    yields: tuple[tuple[int, ...], ...] = ()
    priority: int = 0
    #: Its output is there before the run.
    done: bool = False


@dataclass(frozen=True)
class Pipeline:
    """Nodes by number; the last is the root."""

    nodes: tuple[Node, ...]
    #: A failed task is tried a second time at once.
    retries: bool = False


@dataclass
class Outcome:
    """What one engine made of a pipeline."""

    ids: list[str]
    outputs: list[str]
    journal: list[int]
    text: str
    status: str
    succeeded: bool
    exit_code: int | None = None
    names: list[str] = field(default_factory=list)


@st.composite
def pipelines(
    draw: Any,
    *,
    kinds: Sequence[str] = GOOD + BAD,
    roots: Sequence[str] = ("plain", "wrapper"),
    retries: bool = True,
) -> Pipeline:
    """Directed graphs of up to twelve tasks."""
    nodes: list[Node] = []
    good: list[int] = []
    # A wrapper above a task whose complete() raises raises too in Luigi, and nothing below it
    # runs; nbflow runs what can run, and leaves the wrapper.
    raising: set[int] = set()
    for number in range(draw(st.integers(1, 11))):
        kind = draw(st.sampled_from(kinds))
        earlier = st.integers(0, max(number - 1, 0))
        deps: tuple[int, ...] = ()
        if number and kind not in {"external", "missing", "silent"}:
            deps = tuple(draw(st.lists(earlier, max_size=4, unique=True)))
        if kind == "wrapper":
            deps = tuple(dep for dep in deps if dep not in raising)
        if kind == "broken":
            raising.add(number)
        yields: tuple[tuple[int, ...], ...] = ()
        if kind == "dynamic" and good:
            # What is yielded ends well: Luigi counts the others twice.
            stage = st.lists(st.sampled_from(good), min_size=1, max_size=3, unique=True).map(tuple)
            yields = tuple(draw(st.lists(stage, max_size=2)))
        done = kind == "external" or (kind in {"plain", "failing"} and draw(st.integers(0, 5)) == 0)
        nodes.append(Node(kind, deps, yields, draw(st.integers(0, 2)), done))
        if kind in GOOD and all(dep in good for dep in deps):
            good.append(number)
    top = [n for n in range(len(nodes)) if not any(n in node.deps for node in nodes)]
    root = draw(st.sampled_from(["plain"] if raising else roots))
    nodes.append(Node(root, tuple(top)))
    return Pipeline(tuple(nodes), retries and draw(st.booleans()))


def make_tasks(library: Any, pipeline: Pipeline, folder: Path, tag: str) -> tuple[list[Any], Any]:
    """Tasks of the nodes, made of the classes of `library`, and the journal of their runs."""
    journal: list[int] = []
    tasks: list[Any] = []
    tried: set[int] = set()

    class Base(library.Task):
        n = library.IntParameter()

        @property
        def node(self) -> Node:
            return pipeline.nodes[self.n]

        @property
        def priority(self) -> int:
            return self.node.priority

        def requires(self) -> Any:
            return [tasks[dep] for dep in self.node.deps]

        def output(self) -> Any:
            return library.LocalTarget(str(folder / f"{self.n}.txt"))

        def run(self) -> Any:
            journal.append(self.n)
            self.write()

        def write(self) -> None:
            with self.output().open("w") as file:
                file.write(f"{self.n}\n")

    class Failing(Base):
        def run(self) -> None:
            journal.append(self.n)
            raise ValueError(self.n)

    class Flaky(Base):
        def run(self) -> None:
            journal.append(self.n)
            if self.n not in tried:
                tried.add(self.n)
                raise ValueError(self.n)
            self.write()

    class Dynamic(Base):
        def run(self) -> Any:
            for stage in self.node.yields:
                yield [tasks[n] for n in stage]
            journal.append(self.n)
            self.write()

    class Batch(Base):
        n = library.IntParameter(batch_method=max)
        max_batch_size = 2

        def output(self) -> Any:
            return library.LocalTarget(str(folder / "batch.txt"))

    class Silent(Base):
        def output(self) -> Any:
            return []

        def run(self) -> None:
            pass

    class Broken(Base):
        def complete(self) -> bool:
            raise ValueError(self.n)

    class Unasked(Base):
        def requires(self) -> Any:
            raise ValueError(self.n)

    class Disabled(Base):
        disabled = True

    class Needy(Base):
        resources = {"r": 1}

    class Greedy(Base):
        resources = {"r": 2}

    class External(library.ExternalTask):
        n = library.IntParameter()

        def output(self) -> Any:
            return library.LocalTarget(str(folder / f"{self.n}.txt"))

    class Wrapper(library.WrapperTask):
        n = library.IntParameter()

        def requires(self) -> Any:
            return [tasks[dep] for dep in pipeline.nodes[self.n].deps]

    classes = {
        "plain": Base,
        "failing": Failing,
        "flaky": Flaky,
        "dynamic": Dynamic,
        "batch": Batch,
        "silent": Silent,
        "broken": Broken,
        "unasked": Unasked,
        "disabled": Disabled,
        "needy": Needy,
        "greedy": Greedy,
        "external": External,
        "missing": External,
        "wrapper": Wrapper,
    }
    for cls in set(classes.values()):
        # A name of its own: Luigi cannot tell two classes of one name apart.
        cls.__name__ = f"{cls.__name__}{tag}"
    for number, node in enumerate(pipeline.nodes):
        tasks.append(classes[node.kind](number))
        if node.done:
            (folder / f"{number}.txt").write_text("there\n")
    return tasks, journal


def run_both(pipeline: Pipeline, folder: Path) -> tuple[Outcome, Outcome]:
    """What Luigi and nbflow make of the same pipeline, each in a folder of its own."""
    tag = f"X{next(_numbers)}"
    outcomes = []
    for library in (real, ours):
        place = folder / tag / library.__name__
        os.makedirs(place)
        outcomes.append(_run(library, pipeline, place, tag))
    return outcomes[0], outcomes[1]


def _run(library: Any, pipeline: Pipeline, folder: Path, tag: str) -> Outcome:
    config = library.configuration.get_config()
    config.set("scheduler", "retry_delay", "0" if pipeline.retries else "900")
    config.set("scheduler", "retry_count", "2")
    tasks, journal = make_tasks(library, pipeline, folder, tag)
    result = library.build(
        [tasks[-1]],
        local_scheduler=True,
        no_lock=True,
        log_level="CRITICAL",
        detailed_summary=True,
    )
    return Outcome(
        ids=[task.task_id for task in tasks],
        outputs=sorted(os.listdir(folder)),
        journal=journal,
        text=result.summary_text,
        status=result.status.name,
        succeeded=result.scheduling_succeeded,
        names=[str(task) for task in tasks],
    )
