"""A scheduler that answers as a test wants: by a real one, or by what the test puts in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.core.stream import EventStream
from nbflow.core.summary import RunSummary
from nbflow.runtime.service import SchedulerService
from nbflow.testing.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.events import RunEvent
    from nbflow.core.scheduler.commands import Command, Reply
    from nbflow.core.scheduler.state import SchedulerState

    Answer = Callable[[Command], Reply | None]


class FakeScheduler:
    """The real decisions on a clock of the test's own; everything asked and decided is kept.

    Parameters
    ----------
    state
        Where to begin; by default nothing is known.
    clock
        By default a `Clock` that starts at 0.

    Attributes
    ----------
    commands, replies
        What was asked, and what was answered, in order.
    events
        What was decided.
    summary
        The fold of the events.
    """

    def __init__(self, state: SchedulerState | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.commands: list[Command] = []
        self.replies: list[Reply] = []
        self.events: list[RunEvent] = []
        self.summary = RunSummary()
        self._stream = EventStream([self._keep, self.summary.apply_all])
        self._service = SchedulerService(self._stream, state=state, clock=self.clock)
        self._answers: dict[type[Any], list[Answer]] = {}
        self._repeats = False

    @property
    def last_seq(self) -> int:
        """Number of the last event."""
        return self._service.last_seq

    def answer(self, kind: type[Command], *answers: Reply | Answer | None) -> None:
        """Answer the next commands of `kind` by these, one after another, then by the real one.

        A function is called with the command; None, from it or in its place, is the real answer.
        """
        queue = self._answers.setdefault(kind, [])
        for given in answers:
            queue.append(given if callable(given) else _always(given))

    def repeat_everything(self) -> None:
        """Deliver each command that has a session twice, as a network that retries does.

        Raises
        ------
        AssertionError
            From `handle`: the second answer is another one.
        """
        self._repeats = True

    def _keep(self, events: Sequence[RunEvent]) -> None:
        self.events.extend(events)

    def handle(self, command: Command) -> Reply:
        """See `nbflow.core.interfaces.Scheduler`."""
        self.commands.append(command)
        queue = self._answers.get(type(command))
        reply = queue.pop(0)(command) if queue else None
        if reply is None:
            reply = self._service.handle(command)
            if self._repeats and command.session:
                again = self._service.handle(command)
                if again != reply:
                    raise AssertionError(f"the second answer to {command} is {again}, not {reply}")
        self._stream.flush()
        self.replies.append(reply)
        return reply


def _always(reply: Reply | None) -> Answer:
    return lambda _command: reply
