from __future__ import annotations

import logging
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from magics_kernels import kernel

from nbflow.invocation.commands import COMMANDS


def test_commands_come_first(notebook):
    found = notebook.offered("%nbflow ")

    assert list(found)[:3] == ["run", "plan", "dag"]
    assert set(found.values()) == {"command"}
    assert notebook.texts("%nbflow pla") == ["plan"]


def test_tasks_of_the_notebook_and_variables_that_hold_tasks(notebook):
    found = notebook.offered("%nbflow run ")

    assert list(found)[:2] == ["CleanData", "Report"]
    assert found["Report"] == "task"
    assert found["$ready"] == "CleanData"
    assert "$number" not in found


def test_required_parameters_come_before_optional_ones_and_flags(notebook):
    found = notebook.offered("%nbflow run Report ")

    assert list(found)[:3] == ["date=", "base=", "limit="]
    assert (found["date="], found["--workers="]) == ("param", "flag")
    assert list(found.values()).index("flag") == list(found.values()).count("param")


def test_parameters_that_are_given_are_left_out(notebook):
    assert "date=" not in notebook.texts("%nbflow run Report date=2026-08-01 ")
    assert notebook.texts("%nbflow run Report base=EUR ba") == []


def test_upstream_parameters_after_a_dot(notebook):
    assert notebook.texts("%nbflow run Report CleanData.") == ["CleanData.drop_nulls="]
    assert notebook.texts("%nbflow run Report CleanData.drop_nulls=") == ["true", "false"]


def test_dates_are_today_yesterday_and_those_of_the_notebook(notebook):
    found = notebook.offered("%nbflow run Report date=")

    assert list(found.values())[:2] == ["today", "yesterday"]
    assert found["$day"] == "date"
    assert "$number" not in found


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("base=", ["USD", "EUR"]),
        ("quick=", ["false", "true"]),
        ("colour=", ["GREEN", "RED"]),
        ("quick=t", ["true"]),
        ("limit=", ["100", "$number"]),
    ],
)
def test_values_with_the_default_first(notebook, typed, texts):
    found = notebook.offered(f"%nbflow run Report {typed}")

    assert list(found) == texts
    if typed.endswith("="):
        assert found[texts[0]] == "default"


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        (command, flag)
        for command in COMMANDS
        for flag in command.all_flags()
        if flag.value in {"N", "TIME"} and not flag.later
    ],
    ids=lambda each: each.name,
)
def test_numbers_and_times_have_usual_values(notebook, command, flag):
    found = notebook.offered(f"%nbflow {command.name} --{flag.name} ")

    assert list(found) == list(flag.choices)
    assert all(flag.read(text) is not None for text in found)


def test_values_of_earlier_runs_tell_what_became_of_them(notebook):
    notebook.cell("%nbflow run Report date=2026-08-01 limit=7 --no-raise")
    notebook.cell("%nbflow run Report date=2026-08-02 limit=8")
    found = notebook.offered("%nbflow run Report limit=")
    dates = notebook.offered("%nbflow run Report date=2026-08")

    assert list(found)[:3] == ["100", "8", "7"]
    assert (found["8"], found["7"]) == ("done", "failed")
    assert list(dates) == ["2026-08-02", "2026-08-01"]


def test_earlier_runs_are_read_at_the_first_tab(notebook):
    notebook.cell("%nbflow run Report date=2026-08-03")
    notebook.cell("%reload_ext nbflow")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and "2026-08-03" not in notebook.texts(
        "%nbflow run Report date="
    ):
        threading.Event().wait(0.01)

    assert notebook.offered("%nbflow run Report date=")["2026-08-03"] == "done"


def test_failed_tasks_then_runs_are_offered_for_a_log(notebook):
    notebook.cell("%nbflow run Report date=2026-08-02 limit=8")
    notebook.cell("%nbflow run Report date=2026-08-01 limit=7 --no-raise")
    found = notebook.offered("%nbflow log ")

    first, run, earlier, *rest = found.items()
    assert first[0].startswith("'Report(base=USD, date=2026-08-01, limit=7")
    assert first[1] == "task"
    assert run[0].startswith("r-")
    assert run[1].startswith("failed, ")
    assert "Report(base=USD" in run[1]
    assert earlier[1].startswith("succeeded, ")
    assert "Report" in dict(rest)


