from __future__ import annotations

from display_samples import KEY_ERROR, Story, failed, many, record, succeeded
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from nbflow.core import events as e
from nbflow.core.call import ErrorInfo
from nbflow.core.graph import GraphNode, TaskGraph
from nbflow.core.status import RunStatus, TaskState
from nbflow.display import text
from nbflow.display.model import OutputRow, ParameterRow, ParameterTable, TaskCard, TaskRow


def plan():
    raw = record("RawSales", date="2026-08-01")
    rates = [record("Rates", base=base) for base in ("EUR", "USD", "GBP")]
    report = record("Report", date="2026-08-01", outputs=("data/report.html",))
    deps = (raw.task_id, *(r.task_id for r in rates))
    nodes = {raw.task_id: GraphNode(raw, (), TaskState.COMPLETE, "12.4 MB")}
    nodes |= {r.task_id: GraphNode(r, (), TaskState.PENDING, "target missing") for r in rates}
    nodes[report.task_id] = GraphNode(report, deps, TaskState.PENDING, "target missing")
    return TaskGraph((report.task_id,), nodes)


def test_plan_says_what_would_run_and_why():
    assert text.plan_text(plan(), width=80) == (
        "Plan for Report(date=2026-08-01)                   5 tasks: 4 to run, 1 complete\n"
        "  ○ Report(date=2026-08-01)       run        target missing   data/report.html\n"
        "    ● RawSales(date=2026-08-01)   complete   12.4 MB\n"
        "    ○ Rates()                     run        target missing   ×3 (base=EUR, USD, GBP)"
    )


def test_plan_tells_where_a_requirement_could_not_be_asked():
    bad = record("Weather")
    graph = TaskGraph(
        (bad.task_id,), {bad.task_id: GraphNode(bad, (), TaskState.UNPLANNED, "", KEY_ERROR)}
    )

    assert text.plan_text(graph).splitlines()[1:] == [
        "  ! Weather()   unplanned",
        "      KeyError: 'amount'        In[12], line 14, in run",
    ]


def test_tree_shows_states():
    assert text.tree_text(plan(), width=60).splitlines()[0] == (
        "Report(date=2026-08-01)    5 tasks: ● 1 complete · ○ 4 pending"
    )


def test_empty_graph_is_drawn():
    assert text.plan_text(TaskGraph(())).startswith("Plan for nothing")


def test_success_is_told_with_its_outputs():
    assert text.run_text(succeeded().summary) == (
        "RunResult r-20260822-153012-ab12  SUCCESS  Report(date=2026-08-01)  "
        "3 ran, 1 complete, 0 failed, 22.8 s\n"
        "✓ Report(date=2026-08-01) succeeded in 22.8 s     "
        "3 ran · 1 already complete · 0 failed\n"
        "  ✓ Rates(base=EUR)             0.4 s      data/rates-EUR.json\n"
        "  ✓ Rates(base=USD)             0.5 s      data/rates-USD.json\n"
        "  ● RawSales(date=2026-08-01)   complete   data/raw.csv\n"
        "  ✓ Report(date=2026-08-01)     21.3 s     data/report-2026-08-01.html"
    )


def test_stable_text_has_nothing_that_changes():
    told = text.run_text(succeeded().summary, stable=True)

    assert told.splitlines()[:2] == [
        "RunResult r-…  SUCCESS  Report(date=2026-08-01)  3 ran, 1 complete, 0 failed, –",
        "✓ Report(date=2026-08-01) succeeded     3 ran · 1 already complete · 0 failed",
    ]
    assert "  ✓ Rates(base=EUR)             done       data/rates-EUR.json" in told


def test_failure_shows_the_users_line_and_what_to_do():
    assert text.run_text(failed().summary).splitlines()[1:] == [
        "✗ Upload(bucket=sales) failed after 9.1 s     1 ran · 1 failed · 2 not run (upstream failed)",
        "  ✗ Features(date=2026-08-01)   KeyError: 'amount'        In[12], line 14, in run",
        "        13 |     df = pd.read_parquet(self.input().path)",
        '    >   14 |     df["net"] = df["amount"] * df["rate"]',
        "        15 |     df.to_parquet(self.output().path)",
        "     columns are: amt, rate, day",
        "  ⊘ Report(date=2026-08-01)  ⊘ Upload(bucket=sales)",
        "  next: %nbflow log Features(date=2026-08-01)   ·   %debug   ·   fix the cell, then run again: complete tasks are kept",
    ]


