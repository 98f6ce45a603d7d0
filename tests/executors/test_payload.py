"""Calls and outcomes are the same on the other side of a pipe."""

from __future__ import annotations

import pytest

from nbflow.core.call import (
    Busy,
    Done,
    ErrorInfo,
    Failed,
    FileRecord,
    FoundComplete,
    Interrupted,
    Missing,
    TaskCall,
)
from nbflow.executors.payload import dump_call, dump_outcome, load_call, load_outcome

ERROR = ErrorInfo(
    type="ValueError",
    message="schön – not a number",
    traceback="Traceback …",
    file="In[3]",
    line=4,
    source=((4, "int('x')"),),
    notes=("while reading",),
    pid=7,
)


@pytest.mark.parametrize(
    "outcome",
    [
        Done(1.25, (FileRecord("out.csv", 3, 1.5),), (FileRecord("in.csv"),), "a note"),
        Done(),
        FoundComplete("by somebody else"),
        Failed(ERROR, 0.5),
        Missing(("A__1", "B__2"), ERROR),
        Busy(41, "process 41"),
        Interrupted(),
        # File names and messages may hold bytes that are no UTF-8.
        Done(0.5, (FileRecord("caf\udce9.csv", 1, 2.0),)),
        Failed(ErrorInfo(type="OSError", message="no caf\udce9.csv")),
    ],
)
def test_an_outcome_arrives_as_it_was(outcome):
    assert load_outcome(dump_outcome(outcome)) == outcome


def test_the_live_exception_of_a_failure_stays_where_it_was_raised():
    assert load_outcome(dump_outcome(Failed(ERROR, 0.5, ValueError("x")))) == Failed(ERROR, 0.5)


def test_a_call_arrives_as_it_was():
    call = TaskCall(
        run_id="r-1",
        task_id="A_1_0123456789",
        family="dépôt.A",
        module="jobs",
        params='{"name":"\\ud83d\\ude00"}',
        attempt=2,
        token=2**40,
        timeout=1.5,
        forced=True,
        satisfied=("B_2",),
        members=("A_1", "A_2"),
    )
    assert load_call(dump_call(call)) == call
