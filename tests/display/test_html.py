from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from display_samples import KEY_ERROR, Story, failed, many, record, succeeded
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.call import ErrorInfo
from nbflow.core.graph import GraphNode, TaskGraph
from nbflow.core.status import RunStatus, TaskState
from nbflow.display import html
from nbflow.display.model import OutputRow, ParameterRow, ParameterTable, TaskCard, TaskRow

VOID = {"br", "img"}


class Page(HTMLParser):
    """Elements in order, balance of tags, and the text that is left without any of them."""

    def __init__(self, source):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def cards():
    report = record("Report", outputs=("data/report.html",))
    plan = TaskGraph(
        (report.task_id,),
        {report.task_id: GraphNode(report, (), TaskState.PENDING, "target missing")},
    )
    task = TaskCard(
        name="A(n=1)",
        family="A",
        state=TaskState.COMPLETE,
        parameters=(ParameterRow(name="n", type="Int", value="1"),),
        outputs=(OutputRow(text="x.csv", exists=True),),
        requires=(("B()", TaskState.PENDING),),
        defined_in="cell In[1]",
    )
    table = ParameterTable(family="A", rows=(ParameterRow(name="n", type="Int", required=True),))
    nothing = Story(report).task(report, complete=True).ended()
    return {
        "plan": html.plan_html(plan),
        "tree": html.tree_html(plan),
        "success": html.run_html(succeeded().summary),
        "failure": html.run_html(failed().summary),
        "nothing": html.run_html(nothing.summary),
        "running": html.run_html(many().summary),
        "task": html.task_html(task),
        "parameters": html.parameters_html(table),
        "tasks": html.tasks_html([TaskRow(family="A", parameters=("n*",))]),
    }


@pytest.mark.parametrize("name", cards())
def test_card_is_plain_html(name):
    page = Page(cards()[name])

    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "style", "svg", "iframe", "link", "form", "object"}
    for _, attributes in page.elements:
        assert not any(key.startswith("on") or key == "id" for key in attributes)
    assert page.all("div")[0]["data-nbflow"]
    assert {"role": "status"}.items() <= page.all("div")[1].items()


@pytest.mark.parametrize("name", cards())
def test_tables_have_headers_and_names(name):
    page = Page(cards()[name])

    for heading in page.all("th"):
        assert heading["scope"] in {"row", "col"}
    for glyph in [a for a in page.all("span") if "font-weight:600" in a.get("style", "")]:
        assert glyph.get("aria-hidden") == "true" or "KeyError" in page.text


def test_success_says_in_words_what_colours_say():
    page = Page(html.run_html(succeeded().summary))

    assert "Report(date=2026-08-01) succeeded in 22.8 s" in page.text
    assert "3 ran · 1 already complete · 0 failed" in page.text
    assert "Rates(base=EUR)done · 0.4 s · data/rates-EUR.json" in page.text
    assert "data/rates-EUR.json" in page.text


def test_failure_shows_source_next_steps_and_what_is_blocked():
    page = Page(html.run_html(failed().summary))

    assert "KeyError: 'amount' In[12], line 14, in run" in page.text.replace("\xa0", " ").replace(
        "  ", " "
    )
    assert '> 14 df["net"] = df["amount"] * df["rate"]' in page.text
    assert "columns are: amt, rate, day" in page.text
    assert "%nbflow log Features(date=2026-08-01)" in page.text
    assert "blocked:" in page.text


def test_stable_html_has_no_clock_run_id_or_duration():
    page = Page(html.run_html(succeeded().summary, stable=True))

    assert not re.search(r"\d s\b|r-2026|\d\d:\d\d", page.text)
    assert html.run_html(succeeded().summary, stable=True) == html.run_html(
        succeeded().summary, stable=True
    )


def test_only_a_finished_run_is_marked_final():
    assert "data-nbflow-final" in html.run_html(succeeded().summary)
    assert "data-nbflow-final" not in html.run_html(many().summary)


def test_card_of_a_large_run_counts_families_and_stays_small():
    told = html.run_html(many(5_000).ended(RunStatus.FAILED).summary)

    assert len(told) < 20_000
    assert "CleanDay ×5,000" in Page(told).text


