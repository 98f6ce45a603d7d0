"""What the tasks of a module are, as plain data that two processes can compare.

`python -m nbflow.notebook.describe FILE` imports a module as production would, and prints it.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import redirect_stdout
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from nbflow.core.model.code_hash import code_hash
from nbflow.core.model.registry import definition_of
from nbflow.core.model.task import Task, requirements_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType

    from nbflow.core.model.parameters.base import Parameter

#: Tasks of one graph that are compared.
TASK_LIMIT = 10_000
#: Differences that are told.
_TOLD = 20


def describe_tasks(classes: Iterable[type[Task]]) -> dict[str, Any]:
    """Parameters, code and graph of each class, by family; everything is JSON."""
    return {cls.task_family: _describe(cls) for cls in classes}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """What differs between two descriptions, in words; `one` is what should be."""
    found = [f"{family} is missing" for family in one if family not in other]
    found += [f"{family} is there besides" for family in other if family not in one]
    for family in one:
        if family in other:
            found += _compare(family, one[family], other[family])
    hidden = len(found) - _TOLD
    return [*found[:_TOLD], f"… and {hidden} more"] if hidden > 0 else found


def tasks_in(module: ModuleType) -> list[type[Task]]:
    """Classes of tasks that the module itself defines, in order."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Task)
        and value.__module__ == module.__name__
    ]


def _describe(cls: type[Task]) -> dict[str, Any]:
    parameters = definition_of(cls).parameters
    described: dict[str, Any] = {
        "parameters": {each.name: _parameter(each) for each in parameters},
        "code": code_hash(cls),
    }
    if all(each.has_default for each in parameters):
        described["graph"] = _graph(cls)
    return described


def _parameter(parameter: Parameter[Any]) -> str:
    if not parameter.has_default:
        return f"{parameter.type_label}, required"
    default = str(parameter.serialize(parameter.default))
    if parameter.is_private:
        default = sha256(default.encode()).hexdigest()[:8]
    return f"{parameter.type_label} = {default}"


def _graph(cls: type[Task]) -> dict[str, list[str]] | str:
    """The tasks under the one with all defaults: id to ids of its requirements; or what failed."""
    try:
        return dict(_walk(cls()))
    except Exception as error:  # noqa: BLE001 - the user's requires() may raise anything
        return f"{type(error).__name__}: {error}"


def _walk(root: Task) -> Iterator[tuple[str, list[str]]]:
    waiting, seen = [root], {root.task_id}
    while waiting and len(seen) <= TASK_LIMIT:
        task = waiting.pop()
        required = requirements_of(task)
        yield task.task_id, [each.task_id for each in required]
        for each in required:
            if each.task_id not in seen:
                seen.add(each.task_id)
                waiting.append(each)


def _compare(family: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for name, wanted in one["parameters"].items():
        there = other["parameters"].get(name)
        if there is None:
            yield f"{family} has no parameter {name}"
        elif there != wanted:
            yield f"{family}.{name} is {there} instead of {wanted}"
    for name in other["parameters"]:
        if name not in one["parameters"]:
            yield f"{family} has a parameter {name} besides"
    if one["code"] != other["code"]:
        yield f"{family} has other code"
    if one.get("graph") != other.get("graph"):
        yield f"{family} has another graph: {_graph_words(one.get('graph'), other.get('graph'))}"


def _graph_words(one: Any, other: Any) -> str:
    told = [each if isinstance(each, str) else f"{len(each or ())} tasks" for each in (other, one)]
    if told[0] != told[1] or isinstance(one, str):
        return f"{told[0]} instead of {told[1]}"
    task_id = next((each for each in one if one[each] != other.get(each)), "")
    return f"{task_id} requires {other.get(task_id, 'nothing')} instead of {one.get(task_id)}"


def main(path: str) -> None:
    """Import the file at `path` under its name and print its description, or what it raised."""
    from importlib.util import module_from_spec, spec_from_file_location

    name = os.path.splitext(os.path.basename(path))[0]
    spec = spec_from_file_location(name, path)
    assert spec is not None, "a .py file has a loader"
    assert spec.loader is not None, "a .py file has a loader"
    module = sys.modules[name] = module_from_spec(spec)
    with redirect_stdout(sys.stderr):  # what the module prints is not the answer
        try:
            spec.loader.exec_module(module)
            told: dict[str, Any] = {"tasks": describe_tasks(tasks_in(module))}
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code
            told = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
