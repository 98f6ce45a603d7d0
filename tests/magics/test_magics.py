from __future__ import annotations

import os
import sys
import threading

import pytest

from nbflow.core.errors import (
    BadValueError,
    CommandError,
    DuplicateParameterError,
    NotATaskError,
    RunFailedError,
    UndefinedVariableError,
    UnknownCommandError,
    UnknownFlagError,
    UnknownParameterError,
    UnknownTaskError,
)
from nbflow.session import RunResult


def test_loading_says_nothing_and_imports_no_widgets(bare_shell):
    before = set(sys.modules)

    out = bare_shell.cell("%load_ext nbflow")

    assert (out.text, out.stderr, out.displays, out.error) == ("", "", [], None)
    assert not {"ipywidgets", "pandas", "tornado"} & (set(sys.modules) - before)


def test_bare_line_names_the_first_commands(shell):
    out = shell.cell("%nbflow")

    assert "%nbflow run" in out.displays[0]["text/plain"]
    assert "%nbflow help" in out.displays[0]["text/plain"]


# -- what a run shows: exactly one display --------------------------------------------------------


def test_run_shows_one_card_and_gives_the_result(tasks):
    out = tasks.cell("%nbflow run A day=2026-08-02")

    assert out.error is None
    assert len(out.displays) == 1
    assert out.displays[0]["text/plain"].splitlines() == [
        "RunResult r-…  SUCCESS  A(n=3, day=2026-08-02)  2 ran, 0 complete, 0 failed, –",
        "✓ A(n=3, day=2026-08-02) succeeded     2 ran · 0 already complete · 0 failed",
        "  ✓ Raw()                    done   raw.txt",
        "  ✓ A(n=3, day=2026-08-02)   done   a-3-2026-08-02.txt",
    ]
    assert 'data-nbflow-final="1"' in out.displays[0]["text/html"]
    assert isinstance(out.result, RunResult)
    assert os.path.exists("a-3-2026-08-02.txt")
    assert tasks.value("_") is out.result


def test_assigned_run_shows_its_card_once_and_the_variable_draws_again(tasks):
    assigned = tasks.cell("r = %nbflow run A")
    later = tasks.cell("r")

    assert len(assigned.displays) == 1
    assert assigned.result is None
    assert len(later.displays) == 1
    assert later.displays[0]["text/plain"] == assigned.displays[0]["text/plain"]


def test_silenced_run_shows_its_card_only(tasks):
    out = tasks.cell("%nbflow run A;")

    assert len(out.displays) == 1
    assert out.result is None


def test_two_runs_in_one_cell_show_two_cards(tasks):
    out = tasks.cell("a = %nbflow run A n=1\nb = %nbflow run A n=2\na")

    assert [data["text/plain"].split("  ")[2] for data in out.displays] == [
        "A(n=1, day=2026-08-01)",
        "A(n=2, day=2026-08-01)",
        "A(n=1, day=2026-08-01)",
    ]


def test_complete_run_says_so(tasks):
    tasks.cell("%nbflow run A")

    out = tasks.cell("%nbflow run A")

    assert "● A(n=3, day=2026-08-01) is already complete" in out.displays[0]["text/plain"]


def test_failed_run_shows_the_card_and_raises(tasks):
    out = tasks.cell("%nbflow run A n=7")

    assert isinstance(out.error, RunFailedError)
    assert out.error._render_traceback_() == [
        "RunFailed: 1 task failed: A(n=7, day=2026-08-01) — KeyError: 'net'"
    ]
    text = out.displays[0]["text/plain"]
    assert "KeyError: 'net'        In[…], line 19, in run" in text
    assert '>   19 |             amount["net"]' in text
    assert "next: %nbflow log A(n=7, day=2026-08-01)   ·   %debug" in text
    assert out.error.result.errors[0].task == "A(n=7, day=2026-08-01)"


def test_debug_opens_in_the_users_frame(tasks):
    tasks.cell("%nbflow run A n=7")

    trace = sys.last_traceback
    while trace.tb_next is not None:
        trace = trace.tb_next
    assert trace.tb_frame.f_code.co_name == "run"
    assert trace.tb_frame.f_locals["amount"] == {}


