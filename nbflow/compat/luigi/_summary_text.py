"""The summary of a run as Luigi prints it (W-74, W-75); private values are masked (Q-40)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.core.errors import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.compat.luigi._partition import Partition
    from nbflow.core.model.parameters import Parameter
    from nbflow.core.model.task import Task

_RULE = "===== Luigi Execution Summary ====="
#: Characters of names and of the first task's text above which values are left out.
_LONG_NAMES, _LONG_TEXT = 60, 200
_LONG_NAMES_OF_TWO, _LONG_TEXT_OF_TWO = 40, 100
#: Characters of listed values after which the rest is left out.
_LONG_LIST = 30


def summary_text(
    partition: Partition, tasks: Mapping[str, Task], last_line: str, *, families: int
) -> str:
    """Tell how a run ended.

    Parameters
    ----------
    tasks
        The tasks by id.
    last_line
        What to make of it.
    families
        How many are listed for each outcome; 0: all.
    """
    total = partition.total
    if not total:
        return f"\n{_RULE}\n\nDid not schedule any tasks\n\n{_RULE}\n"
    lines = [f"Scheduled {total} tasks of which:"]
    for label, ids in _outcomes(partition):
        lines += _section(f"* {len(ids)} {label}:", ids, tasks, families, indent=4)
    pending = partition.pending
    if pending:
        lines.append(f"* {len(pending)} were left pending, among these:")
    for label, ids in _reasons(partition):
        lines += _section(f"    * {len(ids)} {label}:", ids, tasks, families, indent=8)
    lines.append("")
    if not partition.completed and not partition.ever_failed:
        lines.append("Did not run any tasks")
    body = "\n".join([*lines, last_line])
    return f"\n{_RULE}\n\n{body}\n\n{_RULE}\n"


def _outcomes(partition: Partition) -> tuple[tuple[str, set[str]], ...]:
    return (
        ("complete ones were encountered", partition.already_done),
        ("ran successfully", partition.completed),
        ("failed", partition.failed),
        ("failed scheduling", partition.scheduling_error),
    )


def _reasons(partition: Partition) -> tuple[tuple[str, set[str]], ...]:
    return (
        ("were missing external dependencies", partition.missing_external),
        ("were being run by another worker", partition.run_elsewhere),
        ("had failed dependencies", partition.upstream_failed),
        ("had missing dependencies", partition.upstream_missing),
        (
            "had dependencies that were being run by other worker",
            partition.upstream_elsewhere,
        ),
        ("had dependencies whose scheduling failed", partition.upstream_scheduling_error),
        ("was not granted run permission by the scheduler", partition.not_run),
    )


def _section(
    head: str, ids: set[str], tasks: Mapping[str, Task], families: int, *, indent: int
) -> list[str]:
    if not ids:
        return []
    by_family: dict[str, list[Task]] = {}
    for task in sorted((tasks[task_id] for task_id in ids), key=str):
        by_family.setdefault(task.task_family, []).append(task)
    margin = " " * indent
    shown = sorted(by_family)[: families or None]
    lines = [f"{margin}- {len(by_family[one])} {describe(one, by_family[one])}" for one in shown]
    return [head, *lines, *([f"{margin}..."] if len(shown) < len(by_family) else [])]


def describe(family: str, tasks: Sequence[Task]) -> str:
    """Name tasks of one family, which are sorted by their text, on one line."""
    parameters = dict(type(tasks[0]).get_params())
    if not parameters:
        return f"{family}()"
    if _is_long(tasks, parameters):
        return f"{family}(...)"
    if len(parameters) == 1:
        ((name, parameter),) = parameters.items()
        return f"{family}({name}={_values(tasks, name, parameter)})"
    name = _varying(tasks, parameters)
    run = _consecutive(tasks, name, parameters[name]) if name and len(tasks) > 2 else None
    if run is not None:
        values = {each: _shown(tasks[0], each, parameter) for each, parameter in parameters.items()}
        values[name] = run
        return f"{family}({', '.join(f'{each}={text}' for each, text in values.items())})"
    first = tasks[0].describe()
    if len(tasks) == 2:
        return f"{first} and {tasks[1].describe()}"
    return first if len(tasks) == 1 else f"{first} ..."


def _is_long(tasks: Sequence[Task], parameters: Mapping[str, Any]) -> bool:
    names = sum(map(len, parameters))
    text = len(tasks[0].describe())
    if len(tasks) == 2 and len(parameters) > 1:
        return names > _LONG_NAMES_OF_TWO or text > _LONG_TEXT_OF_TWO
    return names > _LONG_NAMES or text > _LONG_TEXT


def _values(tasks: Sequence[Task], name: str, parameter: Parameter[Any]) -> str:
    """The values of the only parameter: a run of them, or a list that may be cut."""
    run = _consecutive(tasks, name, parameter) if len(tasks) > 3 else None
    if run is not None:
        return run
    text = ""
    for count, task in enumerate(tasks):
        last = count == len(tasks) - 1
        long = len(text) >= _LONG_LIST and count > 2 and not last
        if long or len(text) > _LONG_TEXT:
            return f"{text}..."
        text += _shown(task, name, parameter) + ("" if last else ",")
    return text


def _varying(tasks: Sequence[Task], parameters: Iterable[str]) -> str:
    """The one parameter in which the tasks differ; "" where there is none, or several."""
    varying = [name for name in parameters if len({getattr(task, name) for task in tasks}) > 1]
    return varying[0] if len(varying) == 1 else ""


def _consecutive(tasks: Sequence[Task], name: str, parameter: Parameter[Any]) -> str | None:
    """`first...last` where each value follows another one; None where they do not."""
    values = {getattr(task, name): task for task in tasks}
    try:
        followers = {parameter.next_in_enumeration(value) for value in values}
    except (TypeError, OverflowError, ValueError, AttributeError):
        return None  # a value that was not of the parameter's type, or has nothing after it
    firsts = values.keys() - followers
    lasts = [value for value in values if parameter.next_in_enumeration(value) not in values]
    if len(firsts) != 1 or len(lasts) != 1:
        return None
    first, last = values[firsts.pop()], values[lasts[0]]
    return f"{_shown(first, name, parameter)}...{_shown(last, name, parameter)}"


def _shown(task: Task, name: str, parameter: Parameter[Any]) -> str:
    return MASK if parameter.is_private else parameter.serialize(getattr(task, name))
