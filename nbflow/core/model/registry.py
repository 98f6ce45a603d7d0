"""The metaclass of tasks, and which class a name leads to.

Source: families, namespaces and ambiguity are Luigi's (contract T-08 to T-12, R-01 to R-16); that
a newer definition takes the place of an older one is ours (`definitions`; Luigi's Q-01 and Q-45).
"""

from __future__ import annotations

import os
import sys
from abc import ABCMeta
from typing import TYPE_CHECKING, Any, Final, cast

from nbflow.core.errors import MASK, AmbiguousTaskError, UnknownTaskError, did_you_mean
from nbflow.core.model import definitions
from nbflow.core.model.annotations import Body
from nbflow.core.model.arguments import build_task
from nbflow.core.model.construction import (
    MissingValue,
    Plan,
    cache_instances,
    explain,
    parameters_of,
    plan_of,
)
from nbflow.core.model.definitions import (
    Definition,
    Record,
    Redefinition,
    definition_of,
    forget,
    newest,
    on_redefinition,
    rebind,
    settle_redefinitions,
)
from nbflow.core.model.parameters.base import Parameter, next_position

if TYPE_CHECKING:
    import inspect
    from collections.abc import Iterator, Mapping

    from nbflow.core.model.task import Task

__all__ = [
    "UNSET_NAMESPACE",
    "Definition",
    "Redefinition",
    "Register",
    "auto_namespace",
    "build_task",
    "clear_instance_cache",
    "definition_of",
    "disable_instance_cache",
    "forget",
    "get_task_cls",
    "load_task",
    "namespace",
    "newest",
    "on_redefinition",
    "rebind",
    "settle_redefinitions",
    "task_classes",
]

#: `task_namespace` of a class that does not say.
UNSET_NAMESPACE: Final = "__unset__"
#: Stands for the module's own name in the table of namespaces.
_MODULE_NAME: Final = "__module_name__"

_NOTHING: Final = object()

#: Attributes of a class that are made with it, and never come from elsewhere.
_OWN: Final = frozenset({"_event_handlers", "_nbflow_plan", "_nbflow_record"})

#: Attributes of a class on which its instances' making and its name depend.
_DECISIVE: Final = frozenset(
    {
        "__init__",
        "__module__",
        "__name__",
        "__new__",
        "__qualname__",
        "_namespace_at_class_time",
        "_visible_in_registry",
        "task_namespace",
    }
)

#: Namespace for new classes by scope, a module's name or the beginning of one.
_namespaces: dict[str, str] = {}