def test_runs_that_go_on_are_offered_to_cancel_and_first_to_look_at(notebook):
    notebook.cell("%nbflow run Report date=2026-08-01")
    notebook.cell(
        "import threading\n"
        "gate = threading.Event()\n"
        "class Waiting(nbflow.Task):\n"
        "    def run(self):\n"
        "        gate.wait(60)\n"
        "run = nbflow.start(Waiting())"
    )
    offered = {name: notebook.offered(f"%nbflow {name} ") for name in ("cancel", "wait", "status")}
    run_id = notebook.shell.user_ns["run"].run_id
    notebook.cell("gate.set(); run.wait()")

    assert offered["cancel"] == offered["wait"] == {run_id: "running, Waiting()"}
    assert next(iter(offered["status"])) == run_id
    assert len(offered["status"]) == 2
    assert set(notebook.offered("%nbflow cancel ").values()) == {"flag"}


def test_private_values_are_never_offered(notebook):
    notebook.cell("%nbflow run Report date=2026-08-01 token=hunter2")

    assert notebook.texts("%nbflow run Report token=") == []
    assert "s3cret" not in str(notebook.offered("%nbflow run Report "))


def test_quoted_values(notebook):
    assert notebook.texts("%nbflow run Report region=") == ["'Sweden north'"]
    assert notebook.texts("%nbflow run Report region='Sweden n") == ["'Sweden north'"]
    assert notebook.texts('%nbflow run Report region="Sw') == ['"Sweden north"']


def test_quote_that_the_editor_closed_is_not_closed_twice(notebook):
    assert notebook.texts("%nbflow run Report region='Sw|'") == ["'Sweden north"]


def test_completed_text_replaces_the_value_only(notebook):
    code = "%nbflow run Report region='Sweden n"
    (found,) = notebook.shell.Completer.completions(code, len(code))

    assert code[: found.start] == "%nbflow run Report region="
    assert found.end == len(code)


def test_variables_that_fit_come_first_after_a_dollar(notebook):
    assert notebook.texts("%nbflow run Report date=$")[0] == "$day"
    assert notebook.texts("%nbflow run Report limit=$")[0] == "$number"
    assert notebook.texts("%nbflow run Report date=$nu") == ["$number"]


def test_task_of_a_variable_has_its_parameters(notebook):
    assert notebook.texts("%nbflow run $ready dr") == ["drop_nulls="]


def test_tasks_for_a_parameter_that_is_a_task(notebook):
    assert notebook.texts("%nbflow run Report kind=Cl") == ["CleanData"]


def test_files_for_a_path_and_after_an_at_sign(notebook, project):
    (project / "data").mkdir()
    (project / "data" / "a b.csv").touch()

    assert notebook.texts("%nbflow run Report source=da") == ["data/"]
    assert notebook.texts("%nbflow run Report source=data/") == ["'data/a b.csv'"]
    assert notebook.texts("%nbflow run Report region=@da") == ["@data/"]


def test_flags_and_their_values(notebook):
    assert notebook.texts("%nbflow run Report --wor") == ["--workers="]
    assert notebook.texts("%nbflow run Report --executor=th") == ["--executor=thread"]
    assert notebook.texts("%nbflow run Report --executor ") == ["inline", "thread", "process"]
    assert "Report" in notebook.texts("%nbflow dag Report --up ")


def test_every_command_offers_words_of_its_own(notebook, project):
    (project / "flow.py").touch()

    assert notebook.texts("%nbflow history --status ")[:2] == ["running", "succeeded"]
    assert notebook.texts("%nbflow history --status=f") == ["--status=failed"]
    assert notebook.texts("%nbflow config work") == ["workers="]
    assert notebook.texts("%nbflow config display=pl") == ["plain"]
    assert "flow.py" in notebook.texts("%nbflow export ")
    assert "flow.py" in notebook.texts("%nbflow dag Report --save ")
    assert "--force=Report" in notebook.texts("%nbflow plan Report --force=")
    assert notebook.offered("%nbflow cancel ")["--now"] == "flag"
    assert set(notebook.offered("%nbflow last ").values()) == {"flag"}


def test_line_that_is_continued(notebook):
    assert notebook.texts("%nbflow run \\\n  Report \\\n  lim") == ["limit="]


def test_assigned_line(notebook):
    assert notebook.texts("r = %nbflow run Rep") == ["Report"]