def test_no_raise_gives_the_failed_result(tasks):
    out = tasks.cell("%nbflow run A n=7 --no-raise")

    assert out.error is None
    assert not out.result
    assert len(out.displays) == 1


def test_run_says_where_it_was_started(tasks):
    out = tasks.cell("%nbflow run A")

    assert out.result.summary.info.where == "cell In[3]"
    assert out.result.summary.info.invocation == "%nbflow run A"


def test_json_gives_plain_data(tasks):
    out = tasks.cell("%nbflow run A --json")

    assert out.result["status"] == "SUCCEEDED"
    assert len(out.displays) == 1  # the value of the cell


# -- values --------------------------------------------------------------------------------------


def test_variables_and_expressions_are_the_notebooks(tasks):
    tasks.cell("number = 4")

    assert tasks.cell("%nbflow run A n=$number").result.root == "A(n=4, day=2026-08-01)"
    assert tasks.cell("%nbflow run A n={number + 1}").result.root == "A(n=5, day=2026-08-01)"
    assert tasks.cell("%nbflow run A day={dt.date(2026, 8, 3)}").result.ok


def test_names_of_a_function_are_seen(tasks):
    tasks.cell("def go(local):\n    result = %nbflow run A n=$local\n    return result\nr = go(6)")

    assert tasks.value("r.root") == "A(n=6, day=2026-08-01)"


def test_dollars_and_braces_are_not_expanded_by_ipython(tasks):
    tasks.cell("price = 1")

    out = tasks.cell("%nbflow run A n=$$price")

    assert isinstance(out.error, BadValueError)
    assert "n=$price" in str(out.error)


def test_task_instance_can_be_run(tasks):
    tasks.cell("task = A(n=2)")

    assert tasks.cell("%nbflow run $task").result.root == "A(n=2, day=2026-08-01)"


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ("rn A", UnknownCommandError, "Did you mean run?"),
        ("run AA", UnknownTaskError, "no task named 'AA'"),
        ("run A nn=1", UnknownParameterError, "Did you mean n?"),
        ("run A n=x", BadValueError, "n=x"),
        ("run A n=1 n=2", DuplicateParameterError, "n is given twice"),
        ("run A n=$nope", UndefinedVariableError, "$nope is not defined"),
        ("run $dt", NotATaskError, "expected a Task class or instance"),
        ("run A --worker 2", UnknownFlagError, "Did you mean --workers?"),
    ],
)
def test_mistake_is_an_error_of_one_line(tasks, line, kind, says):
    out = tasks.cell(f"%nbflow {line}")

    assert isinstance(out.error, kind)
    assert says in str(out.error)
    assert out.displays == []
    assert len(out.text.strip().splitlines()) == 1
    assert out.text.startswith(f"{out.error.title}: ")


# -- parameter blocks ------------------------------------------------------------------------------


def test_block_gives_parameters(tasks):
    tasks.cell("base = 10")

    out = tasks.cell(
        "%%nbflow run A\n# a comment\nimport math\nn = base + 1\nday = dt.date(2026, 8, 9)\n"
    )

    assert out.result.root == "A(n=11, day=2026-08-09)"
    assert "n" not in tasks.shell.user_ns
    assert "math" not in tasks.shell.user_ns


def test_text_in_a_block_is_parsed_as_in_a_line(tasks):
    assert tasks.cell("%%nbflow plan A\nday = '2026-08-05'\n").result.graph.roots == (
        tasks.value("A(day=dt.date(2026, 8, 5)).task_id"),
    )


def test_name_in_a_block_that_is_no_parameter_is_refused(tasks):
    out = tasks.cell("%%nbflow run A\ndyy = 1\n")

    assert isinstance(out.error, UnknownParameterError)
    assert "'dyy', which the cell assigns. Did you mean day?" in str(out.error)


def test_value_in_line_and_block_is_refused(tasks):
    out = tasks.cell("%%nbflow run A n=1\nn = 2\n")

    assert isinstance(out.error, DuplicateParameterError)


