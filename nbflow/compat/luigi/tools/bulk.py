"""Which points of a range are missing, by one question for all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from nbflow.core.model.nested import flatten_output
from nbflow.core.model.target import FileSystemTarget
from nbflow.core.model.task import BulkCompleteNotImplementedError, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from nbflow.compat.luigi.tools.range_base import RangeBase
    from nbflow.core.model.target import FileSystem


def missing_in_bulk(of_range: RangeBase, points: Sequence[datetime]) -> list[datetime]:
    """Give those of `points` at which the task of a range is not complete.

    Its class's `bulk_complete` says so; without one the files do that its tasks declare, listed
    together; for other targets each task is asked.
    """
    values = {of_range.datetime_to_parameter(point): point for point in points}
    try:
        complete = set(_bulk_complete(of_range, list(values)))
    except NotImplementedError:
        return _missing_by_files(points, of_range._instantiate_task_cls)
    return [point for value, point in values.items() if value not in complete]


def _bulk_complete(of_range: RangeBase, values: list[Any]) -> Iterable[Any]:
    """What the class says of `values`; the tasks that it makes have `of_params` too (X-14)."""
    method: Any = of_range._of.bulk_complete
    function = getattr(method, "__func__", None)
    if function is Task.bulk_complete.__func__:  # type: ignore[attr-defined]
        raise BulkCompleteNotImplementedError
    found: Iterable[Any]
    found = method(values) if function is None else function(_maker(of_range), values)
    return found


def _maker(of_range: RangeBase) -> Callable[..., Task]:
    """The class, as `bulk_complete` may call it: with the value of a point, by position or name."""
    make = partial(of_range._of, **of_range.of_params)
    name = of_range._param_name
    if name == next((each for each, one in of_range._of.get_params() if one.positional), None):
        return make
    return lambda *values, **named: make(**dict(zip((name,), values, strict=False)), **named)


def infer_bulk_complete_from_fs(
    datetimes: Sequence[datetime],
    datetime_to_task: Callable[[datetime], Task],
    datetime_to_re: Callable[[datetime], str] | None = None,
) -> list[datetime]:
    """Give those of `datetimes` at which a file is missing that the task declares.

    Parameters
    ----------
    datetime_to_re
        A pattern of the paths; not used, for each file is asked for by its name (X-18).
    """
    del datetime_to_re
    return _missing_by_files(datetimes, datetime_to_task)


def _missing_by_files(
    points: Sequence[datetime], make: Callable[[datetime], Task]
) -> list[datetime]:
    tasks = {point: make(point) for point in points}
    targets = {point: flatten_output(task) for point, task in tasks.items()}
    files = [each for its in targets.values() for each in its if isinstance(each, FileSystemTarget)]
    if not files or len(files) < sum(map(len, targets.values())):
        return [point for point, task in tasks.items() if not task.complete()]
    existing: set[object] = _existing(files)
    return [point for point, its in targets.items() if not its or not existing.issuperset(its)]


def _existing(targets: Iterable[FileSystemTarget]) -> set[Any]:
    """Those targets that exist, by one question a file system."""
    by_system: dict[int, tuple[FileSystem, list[FileSystemTarget]]] = {}
    for target in targets:
        by_system.setdefault(id(target.fs), (target.fs, []))[1].append(target)
    found: set[Any] = set()
    for system, its in by_system.values():
        ask = getattr(system, "exists_many", None)
        if ask is None:
            found.update(target for target in its if system.exists(target.path))
        else:
            paths = ask([target.path for target in its])
            found.update(target for target in its if target.path in paths)
    return found