def test_next_steps_fit_where_the_run_was_started():
    task = record("A")
    story = Story(task, where="cli").task(task).failed(task, KEY_ERROR)
    story.ended(RunStatus.FAILED)

    assert text.run_text(story.summary).splitlines()[-1] == (
        "  next: nbflow log A()   ·   fix the cause, then run again: complete tasks are kept"
    )


def test_many_failures_are_counted():
    tasks = [record("A", n=i) for i in range(9)]
    story = Story(*tasks)
    for task in tasks:
        story.task(task)
    for task in tasks:
        story.failed(task, KEY_ERROR)

    told = text.run_text(story.ended(RunStatus.FAILED).summary)

    assert told.count("KeyError") == 5
    assert "… and 4 more failed" in told


def test_tasks_that_wait_to_the_end_say_for_what():
    first, second = record("Round", n=1), record("Round", n=2)
    greedy = replace(record("Train"), resources={"gpu": 5})
    story = Story(first, greedy).task(first).task(second).task(greedy)
    story._add(e.TaskSuspended, task_id=first.task_id, new_deps=(second.task_id,))
    story._add(e.TaskSuspended, task_id=second.task_id, new_deps=(first.task_id,))

    told = text.run_text(story.ended(RunStatus.FAILED, exit_code=3).summary)

    assert "‖ Round(n=1)   waits for Round(n=2), which it yielded" in told
    assert "‖ Round(n=2)   waits for Round(n=1), which it yielded" in told
    assert "○ Train()   needs gpu=5, and there was never so much" in told


def test_missing_input_is_named():
    raw = record("Raw", outputs=("/srv/raw.csv",))
    report = record("Report")
    story = Story(report).task(raw, runnable=False).task(report, raw)

    told = text.run_text(story.ended(RunStatus.FAILED, exit_code=3).summary)

    assert "? Report() could not be completed     0 ran · 0 failed · 1 missing" in told
    assert "? Raw()   missing: /srv/raw.csv does not exist, and no task makes it" in told


def test_nothing_to_do_says_what_is_there():
    task = record("Report", outputs=("data/report.html",))

    told = text.run_text(Story(task).task(task, complete=True).ended(at=0.1).summary)

    assert told.splitlines()[1:] == [
        "● Report() is already complete (data/report.html). --force runs it again."
    ]


def test_interrupted_run_counts_what_was_stopped():
    a, b, c = record("A"), record("B"), record("C")
    story = Story(c).task(a).task(b, a).task(c, b).ran(a).started(b)
    story.ended(RunStatus.INTERRUPTED, at=8.0)

    assert text.run_line(story.summary) == (
        "⊗ C() interrupted after 8.0 s     1 ran · 1 interrupted · 1 not started"
    )


def test_running_run_counts_what_is_done():
    assert text.run_line(many().summary) == (
        "▶ Year(year=2026) running     183 of 366 done · 2 running · 1 failed"
    )


def test_large_runs_are_told_by_family():
    days = [record("Day", day=i) for i in range(365)]
    year = record("Year")
    story = Story(year)
    for day in days:
        story.task(day)
    story.task(year, *days)
    for day in days:
        story.ran(day)

    told = text.run_text(story.ran(year).ended().summary, stable=True)

    assert told.splitlines()[2:] == [
        "  Day ×365   ✓ 365 done   –",
        "  Year ×1    ✓ 1 done     –",
    ]


def test_notes_of_tasks_are_told():
    task = record("A")
    story = Story(task).task(task).ran(task, note="complete() still says no").ended()

    assert "  A(): complete() still says no" in text.run_text(story.summary)