def test_error_in_a_block_is_the_users(tasks):
    out = tasks.cell("%%nbflow run A\nn = 1 / 0\n")

    assert isinstance(out.error, ZeroDivisionError)
    assert "n = 1 / 0" in out.text
    assert "magics.py" not in out.text


def test_command_without_block_is_refused(tasks):
    out = tasks.cell("%%nbflow tasks\nn = 1\n")

    assert isinstance(out.error, CommandError)


# -- other commands --------------------------------------------------------------------------------


def test_plan_and_dag_are_shown_and_run_nothing(tasks):
    plan = tasks.cell("%nbflow plan A")
    dag = tasks.cell("%nbflow dag A")

    assert plan.displays[0]["text/plain"].startswith("Plan for A(n=3, day=2026-08-01)")
    assert "2 to run" in plan.displays[0]["text/html"]
    assert "○ 2 pending" in dag.displays[0]["text/plain"]
    assert not os.path.exists("raw.txt")


def test_dry_run_is_a_plan(tasks):
    assert tasks.cell("%nbflow run A --dry-run").displays[0]["text/plain"].startswith("Plan for")
    assert not os.path.exists("raw.txt")


def test_dag_is_drawn(tasks):
    html = tasks.cell("%nbflow dag A").displays[0]["text/html"]

    assert 'src="data:image/svg+xml;base64,' in html
    assert 'alt="Graph of 2 tasks: 2 pending"' in html


def test_part_of_a_dag_is_saved(tasks):
    out = tasks.cell("%nbflow dag A --up Raw --rank TB --save raw.svg")

    assert out.result == f"wrote {os.path.abspath('raw.svg')}"
    with open("raw.svg") as file:
        assert "Graph of 1 task: 1 pending" in file.read()


def test_dag_without_an_engine_is_a_tree_and_a_hint(tasks, monkeypatch):
    from nbflow.display import layout

    monkeypatch.setattr(layout, "find_engine", lambda *_, **__: None)

    html = tasks.cell("%nbflow dag A").displays[0]["text/html"]

    assert "pip install graphviz-pure" in html
    assert "<b>Raw</b>" in html


def test_dag_in_other_languages(tasks):
    assert tasks.cell("%nbflow dag A --format png").displays[0]["image/png"]
    assert tasks.cell("%nbflow dag A --format mermaid").result.startswith("flowchart")
    assert "digraph" in tasks.cell("%nbflow dag A --format dot").result


def test_tasks_and_parameters_are_listed(tasks):
    listed = tasks.cell("%nbflow tasks").displays[0]
    table = tasks.cell("%nbflow params A").displays[0]

    assert "A      cell In[…]   n, day       Doubles things." in listed["text/plain"]
    assert "<table" in listed["text/html"]
    assert "day    Date   2026-08-01   no" in table["text/plain"]


def test_task_card_is_shown(tasks):
    tasks.cell("%nbflow run A")

    text = tasks.cell("%nbflow show A").displays[0]["text/plain"]

    assert text.startswith("A(n=3, day=2026-08-01)     ● complete\n  Doubles things.")
    assert "requires    Raw() ●" in text


def test_log_shows_what_a_task_wrote(tasks):
    tasks.cell("class Says(nbflow.Task):\n    def run(self):\n        print('a word', flush=True)")
    tasks.cell("%nbflow run Says")

    assert "a word" in tasks.cell("%nbflow log Says").displays[0]["text/plain"]
    assert "a word" in tasks.cell("%nbflow log").displays[0]["text/plain"]


def test_history_is_a_frame(tasks):
    tasks.cell("%nbflow run A")
    tasks.cell("%nbflow run A n=7")

    frame = tasks.cell("%nbflow history").result

    assert list(frame["status"].str.lower()) == ["failed", "succeeded"]
    assert len(tasks.cell("%nbflow history --json").result) == 2


def test_timeline_is_a_picture_and_text(tasks):
    tasks.cell("%nbflow run A")

    (shown,) = tasks.cell("%nbflow timeline").displays

    assert shown["text/plain"].splitlines()[0] == (
        "✓ A(n=3, day=2026-08-01) succeeded     2 tasks ran"
    )
    assert "data:image/svg+xml;base64," in shown["text/html"]
    assert "wrote" in tasks.cell("%nbflow timeline --save run.svg").displays[0]["text/plain"]