def test_block_offers_names_where_a_line_begins(notebook):
    found = notebook.texts("%%nbflow run Report base=EUR\nlimit = 3\n")

    assert found[0] == "date = "
    assert {"base = ", "limit = "} & set(found) == set()
    assert notebook.texts("%%nbflow run Report\nda") == ["date = "]
    assert notebook.texts("%%nbflow run Report\n|\nlimit = 4")[0] == "date = "


def test_block_leaves_python_to_ipython(notebook):
    assert "day" in notebook.all_texts("%%nbflow run Report\ndate = da")
    assert "import" in notebook.all_texts("%%nbflow run Report\nimpor")


def test_block_is_offered_only_for_commands_that_take_one(notebook):
    assert notebook.texts("%%nbflow ") == ["run", "plan", "dag", "params", "show"]


def test_other_lines_are_not_touched(notebook):
    assert "Report" in notebook.all_texts("Rep")
    assert "%nbflow" in notebook.all_texts("%nbf")
    assert notebook.texts("Rep") == []


def test_redefined_task_offers_its_new_parameters(notebook):
    notebook.cell("class CleanData(nbflow.Task):\n    keep: int = 1")

    assert notebook.texts("%nbflow run CleanData ")[0] == "keep="


def test_parameter_that_raises_offers_nothing(notebook):
    notebook.cell(
        "class Odd(nbflow.Parameter):\n"
        "    def serialize(self, value):\n"
        "        raise ValueError('odd')\n"
        "class Strange(nbflow.Task):\n"
        "    x = Odd(default='a')"
    )

    assert notebook.texts("%nbflow run Strange x=") == []


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(alphabet="ab =.'\"$@{}[]()\\-%\n\té,?#;Report"), st.booleans())
def test_no_text_makes_it_raise(notebook, caplog, text, is_block):
    from IPython.core.completer import CompletionContext

    code = f"{'%' * is_block}%nbflow run Report {text}"
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="nbflow.completion"):
        found = notebook.shell.Completer.custom_matchers[-1](
            CompletionContext(
                token="",
                full_text=code,
                cursor_position=len(code.rpartition("\n")[2]),
                cursor_line=code.count("\n"),
                limit=None,
            )
        )

    assert code.endswith(found.get("matched_fragment", ""))
    assert caplog.records == []


def test_unloading_takes_the_matcher_back(notebook):
    before = len(notebook.shell.Completer.custom_matchers)
    notebook.cell("%unload_ext nbflow")

    assert len(notebook.shell.Completer.custom_matchers) == before - 1
    assert [t.name for t in threading.enumerate() if t.name == "nbflow-history"] == []
    notebook.cell("%load_ext nbflow")
    notebook.cell("%load_ext nbflow")
    assert len(notebook.shell.Completer.custom_matchers) == before


def test_five_hundred_tasks_are_completed_within_the_budget(notebook):
    notebook.cell(
        "tasks = [type(f'Task{n:03}', (nbflow.Task,), {'__module__': '__main__',\n"
        "         **{f'p{k}': nbflow.IntParameter(default=k) for k in range(10)}})\n"
        "         for n in range(500)]"
    )
    lines = ["%nbflow run ", "%nbflow run Task4", "%nbflow run Task123 ", "%nbflow run Task7 p3="]
    for line in lines:
        notebook.texts(line)
    took = []
    for _ in range(10):
        for line in lines:
            start = time.thread_time()
            found = notebook.texts(line)
            took.append(time.thread_time() - start)
    took.sort()

    assert len(notebook.texts("%nbflow run Task1")) == 100
    assert found is not None
    # CPU time of this thread: what else the machine does is not counted.
    assert took[int(len(took) * 0.95)] < 0.05


def test_kernel_answers_a_complete_request(tmp_path):
    code = "%nbflow run Report base="
    with kernel(tmp_path) as running:
        setup = (
            "%load_ext nbflow\nimport nbflow\nfrom typing import Literal\n"
            "class Report(nbflow.Task):\n    base: Literal['EUR', 'USD'] = 'EUR'"
        )
        assert running.run(setup).errors == []
        reply = running.client.complete(code, len(code), reply=True, timeout=60)["content"]

    assert reply["status"] == "ok"
    assert reply["matches"][:2] == ["EUR", "USD"]
    assert (reply["cursor_start"], reply["cursor_end"]) == (len(code), len(code))
    types = reply["metadata"]["_jupyter_types_experimental"]
    assert [each["type"] for each in types[:2]] == ["default", "value"]
