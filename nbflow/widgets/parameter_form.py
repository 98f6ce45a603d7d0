"""A form for the parameters of a task: checked as one types, planned, run.

What is private is sent by the page and kept here; it is in no trait, no line and no error.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar, cast

from nbflow.core.errors import BadValueError, NbflowError
from nbflow.core.model.arguments import build_task
from nbflow.core.model.definitions import newest
from nbflow.display import html, text
from nbflow.display.escape import visible
from nbflow.widgets.background import Background
from nbflow.widgets.controls import field_of, read, written
from nbflow.widgets.following import Following
from nbflow.widgets.run_view import run_card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbflow.core.graph import TaskGraph
    from nbflow.core.model.parameters import Parameter
    from nbflow.core.model.task import Task
    from nbflow.widgets.control import Control, RunHandle
    from nbflow.widgets.controls import Raw

#: Seconds that a plan may take to be made again by itself when a value changes.
_QUICK = 2.0


class ParameterForm(Following):
    """One control for each parameter of a task class, the line that does the same, and Run.

    Parameters
    ----------
    values
        What the controls hold first, by name.
    others
        Classes among which a person may choose, `cls` included; none: only `cls`.
    read_only
        Nothing can be run.
    """

    view = "form"
    fields: ClassVar[tuple[str, ...]] = (
        "title", "meaning", "controls", "raw", "errors", "problem", "valid", "line", "plan",
        "plan_html", "planning", "run_html", "running", "read_only", "families",
    )  # fmt: skip

    def __init__(
        self,
        cls: type[Task],
        control: Control,
        *,
        values: Mapping[str, object] | None = None,
        others: Sequence[type[Task]] = (),
        read_only: bool = False,
    ) -> None:
        super().__init__(None, control.settings, stays=True)
        self.control = control
        self.read_only = read_only
        self._others = {each.task_family: each for each in others}
        self._raw: dict[str, Raw] = {}
        self._private: dict[str, str] = {}
        #: Private values of the task that the form was made of; what is typed wins.
        self._kept: dict[str, object] = {}
        self._errors: dict[str, str] = {}
        self._problem = ""
        self._task: Task | None = None
        self._force = False
        self._load(cls)
        self._plan: TaskGraph | None = None
        self._plan_shown = False
        self._plan_seconds = 0.0
        self._planning = Background("nbflow-plan")
        self._on_change: list[Callable[[dict[str, Any]], None]] = []
        self._on_plan: list[Callable[[TaskGraph], None]] = []
        self._on_submit: list[Callable[[RunHandle], None]] = []
        for name, value in (values or {}).items():
            if self._parameters[name].is_private:
                self._kept[name] = value
            else:
                self._raw[name] = written(self._parameters[name], value)
        self._check()

    # -- for the person who holds it -------------------------------------------------------------

    @property
    def values(self) -> dict[str, Any]:
        """The values of the task as it stands, without private ones; those in error are absent."""
        found = {}
        for name in self._raw:
            if name not in self._errors and (name in self._given() or name in self._defaults()):
                found[name] = self._value(name)
        return found

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by name."""
        return dict(self._errors)

    @property
    def valid(self) -> bool:
        """Whether a task can be made of it."""
        return self._task is not None

    @property
    def task(self) -> Task | None:
        """The task of the values, None while something is wrong."""
        return self._task

    def on_change(self, callback: Callable[[dict[str, Any]], None]) -> None:
        """Call `callback` with the values when one changes; in any thread."""
        self._on_change.append(callback)

    def on_plan(self, callback: Callable[[TaskGraph], None]) -> None:
        """Call `callback` with each plan that is made of the values; in any thread."""
        self._on_plan.append(callback)

    def on_submit(self, callback: Callable[[RunHandle], None]) -> None:
        """Call `callback` with each run that is started here; in any thread."""
        self._on_submit.append(callback)

    # -- what the page asks for ------------------------------------------------------------------

    def act(self, action: str, message: Mapping[str, Any]) -> None:
        if action == "set":
            self._set(message.get("name"), message.get("value"))
        elif action == "task":
            self._choose(message.get("family"))
        elif action == "force":
            with self.lock:
                self._force = bool(message.get("on"))
            self._replan()
        elif action == "plan":
            with self.lock:
                self._plan_shown = bool(message.get("on"))
            self._replan(asked=True)
        elif action == "run":
            self._start()
        elif action == "cancel" and self.run is not None:
            self.run.cancel()

    def _set(self, name: Any, value: Any) -> None:
        parameter = self._parameters.get(name) if isinstance(name, str) else None
        if parameter is None or not _is_raw(value):
            return
        with self.lock:
            if parameter.is_private:
                self._private[name] = "" if value is None else str(value)
            else:
                self._raw[name] = value
            self._check()
        for callback in tuple(self._on_change):
            callback(self.values)
        self._replan()

    def _choose(self, family: Any) -> None:
        cls = self._others.get(family)
        if cls is None:
            return
        with self.lock:
            self._raw, self._private, self._kept, self._plan = {}, {}, {}, None
            self._load(cast("type[Task]", newest(cls)))
            self._check()
        self._replan()

    def _load(self, cls: type[Task]) -> None:
        """Take the parameters of a class; what was entered for those of the same name stays."""
        self._cls = cls
        self._parameters: dict[str, Parameter[Any]] = dict(cls.get_params())
        public = {n: p for n, p in self._parameters.items() if not p.is_private}
        self._first = {name: _first(parameter) for name, parameter in public.items()}
        entered = self._raw
        self._raw = {name: entered.get(name, first) for name, first in self._first.items()}
        self._private = {n: v for n, v in self._private.items() if n in self._parameters}

    def _start(self) -> None:
        with self.lock:
            task = self._task
            if self.read_only or task is None or self.follows:
                return
            self._problem = ""
            try:
                run = self.control.start(task, self._line(), force=self._force)
            except NbflowError as error:
                self._problem = f"{error.title}: {error}"
                return
        self.follow(run)
        for callback in tuple(self._on_submit):
            callback(run)

    def end(self) -> None:
        super().end()
        self._replan()

    # -- values ----------------------------------------------------------------------------------

    def _check(self) -> None:
        """Read every value, and make the task if all are right."""
        cls = cast("type[Task]", newest(self._cls))
        if cls is not self._cls:
            self._load(cls)  # a cell defined it again
        self._errors, self._problem, self._task = {}, "", None
        given: dict[str, Any] = {}
        for name, parameter in self._parameters.items():
            if name not in self._given():
                if not self._has_value(name, parameter):
                    self._errors[name] = "a value is needed"
                continue
            try:
                given[name] = self._value(name)
            except BadValueError as error:
                self._errors[name] = _reason(error)
        if self._errors:
            return
        try:
            self._task = build_task(self._cls, given)
        except NbflowError as error:
            self._problem = f"{error.title}: {error}"
        except Exception as error:  # noqa: BLE001 - the class may have an __init__ of its own
            self._problem = f"{type(error).__name__}: {error}"

    def _given(self) -> list[str]:
        """Names of the values that differ from what is there without them."""
        given = [name for name, raw in self._raw.items() if raw != self._first[name]]
        given += [name for name, raw in self._private.items() if raw]
        given += self._kept
        return [name for name in self._parameters if name in given]

    def _defaults(self) -> set[str]:
        return {name for name, each in self._parameters.items() if self._has_value(name, each)}

    def _has_value(self, name: str, parameter: Parameter[Any]) -> bool:
        return parameter.has_default or parameter.has_task_value(self._cls.task_family, name)

    def _value(self, name: str) -> Any:
        parameter = self._parameters[name]
        if not parameter.is_private:
            return read(parameter, self._raw[name])
        typed = self._private.get(name, "")
        return read(parameter, typed) if typed else parameter.from_object(self._kept[name])

    # -- the plan --------------------------------------------------------------------------------

    def _replan(self, *, asked: bool = False) -> None:
        """Let the plan be made anew, in a thread: it asks each task whether it is complete."""
        with self.lock:
            wanted = self._task, self._force
            if wanted[0] is None or (self._plan_seconds > _QUICK and not asked):
                self._plan = None
                return
        self._planning.ask(lambda: self._make_plan(*wanted))

    def _make_plan(self, task: Task | None, force: bool) -> None:
        if task is None or (task, force) != (self._task, self._force):
            return  # something else is wanted by now
        began = time.monotonic()
        plan, problem = None, ""
        try:
            plan = self.control.plan(task, force=force)
        except Exception as error:  # noqa: BLE001 - requires() and complete() are the user's
            problem = f"the plan failed: {type(error).__name__}: {error}"
        with self.lock:
            self._plan_seconds = time.monotonic() - began
            if (task, force) == (self._task, self._force):
                self._plan, self._problem = plan, problem
        if plan is not None:
            for callback in tuple(self._on_plan):
                callback(plan)
        self.touch()

    # -- what it shows ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        run, running = self._run_html()
        with self.lock:
            table = self.control.parameters(self._cls)
            return {
                "title": visible(table.family),
                "meaning": visible(table.meaning),
                "controls": [field_of(each).as_json() for each in self._parameters.values()],
                "raw": dict(self._raw),
                "errors": {n: visible(e, limit=500) for n, e in self._errors.items()},
                "problem": visible(self._problem, limit=1_000),
                "valid": self.valid,
                "line": self._line(),
                "plan": "" if self._plan is None else text.plan_counts(self._plan),
                "plan_html": self._plan_html(),
                "planning": self._plan is None and self._planning.busy,
                "run_html": run,
                "running": running,
                "read_only": self.read_only,
                "families": list(self._others),
            }

    def html(self) -> str:
        return html.parameters_html(self.control.parameters(self._cls))

    def text(self) -> str:
        table = self.control.parameters(self._cls)
        return text.parameters_text(table, ascii=self.settings.ascii)

    def _line(self) -> str:
        if self._task is None:
            return ""
        return self.control.line(self._task, self._given(), force=self._force)

    def _plan_html(self) -> str:
        return html.plan_html(self._plan) if self._plan_shown and self._plan is not None else ""

    def _run_html(self) -> tuple[str, bool]:
        run = self.run
        if run is None:
            return "", False
        return run.look(run_card), not run.done()


def _first(parameter: Parameter[Any]) -> Raw:
    """What a control holds before anybody has touched it."""
    if not parameter.has_default:
        return [] if field_of(parameter).kind in {"multiple", "tags"} else ""
    return written(parameter, parameter.default)


def _reason(error: BadValueError) -> str:
    """What is wrong, without the name and the value that stand above it."""
    return str(error).partition(" — ")[2] or str(error)


def _is_raw(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str) for each in value)
    return value is None or isinstance(value, (str, bool))