def test_ascii_text_is_ascii():
    for summary in (succeeded().summary, failed().summary, many().summary):
        assert text.run_text(summary, ascii=True).isascii()
        assert text.run_text(summary, ascii=True, stable=True).isascii()
    assert text.plan_text(plan(), ascii=True).isascii()
    assert text.tree_text(plan(), ascii=True).isascii()


def card(**fields):
    return TaskCard(
        **{
            "name": "Features(date=2026-08-01)",
            "family": "Features",
            "state": TaskState.COMPLETE,
            "parameters": (
                ParameterRow(name="date", type="Date", value="2026-08-01", required=True),
                ParameterRow(name="base", type="Choice", choices=("EUR", "USD"), value="EUR"),
                ParameterRow(name="token", type="Str", private=True, value="secret"),
            ),
            "outputs": (
                OutputRow(text="data/x.parquet", exists=True, size=3_100_000, modified=1.0),
                OutputRow(text="s3://b/x"),
            ),
            "requires": (("CleanData()", TaskState.COMPLETE), ("Rates()", None)),
            "defined_in": "cell In[9]",
            "version": 3,
            "runs": 4,
            "seconds": 7.2,
            **fields,
        }
    )


def test_task_card_shows_parameters_outputs_and_requirements():
    assert text.task_text(card(), stable=True) == (
        "Features(date=2026-08-01)     ● complete\n"
        "  parameters  date 2026-08-01 (Date) · base EUR (Choice EUR|USD) · token •••• (private)\n"
        "  output      data/x.parquet  exists · 3.1 MB\n"
        "              s3://b/x  not checked\n"
        "  requires    CleanData() ●   Rates()\n"
        "  defined in  cell In[9], version 3"
    )
    assert "· 4 runs, last took 7.2 s" in text.task_text(card())


def test_outdated_instance_says_so():
    told = text.task_text(card(outdated=True))

    assert "(v3, outdated: the class was defined again since)" in told


def test_private_value_is_never_drawn():
    row = ParameterRow(name="token", type="Str", private=True, value="hush", default="hush")
    table = ParameterTable(family="A", rows=(row,))

    assert "hush" not in text.task_text(card(parameters=(row,)))
    assert "hush" not in text.parameters_text(table)
    assert "••••" in text.parameters_text(table)


def test_parameter_table_has_columns():
    table = ParameterTable(
        family="Report",
        meaning="daily report",
        defined_in="cell In[6]",
        version=3,
        rows=(
            ParameterRow(name="date", type="Date", required=True, meaning="day"),
            ParameterRow(name="n", type="Int", default="3", source="CleanData"),
        ),
    )

    assert text.parameters_text(table).splitlines()[1:] == [
        "  name          type   default   required   meaning",
        "  date          Date   –         yes        day",
        "  CleanData.n   Int    3         no",
    ]
    assert text.parameters_text(table).startswith("Report – daily report")


def test_tasks_are_listed():
    rows = [TaskRow(family="Report", defined_in="cell In[6]", version=3, parameters=("date*",))]

    assert text.tasks_text(rows).splitlines() == [
        "task     defined in       parameters   meaning",
        "Report   cell In[6], v3   date*",
    ]


@given(st.text(), st.text(), st.text())
def test_hostile_text_stays_text(value, message, line):
    task = record("A", x=value)
    error = ErrorInfo(
        type="E", message=message, file=value, line=1, source=((1, line),), notes=(line,)
    )
    story = Story(task).task(task).failed(task, error).ended(RunStatus.FAILED)

    told = text.run_text(story.summary)

    assert all(c.isprintable() or c in "\n\u00a0\u2009\u202f\u3000" for c in told)
    told.encode("utf-8")


def test_100_000_characters_are_cut():
    task = record("A", x="y" * 100_000)
    error = ErrorInfo(type="E", message="m" * 100_000, source=((1, "s" * 100_000),), line=1)
    story = Story(task).task(task).failed(task, error).ended(RunStatus.FAILED)

    assert len(text.run_text(story.summary)) < 3_000


def test_stable_failure_does_not_number_its_cell():
    told = text.run_text(failed().summary, stable=True)

    assert "In[…], line 14, in run" in told
    assert "In[12]" not in told
    assert "In[12], line 14, in run" in text.run_text(failed().summary)
