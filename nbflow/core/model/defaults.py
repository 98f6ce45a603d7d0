"""Where the value of a parameter comes from that is not given: a chain of sources.

In this order (P-20, 3): what a command says for the class (`--Report-date`, `Upstream.date=`), the
configuration of the family, the deprecated `config_path`, the declaration.

A `Chain` never changes; `current()` gives another one as soon as an omitted value could come out
differently, so that who keeps resolved values compares two objects with `is`. What a command says
lies in a context variable, so that two runs at once do not see each other's values: a thread that
makes tasks for a run is started in a copy of the run's context (`contextvars.copy_context`), and a
process is given `commands()` and works inside of `commanded()`.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from nbflow.core.errors import BadValueError
from nbflow.core.model.parameters.base import NO_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nbflow.core.model.parameters.base import Parameter


class Source(Protocol):
    """Something that knows values of parameters by family and name."""

    def lookup(self, family: str, name: str) -> tuple[bool, object, str]:
        """Say whether there is a value, the value as it was written, and where that is.

        Text is parsed by the parameter; other objects (TOML natives) are taken by their type. The
        place completes "It comes from ...", such as ``nbflow.toml [tasks.Report]``.
        """
        ...


class Overrides:
    """The values that one command gives for classes of tasks, by family and name."""

    def __init__(self, values: Mapping[str, Mapping[str, object]], origin: str) -> None:
        self._values = {family: dict(given) for family, given in values.items()}
        self._origin = origin

    def lookup(self, family: str, name: str) -> tuple[bool, object, str]:
        """See `Source.lookup`."""
        given = self._values.get(family, {})
        return name in given, given.get(name), self._origin


class Chain:
    """Sources, asked in order; the first that has a value gives it. Immutable."""

    __slots__ = ("sources",)

    def __init__(self, *sources: Source) -> None:
        self.sources = sources

    def lookup(self, family: str, name: str) -> tuple[bool, object, str]:
        """See `Source.lookup`."""
        for source in self.sources:
            answer = source.lookup(family, name)
            if answer[0]:
                return answer
        return False, None, ""


class _Provided:
    """The source that `set_provider`'s callable makes when it is first asked."""

    __slots__ = ("_provide", "_source")

    def __init__(self, provide: Callable[[], Source]) -> None:
        self._provide = provide
        self._source: Source | None = None

    def lookup(self, family: str, name: str) -> tuple[bool, object, str]:
        if self._source is None:
            self._source = self._provide()
        return self._source.lookup(family, name)


class _Process:
    """What holds for all threads of the process."""

    #: Makes the source of each layer.
    providers: ClassVar[dict[int, Callable[[], Source]]] = {}
    chain = Chain()


class _Command:
    """What the commands of a context say, put before what holds for the process."""

    __slots__ = ("base", "chain", "overrides")

    def __init__(self, *overrides: Overrides) -> None:
        self.overrides = overrides
        self.rebase()

    def rebase(self) -> None:
        self.base = _Process.chain
        self.chain = Chain(*self.overrides, *self.base.sources)


_command: ContextVar[_Command | None] = ContextVar("nbflow_defaults", default=None)


def current() -> Chain:
    """The chain that is in force here; the same object as long as it gives the same values."""
    command = _command.get()
    if command is None:
        return _Process.chain
    if command.base is not _Process.chain:
        command.rebase()
    return command.chain


def set_provider(provide: Callable[[], Source] | None, *, layer: int = 0) -> None:
    """Make `provide()` the source of configured values for the whole process.

    It is called once, when the first value is looked up. Call this again, also with the same
    function, when the configuration has changed; None takes it away.

    Parameters
    ----------
    layer
        Each has one source; a lower layer is asked first. nbflow's own configuration is 0.
    """
    providers = _Process.providers
    if provide is None:
        providers.pop(layer, None)
    else:
        providers[layer] = provide
    _Process.chain = Chain(*(_Provided(providers[each]) for each in sorted(providers)))


@contextmanager
def override(
    values: Mapping[str, Mapping[str, object]], origin: str = "the command line"
) -> Iterator[Chain]:
    """Put values before all others inside the `with` block, by family and name.

    An empty text is a value too (Luigi's P-27 is not kept).
    """
    with commanded(Overrides(values, origin), *commands()) as chain:
        yield chain


def commands() -> tuple[Overrides, ...]:
    """What the commands of this context say, the innermost first; can be sent to a process."""
    command = _command.get()
    return () if command is None else command.overrides


@contextmanager
def commanded(*overrides: Overrides) -> Iterator[Chain]:
    """Let `overrides`, and no others, be what commands say inside the `with` block."""
    token = _command.set(_Command(*overrides) if overrides else None)
    try:
        yield current()
    finally:
        _command.reset(token)


def resolve(family: str, parameter: Parameter[Any], name: str | None = None) -> Any:
    """Give the value of a parameter that a task of `family` was not given, in its normal form.

    `NO_VALUE` where there is none; whether that is an error is the caller's to say.

    Raises
    ------
    BadValueError
        What a source says cannot be taken; the text names the source.
    """
    name = parameter.name if name is None else name
    chain = current()
    if chain.sources:
        found, raw, origin = chain.lookup(family, name)
        if not found and parameter.config_path is not None:
            found, raw, origin = _by_config_path(chain, family, name, parameter)
        if found:
            return _read(parameter, raw, f"{family}.{name}", origin)
    if parameter.default is NO_VALUE:
        return NO_VALUE
    return parameter.normalize(parameter.default)


def _by_config_path(
    chain: Chain, family: str, name: str, parameter: Parameter[Any]
) -> tuple[bool, object, str]:
    path = parameter.config_path
    assert path is not None
    answer = chain.lookup(path["section"], path["name"])
    if answer[0]:
        warnings.warn(
            f"config_path [{path['section']}] {path['name']} is deprecated: "
            f"write [{family}] {name}",
            DeprecationWarning,
            stacklevel=3,
        )
    return answer


def _read(parameter: Parameter[Any], raw: object, name: str, origin: str) -> Any:
    try:
        return parameter.from_source(raw, name)
    except BadValueError as error:
        located = BadValueError(
            f"{error} It comes from {origin}.", parameter=error.parameter, value=error.value
        )
        located.__cause__ = error.__cause__
        located.__suppress_context__ = True
        problem = located
    # Raised out here, so that a private value does not stand in the exception's context.
    raise problem