def test_history_of_failures_names_cell_and_line(tasks):
    tasks.cell("%nbflow run A n=7")

    (failure,) = tasks.cell("%nbflow history --failures").result.to_dict(orient="records")

    assert (failure["task"], failure["error"]) == ("A", "KeyError")
    assert failure["cell"].startswith("In[")
    assert failure["line"] > 1


def test_history_of_durations_is_a_frame(tasks):
    tasks.cell("%nbflow run A")

    frame = tasks.cell("%nbflow history A --durations --since 1h").result

    assert frame[["task", "succeeded"]].to_numpy().tolist() == [["A", 1]]


def test_last_gives_the_result_of_a_run_that_raised(tasks):
    tasks.cell("%nbflow run A n=7")

    out = tasks.cell("%nbflow last")

    assert out.result.root == "A(n=7, day=2026-08-01)"
    assert out.displays[0]["text/plain"].startswith("RunResult r-…  FAILED")
    assert tasks.value("nbflow.last") is out.result


def test_help_is_that_of_the_command_line(tasks):
    assert "%nbflow COMMAND" in tasks.cell("%nbflow help").result
    assert "--fail-fast" in tasks.cell("%nbflow help run").result
    assert "--fail-fast" in tasks.cell("%nbflow run --help").result
    asked = tasks.cell("%nbflow run A ?").result
    assert "2026-08-01" in asked
    assert "--fail-fast" in asked


def test_question_mark_after_the_magic_shows_its_help(tasks):
    out = tasks.cell("%nbflow?")

    assert "%nbflow COMMAND" in out.text + str(out.displays)


def test_config_is_set_for_this_process(tasks):
    out = tasks.cell("%nbflow config ascii=true")
    try:
        assert "ascii" in out.displays[0]["text/plain"]
        assert tasks.cell("%nbflow plan A").displays[0]["text/plain"].isascii()
    finally:
        tasks.cell("%nbflow config ascii=auto")


def test_show_code_prints_python_and_runs_nothing(tasks):
    code = tasks.cell("number = 4\n%nbflow run A n=$number --show-code").result

    assert "nbflow.run(A(n=4))" in code
    assert not os.path.exists("raw.txt")


# -- objects of nbflow as the value of a cell ----------------------------------------------------


def test_task_is_drawn_as_a_card_and_keeps_its_repr(tasks):
    data = tasks.cell("A(n=2)").displays[0]

    assert data["text/plain"] == "A(n=2, day=2026-08-01)"
    assert 'data-nbflow="task"' in data["text/html"]


def test_class_and_target_are_drawn(tasks):
    assert 'data-nbflow="parameters"' in tasks.cell("A").displays[0]["text/html"]
    assert "does not exist" in tasks.cell("A().output()").displays[0]["text/html"]


def test_card_of_a_task_whose_methods_raise_says_so(tasks):
    tasks.cell(
        "class Bad(nbflow.Task):\n    def output(self):\n        raise ValueError('<no>')\n"
        "    def requires(self):\n        raise ValueError('no')"
    )

    out = tasks.cell("Bad()")

    assert out.error is None
    assert "ValueError: &lt;no&gt;" in out.displays[0]["text/html"]


# -- redefinition ----------------------------------------------------------------------------------


def test_redefinition_is_told_in_one_line(tasks):
    out = tasks.cell("class Raw(nbflow.Task):\n    def run(self):\n        print('new')")

    assert len(out.displays) == 1
    assert out.displays[0]["text/plain"].startswith("nbflow: Raw redefined (v2; ")
    assert "run()" in out.displays[0]["text/plain"]


def test_running_a_cell_again_unchanged_says_nothing(tasks):
    source = tasks.value("In[2]")

    assert tasks.cell(source).displays == []


def test_newest_definition_is_run(tasks):
    tasks.cell("%nbflow run Raw")
    tasks.cell("class Raw(nbflow.Task):\n    n: int = 1\n    def run(self):\n        pass")

    assert tasks.cell("%nbflow run Raw n=2").result.root == "Raw(n=2)"