def test_card_of_tasks_that_each_have_a_row_stays_small():
    tasks = [
        record("CleanSales", region=f"region-{n}", outputs=(f"data/{n}.parquet",))
        for n in range(60)
    ]
    story = Story(*tasks)
    for task in tasks:
        story.task(task)
    for task in tasks:
        story.ran(task)

    assert len(html.run_html(story.ended().summary)) < 20_000


def test_tracking_urls_are_links_only_where_they_are_harmless():
    good, bad = record("Good"), record("Bad")
    story = Story(good).task(good).task(bad)
    story.progressed(good, tracking_url="https://cluster/app?id=1&x=2")
    story.progressed(bad, tracking_url="javascript:alert(1)")

    page = Page(html.run_html(story.ran(good).ran(bad).ended().summary))

    assert [a["href"] for a in page.all("a")] == ["https://cluster/app?id=1&x=2"]


def test_private_value_is_never_drawn():
    row = ParameterRow(name="token", type="Str", private=True, value="hush", default="hush")

    told = html.task_html(TaskCard(name="A()", family="A", parameters=(row,)))
    told += html.parameters_html(ParameterTable(family="A", rows=(row,)))

    assert "hush" not in told
    assert "••••" in told


@given(
    st.text() | st.sampled_from(['<img src=x onerror="alert(1)">', '"];evil', "\x1b[31m", "</pre>"])
)
def test_hostile_text_stays_text(hostile):
    task = record("A", x=hostile, outputs=(hostile,))
    error = ErrorInfo(
        type=hostile,
        message=f"{hostile}\n{hostile}",
        traceback=hostile,
        file=hostile,
        function=hostile,
        line=1,
        source=((1, hostile),),
        notes=(hostile,),
    )
    story = Story(task).task(task).progressed(task, tracking_url=hostile, message=hostile)
    story.failed(task, error).ended(RunStatus.FAILED)
    graph = TaskGraph(
        (task.task_id,), {task.task_id: GraphNode(task, (), TaskState.UNPLANNED, hostile, error)}
    )
    row = ParameterRow(
        name=hostile, type=hostile, value=hostile, meaning=hostile, choices=(hostile,)
    )
    card = TaskCard(
        name=hostile,
        family=hostile,
        meaning=hostile,
        parameters=(row,),
        note=hostile,
        defined_in=hostile,
    )
    for source in (
        html.run_html(story.summary, log=[hostile]),
        html.plan_html(graph),
        html.tree_html(graph),
        html.task_html(card),
        html.parameters_html(ParameterTable(family=hostile, meaning=hostile, rows=(row,))),
        html.tasks_html([TaskRow(family=hostile, meaning=hostile)]),
    ):
        page = Page(source)
        assert "img" not in {tag for tag, _ in page.elements}
        assert not any(k.startswith("on") for _, attributes in page.elements for k in attributes)
        assert "\x1b" not in source


def test_error_without_frame_is_drawn():
    task = record("A")
    story = (
        Story(task).task(task).failed(task, ErrorInfo(type="WorkerDied")).ended(RunStatus.FAILED)
    )

    assert "WorkerDied" in Page(html.run_html(story.summary)).text


def test_unplanned_task_shows_its_error():
    task = record("A")
    story = Story(task).task(task).plan_failed(task, KEY_ERROR).ended(RunStatus.FAILED)

    assert "KeyError: 'amount'" in Page(html.run_html(story.summary)).text


def test_stable_failure_does_not_number_its_cell():
    page = html.run_html(failed().summary, stable=True)

    assert "In[…], line 14, in run" in page
    assert "In[12]" not in page
    assert "File &quot;In[12]&quot;" in html.run_html(failed().summary)


def test_values_of_tables_break_where_they_must_and_short_ones_nowhere():
    drawn = html.cells_html(["a", "b"], [["x" * 300, "1.7 s"]], caption="t")

    assert re.search(r"<th[^>]*overflow-wrap:anywhere[^>]*>xxx", drawn)
    assert re.search(r"<td[^>]*white-space:nowrap[^>]*>1\.7 s<", drawn)


def test_lines_of_output_and_messages_need_no_scroll_bar():
    assert "white-space:pre-wrap;overflow-wrap:anywhere" in html.output_html(["x" * 300])


def test_source_of_a_failure_begins_at_the_left():
    drawn = html.run_html(failed().summary)

    assert "  13  df = pd.read_parquet" in drawn
    assert "  14  df[&quot;net&quot;]" in drawn
