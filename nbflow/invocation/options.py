"""The flags of a run as its options, and a line as the Python that does the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbflow import config
from nbflow.core.errors import MASK
from nbflow.invocation.grammar import format
from nbflow.invocation.tasks import resolved
from nbflow.session import Dag, RunOptions

if TYPE_CHECKING:
    from nbflow.core.model.task import Task
    from nbflow.invocation.grammar import Invocation

#: Flags that are options of the same name.
_OPTIONS = ("workers", "executor", "force", "fail_fast", "retry", "timeout", "tee", "name", "store")
#: Options that a setting decides where no flag does.
_SETTINGS = ("workers", "executor", "store")


def run_options(invocation: Invocation, task: Task, *, where: str) -> RunOptions:
    """The options of a run, from flags and then settings.

    Parameters
    ----------
    where
        The place that starts the run: "cli", or "cell In[3]".
    """
    given: dict[str, Any] = {name: config.value(name) for name in _SETTINGS}
    given |= {name: invocation.flags[name] for name in _OPTIONS if name in invocation.flags}
    line = command_line(invocation, task, shell=where == "cli")
    return RunOptions(**given, invocation=line, where=where)


def shown_part(dag: Dag, invocation: Invocation) -> Dag:
    """The part of a graph that the flags ask for, drawn as they say."""
    flags: Any = invocation.flags
    part = dag.select(up=flags.get("up", ""), down=flags.get("down", ""), depth=flags.get("depth"))
    return Dag(part.graph, rank=flags.get("rank", ""), expand="expand" in flags)


def command_line(invocation: Invocation, task: Task, *, shell: bool = True) -> str:
    """The line that does the same, its values resolved: for a terminal, or for a cell."""
    program = "nbflow" if shell else "%nbflow"
    flags = {name: flag for name, flag in invocation.flags.items() if name != "show_code"}
    line = format(replace(resolved(invocation, task), flags=flags), shell=shell)
    return f"{program} {line}"


def python_code(invocation: Invocation, task: Task) -> str:
    """The Python that does the same as the line; private values are left to the reader."""
    cls = type(task)
    parameters = dict(cls.get_params())
    line = resolved(invocation, task)
    arguments = [
        f"{name}={repr(MASK) if parameters[name].is_private else repr(getattr(task, name))}"
        for name in line.values
    ]
    options = [
        f"{name}={invocation.flags[name]!r}" for name in _OPTIONS if name in invocation.flags
    ]
    call = ", ".join([f"{cls.__name__}({', '.join(arguments)})", *options])
    lines = ["import datetime"] if "datetime." in call else []
    lines.append("import nbflow")
    name = cls.__qualname__.partition(".")[0]
    if ":" in cls.__module__ and invocation.source is not None:
        lines.append("from nbflow.notebook.load import import_notebook")
        lines.append(f"{name} = import_notebook({invocation.source!r}).{name}")
    elif ":" not in cls.__module__ and cls.__module__ != "__main__":
        lines.append(f"from {cls.__module__} import {name}")
    for name, value in line.upstream.items():
        family, _, parameter = name.rpartition(".")
        lines.append(f"# in nbflow.toml, below [tasks.{family}]: {parameter} = {value!r}")
    function = invocation.command if invocation.command in {"plan", "dag"} else "run"
    return "\n".join([*lines, f"nbflow.{function}({call})"])