class Register(ABCMeta):
    """The metaclass of tasks: names them, makes their instances, knows them by name."""

    if TYPE_CHECKING:
        _nbflow_plan: Plan
        _nbflow_record: Record
        _namespace_at_class_time: str
        _visible_in_registry: bool
        task_namespace: str | None

        def get_task_family(cls) -> str:
            """Give the name by which the class is known; defined by `Task`."""
            ...

    def __init__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> None:
        super().__init__(name, bases, namespace, **options)
        plan = Plan()
        frame = sys._getframe(1)
        if "__annotations__" in namespace:
            # Parameters that are made of annotations later stand here in the order of all.
            type.__setattr__(cls, "_declared_at", Body(next_position(), tuple(namespace)))
            if frame.f_locals is not frame.f_globals:
                plan.frame_locals = dict(frame.f_locals)
        type.__setattr__(cls, "_nbflow_plan", plan)
        type.__setattr__(cls, "_nbflow_record", Record())
        if "_namespace_at_class_time" not in namespace:
            type.__setattr__(cls, "_namespace_at_class_time", _namespace_for(cls.__module__))
        definitions.enter(cls, frame)
        _by_family.clear()

    if not TYPE_CHECKING:

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            """Give the task for these arguments: the living one if there is one (Luigi T-02)."""
            make = cls._nbflow_plan.make or plan_of(cls).make
            try:
                return make(*args, **kwargs)
            except (TypeError, MissingValue) as error:
                explain(cls, args, kwargs, error)
                raise

    def __setattr__(cls, name: str, value: Any) -> None:
        # cloudpickle makes an empty class, or finds the one that it made before, and sets all
        # attributes that the original has. What belongs to this class alone stays.
        if name in _OWN or _is_copy(value, cls.__dict__.get(name)):
            return
        is_same = name in _DECISIVE and cls.__dict__.get(name, _NOTHING) == value
        concerned = isinstance(value, Parameter) or (_is_decisive(cls, name) and not is_same)
        super().__setattr__(name, value)
        if concerned:
            _forget_plans(cls)
        record = cls.__dict__.get("_nbflow_record")  # ABCMeta sets attributes before it is there
        if record is not None and record.is_empty:
            definitions.fill(cls)
            _by_family.clear()

    def __delattr__(cls, name: str) -> None:
        concerned = _is_decisive(cls, name)
        super().__delattr__(name)
        if concerned:
            _forget_plans(cls)

    @property
    def __signature__(cls) -> inspect.Signature:
        """The constructor as `inspect.signature`, and with it Shift-Tab, shows it."""
        return _signature(cls)

    @property
    def task_family(cls) -> str:
        """The name by which the class is known (Luigi T-08)."""
        return cls.get_task_family()

    @property
    def task_id(cls) -> str:
        """Only instances have an id (Luigi R-16)."""
        raise AttributeError(f"{cls.__name__} is a class; only its instances have a task_id")

    @classmethod
    def get_task_cls(cls, name: str) -> type[Task]:
        """See the function of that name (Luigi R-04)."""
        return get_task_cls(name)

    @classmethod
    def task_names(cls) -> list[str]:
        """All families, sorted, ambiguous ones included (Luigi R-07)."""
        return sorted(_families())

    @classmethod
    def tasks_str(cls) -> str:
        """All families in one text (Luigi R-07)."""
        return ",".join(cls.task_names())

    @classmethod
    def get_all_params(cls) -> Iterator[tuple[str, bool, str, Parameter[Any]]]:
        """Family, whether its flags have no section, name and parameter (Luigi R-07)."""
        for family, found in _families().items():
            if len(found) == 1:
                task = cast("type[Task]", found[0])
                for name, parameter in task.get_params():
                    yield family, not task.use_cmdline_section, name, parameter

    @classmethod
    def clear_instance_cache(cls) -> None:
        """See the function of that name (Luigi R-08)."""
        clear_instance_cache()

    @classmethod
    def disable_instance_cache(cls) -> None:
        """See the function of that name (Luigi R-08)."""
        disable_instance_cache()


#: Visible classes by family, of one module and name only the newest; empty when out of date.
_by_family: dict[str, list[Register]] = {}


def get_task_cls(name: str) -> type[Task]:
    """Find the class of a family, or of `module.Class`.

    Raises
    ------
    UnknownTaskError
        There is none.
    AmbiguousTaskError
        Several modules define it, and none of these classes is a subclass of the others.
    """
    found = _families().get(name) or _in_module(name)
    if not found:
        raise _unknown(name)
    if len(found) > 1:
        raise _ambiguous(name, found)
    return cast("type[Task]", found[0])


def task_classes() -> list[type[Task]]:
    """Give the newest visible definitions, by family; those of an ambiguous one side by side."""
    families = _families()
    return [cast("type[Task]", cls) for family in sorted(families) for cls in families[family]]


def load_task(family: str, values: Mapping[str, object], *, module: str = "") -> Task:
    """Make the task that another process, or a running task, named by its family and parameters.

    Parameters
    ----------
    values
        As in `build_task`; the decoded `params_json` of the task will do.
    module
        Where its class is defined: imported if it is not yet, and decisive where several modules
        have the family. Without it, what is there already is searched.

    Raises
    ------
    RegistryError, ParameterError, ImportError
        There is no such class, its parameters do not fit, or the module cannot be imported.
    """
    if module and module not in sys.modules:
        from importlib import import_module

        import_module(module)
    there = [cls for cls in _families().get(family, ()) if cls.__module__ == module]
    cls = cast("type[Task]", there[-1]) if there else get_task_cls(family)
    return build_task(cls, values)


def namespace(namespace: str | None = None, scope: str = "") -> None:
    """Set the namespace of tasks that are defined after this (Luigi T-11).

    Parameters
    ----------
    namespace
        None ends it.
    scope
        Only for modules of this name and below; the most specific scope wins. '' is all.
    """
    _namespaces[scope] = namespace or ""


def auto_namespace(scope: str = "") -> None:
    """Let the namespace of tasks that are defined after this be their module's name (T-12)."""
    _namespaces[scope] = _MODULE_NAME