# -- nothing is left behind ------------------------------------------------------------------------


def state_of(shell):
    manager, formatter = shell.magics_manager, shell.display_formatter
    return {
        "line": set(manager.magics["line"]),
        "cell": set(manager.magics["cell"]),
        "registry": set(manager.registry),
        "hooks": {name: list(calls) for name, calls in shell.events.callbacks.items()},
        "display": set(formatter.ipython_display_formatter.type_printers),
        "html": set(formatter.formatters["text/html"].type_printers),
        "deferred": {
            **formatter.ipython_display_formatter.deferred_printers,
            **formatter.formatters["text/html"].deferred_printers,
        },
        "matchers": list(shell.Completer.custom_matchers),
        "showtraceback": shell.showtraceback,
        "excepthook": sys.excepthook,
    }


def test_unloading_takes_everything_back_and_loading_again_works(bare_shell):
    before, threads = state_of(bare_shell.shell), set(threading.enumerate())

    bare_shell.cell("%load_ext nbflow")
    assert state_of(bare_shell.shell) != before
    bare_shell.cell("%load_ext nbflow")
    bare_shell.cell("%reload_ext nbflow")
    bare_shell.cell("%unload_ext nbflow")

    assert state_of(bare_shell.shell) == before
    assert set(threading.enumerate()) == threads
    bare_shell.cell("%load_ext nbflow")
    assert bare_shell.cell("%nbflow help").error is None


def test_a_run_leaves_no_thread_handler_or_stream(tasks):
    import logging
    import signal

    def state():
        return (
            [t.name for t in threading.enumerate() if t.name.startswith("nbflow")],
            signal.getsignal(signal.SIGINT),
            list(logging.getLogger().handlers),
            sys.stdout,
        )

    before = state()
    tasks.cell("%nbflow run A")
    tasks.cell("%nbflow run A n=7")

    assert state() == before


def test_export_writes_what_the_kernel_holds(tasks, tmp_path):
    tasks.cell("SCALE = 2\nclass B(nbflow.Task):\n    def run(self): print('first')")
    tasks.cell("class B(nbflow.Task):\n    def run(self): print(SCALE)")

    out = tasks.cell("%nbflow export flow.py")

    assert "3 tasks of a notebook (Raw, A, B)" in out.displays[0]["text/plain"]
    text = (tmp_path / "flow.py").read_text()
    assert text.startswith("# Exported by nbflow from a notebook: ")
    assert "print(SCALE)" in text
    assert "first" not in text
    assert tasks.cell("%nbflow export flow.py --check").error is None


def test_cell_that_was_executed_again_keeps_its_place(shell, tmp_path):
    base = "class Base(nbflow.Task):\n    n: int = {}"
    shell.shell.run_cell(base.format(1), store_history=True, cell_id="a1")
    shell.shell.run_cell("class A(Base):\n    pass", store_history=True, cell_id="a2")
    shell.shell.run_cell(base.format(2), store_history=True, cell_id="a1")
    shell.shell.run_cell("class A(Base):\n    pass", store_history=True, cell_id="a2")

    assert shell.cell("%nbflow export flow.py").error is None

    text = (tmp_path / "flow.py").read_text()
    assert text.index("class Base") < text.index("class A")
    assert text.count("class Base") == 1
    assert "n: int = 2" in text
    assert "(a1)" in text


def test_export_check_raises_where_they_differ(tasks):
    tasks.cell("%nbflow export flow.py")
    tasks.cell("class A(nbflow.Task):\n    n: int = 4")

    out = tasks.cell("%nbflow export flow.py --check")

    assert type(out.error).__name__ == "SourceError"
    assert "the notebook was changed since it was exported" in str(out.error)


def test_export_names_what_is_no_definition(tasks):
    tasks.cell("rates = dict(EUR=1)\nclass B(nbflow.Task):\n    def run(self): print(rates)")

    out = tasks.cell("%nbflow export flow.py")

    assert "`B` uses `rates`, set in cell" in str(out.error)