def resolve_namespace(cls: Register) -> str:
    """Give the part of the family before the class's name; '' where there is none (T-09)."""
    namespace = cls.task_namespace
    if namespace == UNSET_NAMESPACE:
        namespace = cls._namespace_at_class_time
        if namespace == _MODULE_NAME:
            return cls.__module__
    return namespace or ""


def clear_instance_cache() -> None:
    """Forget all instances, and keep those that are made from now on (Luigi R-08)."""
    cache_instances(True)
    for cls in definitions.all_classes():
        cls._nbflow_plan.clear()


def disable_instance_cache() -> None:
    """Make a new instance at every call from now on, until `clear_instance_cache` (R-08)."""
    cache_instances(False)
    for cls in definitions.all_classes():
        cls._nbflow_plan.clear()


def _families() -> dict[str, list[Register]]:
    if not _by_family:
        for cls in definitions.visible_classes():
            classes = _by_family.setdefault(cls.task_family, [])
            # A subclass takes over the name (Luigi R-02), as does what the same code made later.
            keys = {base._nbflow_record.key for base in cls.__mro__ if isinstance(base, Register)}
            classes[:] = [each for each in classes if each._nbflow_record.key not in keys]
            classes.append(cls)
    return _by_family


def _in_module(name: str) -> list[Register]:
    return [
        cls
        for cls in definitions.visible_classes()
        if name in {f"{cls.__module__}.{cls.__qualname__}", f"{cls.__module__}.{cls.__name__}"}
    ][-1:]


def _unknown(name: str) -> UnknownTaskError:
    known = _families()
    count = f"{len(known)} tasks are" if len(known) != 1 else "1 task is"
    return UnknownTaskError(
        f"no task named {name!r}.{did_you_mean(name, known)}  ({count} registered: %nbflow tasks)"
    )


def _ambiguous(name: str, classes: list[Register]) -> AmbiguousTaskError:
    places = [f"{cls.__module__}{_file(cls)}" for cls in classes]
    names = [f"{cls.__module__}.{cls.__qualname__}" for cls in classes]
    return AmbiguousTaskError(
        f"{name!r} exists in {', '.join(places[:-1])} and {places[-1]}. "
        f"Write {', '.join(names[:-1])} or {names[-1]}."
    )


def _file(cls: Register) -> str:
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None:
        return ""
    shown = os.path.relpath(file)
    return f" ({file if shown.startswith('..') else shown})"


def _namespace_for(module: str) -> str:
    """Namespace in force for a class of `module` that is defined now (Luigi R-10)."""
    scope = module
    while scope:
        if _namespaces.get(scope):
            return _namespaces[scope]
        scope = scope.rpartition(".")[0]
    return _namespaces.get("", "")


def _is_copy(value: Any, there: Any) -> bool:
    """Whether `value` is the parameter `there` as it comes out of a pickle."""
    return (
        isinstance(value, Parameter)
        and type(value) is type(there)
        and value is not there
        and (value.counter, value.name) == (there.counter, there.name)
    )


def _is_decisive(cls: Register, name: str) -> bool:
    return name in _DECISIVE or isinstance(getattr(cls, name, None), Parameter)


def _forget_plans(cls: Register) -> None:
    """A class was changed: what was compiled for it and its subclasses is out of date."""
    _by_family.clear()
    waiting = [cls]
    for each in waiting:
        each._nbflow_plan.clear()
        each._nbflow_record.definition = None
        waiting += cast("list[Register]", each.__subclasses__())


def _signature(cls: Register) -> inspect.Signature:
    from inspect import Parameter as Argument
    from inspect import Signature

    arguments = []
    kind: Any = Argument.POSITIONAL_OR_KEYWORD
    optional = False
    parameters = parameters_of(cls)
    ordered = sorted(parameters.items(), key=lambda item: not item[1].positional)
    for name, parameter in ordered:
        if not parameter.positional or (optional and not parameter.has_default):
            kind = Argument.KEYWORD_ONLY
        optional = optional or parameter.has_default
        default: Any = Argument.empty
        if parameter.has_default:
            default = MASK if parameter.is_private else parameter.default
        arguments.append(Argument(name, kind, default=default, annotation=parameter.annotation))
    return Signature(arguments)
