"""Widgets in a real JupyterLab: by mouse, by keys, in light and dark, narrow and wide."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser_lab import DARK, LIGHT
from browser_looks import clipped_texts, overlapping_texts, text_contrasts
from browser_tasks import REPORT, WIDE

pytestmark = pytest.mark.browser

RUN_AND_SHOW = (
    REPORT,
    "%nbflow run Features day=2026-08-01;",
    "%nbflow dag Report day=2026-08-01 --widget",
    "%nbflow params Report --form",
    "%nbflow history --widget",
    "%nbflow dashboard Report TrainModel",
)
DAG, FORM, HISTORY, DASHBOARD = 2, 3, 4, 5


@pytest.fixture
def shown(notebook):
    """A notebook with one widget of each kind."""
    opened = notebook(*RUN_AND_SHOW)
    opened.run(*range(len(RUN_AND_SHOW)))
    for cell in (DAG, FORM, HISTORY, DASHBOARD):
        opened.outputs(cell).locator(".nbflow-view").first.wait_for()
    return opened


def box(area, name):
    """The box of a task in a drawn graph; its badge's sprites reach far out of it."""
    return area.locator(f".nd[aria-label*='{name}'] .bx").first


def cells(page):
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").count()


def test_graph_is_explored_by_mouse(shown):
    area = shown.outputs(DAG)
    svg = area.locator("svg.dag")
    whole = svg.get_attribute("viewBox")
    box(area, "Weather").click()
    area.locator(".detail", has_text="station").wait_for()
    assert area.locator(".nd.sel").count() == 1
    assert area.locator(".ed.on").count() == 1

    area.get_by_role("button", name="Zoom in").click()
    zoomed = svg.get_attribute("viewBox")
    assert float(zoomed.split()[2]) < float(whole.split()[2])
    frame = svg.bounding_box()
    shown.page.mouse.move(frame["x"] + 300, frame["y"] + 100)
    shown.page.mouse.down()
    shown.page.mouse.move(frame["x"] + 200, frame["y"] + 60, steps=4)
    shown.page.mouse.up()
    assert svg.get_attribute("viewBox") != zoomed
    area.get_by_role("button", name="Fit").click()
    assert [float(v) for v in svg.get_attribute("viewBox").split()] == [
        float(v) for v in whole.split()
    ]
    svg.click(position={"x": 3, "y": 3})
    area.locator(".detail:empty").wait_for(state="attached")


def test_plain_wheel_scrolls_the_notebook_and_ctrl_wheel_zooms(shown):
    area = shown.outputs(DAG)
    svg = area.locator("svg.dag")
    svg.scroll_into_view_if_needed()
    before = svg.get_attribute("viewBox")
    svg.hover()
    shown.page.mouse.wheel(0, 40)
    assert svg.get_attribute("viewBox") == before
    shown.page.keyboard.down("Control")
    shown.page.mouse.wheel(0, -200)
    shown.page.keyboard.up("Control")
    assert svg.get_attribute("viewBox") != before


def test_graph_is_explored_by_keys_and_lab_keeps_its_own(shown):
    area, page = shown.outputs(DAG), shown.page
    count = cells(page)
    area.locator(".nd[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowRight", "b", "a", "d", "d", "Enter"):
        page.keyboard.press(key)
    area.locator(".nd.sel").wait_for(state="attached")
    assert area.locator(".nd.sel").get_attribute("aria-pressed") == "true"
    assert cells(page) == count
    page.keyboard.press("/")
    page.keyboard.type("train")
    assert area.locator(".hits").inner_text().startswith("2 of")
    page.keyboard.press("Enter")
    area.locator(".detail", has_text="TrainModel").wait_for()
    page.keyboard.press("Escape")
    assert area.locator(".nd.found").count() == 0
    page.keyboard.press("Control+s")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")


def test_large_graph_opens_where_trouble_is_and_can_be_read(notebook):
    opened = notebook(
        WIDE.replace("time.sleep(self.seconds)", "assert self.n != 90"),
        "from nbflow.widgets import DagView\n"
        "run = nbflow.start(Whole(count=120), background=True)\n"
        "run.wait()\n"
        "view = DagView(run=run, stays=True)\n"
        "view.expanded = True\n"
        "view",
    )
    opened.run(0, 1)
    area = opened.outputs(1)
    failed = area.locator(".nd[aria-label*='failed']")
    failed.wait_for()
    stage, box_ = area.locator(".stage").bounding_box(), failed.locator(".bx").bounding_box()

    assert "n=90" in failed.get_attribute("aria-label")
    assert stage["y"] <= box_["y"] <= stage["y"] + stage["height"]
    assert box_["height"] >= 24 * 0.55
    area.get_by_role("button", name="Fit").click()
    assert failed.locator(".bx").bounding_box()["height"] < 12


def test_list_of_tasks_has_heads_and_words(shown):
    area = shown.outputs(DAG)
    area.get_by_text("tasks as a table").click()
    rows = area.locator(".list tbody tr")

    assert rows.count() == len(area.locator(".nd").all())
    assert rows.first.locator("th[scope='row']").count() == 1
    assert "complete" in area.locator(".list").inner_text()


def test_form_is_filled_in_planned_and_run(shown):
    area = shown.outputs(FORM)
    area.locator("input[type='date']").fill("2026-08-02")
    area.locator(".line", has_text="%nbflow run Report day=2026-08-02").wait_for()
    area.locator(".plan", has_text="to run").wait_for()
    area.get_by_role("button", name="Remove gbm").click()
    area.locator(".line", has_text="""kinds='["linear"]'""").wait_for()
    area.get_by_role("button", name="Run", exact=True).click()
    area.locator("[data-nbflow='run'][data-nbflow-final='1']").wait_for()
    assert "succeeded" in area.locator(".run-box").inner_text()

    area.locator("input[type='date']").fill("")
    area.locator("input[type='date']").blur()
    area.locator(".trouble", has_text="a value is needed").wait_for()
    assert area.locator("input[type='date']").get_attribute("aria-invalid") == "true"
    assert area.get_by_role("button", name="Run", exact=True).is_disabled()


def test_quick_typing_is_never_undone_by_an_answer(notebook):
    opened = notebook(WIDE, "%nbflow params Whole --form")
    opened.run(0, 1)
    area = opened.outputs(1)
    count = area.get_by_label("count")
    for number in range(10, 40):
        count.fill(str(number))
        area.get_by_label("seconds").focus()
        opened.page.wait_for_timeout(17)
    area.locator(".line", has_text="count=39").wait_for()

    assert count.input_value() == "39"


def test_form_is_operated_by_keys_alone(shown):
    area, page = shown.outputs(FORM), shown.page
    count = cells(page)
    area.locator("input[type='date']").focus()
    page.keyboard.type("08022026")
    area.locator(".line", has_text="day=2026-08-02").wait_for()
    for _ in range(30):
        if page.evaluate("document.activeElement.textContent") == "Plan":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    area.locator("[data-nbflow='plan']").wait_for()

    assert cells(page) == count


def test_history_is_searched_and_opened(shown):
    area = shown.outputs(HISTORY)
    assert area.locator("tbody tr").count() == 1
    area.get_by_label("Find a task").fill("nothing like this")
    area.get_by_text("nothing has run yet").wait_for()
    area.get_by_label("Find a task").fill("Features")
    area.locator("button.link").click()
    area.locator(".detail", has_text="CleanSales").wait_for()


def test_dashboard_leads_through_its_tabs_by_keys(shown):
    area, page = shown.outputs(DASHBOARD), shown.page
    area.get_by_role("tab", name="Overview").focus()
    for name in ("Graph", "Run", "History", "Logs"):
        page.keyboard.press("ArrowRight")
        tab = area.get_by_role("tab", name=name)
        assert tab.get_attribute("aria-selected") == "true"
        panel = area.locator(f"#{tab.get_attribute('aria-controls')}")
        panel.locator(".nbflow-view").wait_for()
    area.locator("pre.log", has_text="").wait_for()
    page.keyboard.press("ArrowRight")
    assert area.get_by_role("tab", name="Overview").get_attribute("aria-selected") == "true"


def test_dashboard_runs_shows_and_cancels(notebook):
    opened = notebook(WIDE, "%nbflow dashboard Whole")
    opened.run(0, 1)
    area = opened.outputs(1)
    area.get_by_role("tab", name="Run").click()
    area.locator(".nbflow-form input[type='number']").first.fill("30")
    area.locator(".nbflow-form").get_by_label("seconds").fill("0.5")
    area.locator(".plan", has_text="31 to run").wait_for()
    area.get_by_role("button", name="Run", exact=True).click()
    area.get_by_role("tab", name="Graph").click()
    area.locator(".nbflow-dag .nd.s2, .nbflow-dag .fam").first.wait_for(state="attached")
    area.get_by_role("tab", name="Overview").click()
    area.locator(".now .run", has_text="Whole").wait_for()
    area.locator(".now").get_by_role("button", name="Cancel").click()
    area.get_by_text("Nothing runs now.").wait_for()
    area.locator(".day", has_text="cancelled").wait_for()


def test_run_view_gives_way_to_its_card(notebook):
    opened = notebook(
        WIDE,
        "from nbflow.invocation import panels\n"
        "run = nbflow.start(Whole(count=4, seconds=0.4), background=True)\n"
        "panels.run_view(run)",
    )
    opened.run(0, 1)
    opened.outputs(1).locator(".nbflow-run").wait_for()
    opened.outputs(1).locator(".nbflow-run").wait_for(state="detached")
    card = opened.final_card(1)
    assert "succeeded" in card.inner_text()
    (output,) = opened.bundles(1)

    assert set(output["data"]) == {"text/html", "text/plain"}
    assert b"widgets" not in opened.save().partition(b'"metadata"')[0]


def test_widgets_are_legible_in_light_and_dark_and_at_any_width(shown, window):
    box(shown.outputs(DAG), "Weather").click()
    shown.outputs(DAG).locator(".detail", has_text="station").wait_for()
    shown.outputs(DAG).locator("svg.dag").click(position={"x": 3, "y": 3})
    faint, clipped, overlapping = [], [], []
    for theme in (LIGHT, DARK):
        window.set_theme(theme)
        for width in (800, 1600):
            window.set_width(width)
            for cell in (DAG, FORM, HISTORY, DASHBOARD):
                area = shown.outputs(cell)
                at = (theme, width, RUN_AND_SHOW[cell])
                # Disabled buttons are exempt (WCAG 1.4.3).
                disabled = set(area.locator("button:disabled").all_inner_texts())
                spoken = set(area.locator(".said").all_inner_texts())
                faint += [
                    (*at, text, ratio)
                    for text, ratio in text_contrasts(area).items()
                    if ratio < 4.5 and text not in disabled
                ]
                clipped += [(*at, text) for text in clipped_texts(area) if text not in spoken]
                overlapping += [(*at, text) for text in overlapping_texts(area)]

    assert faint == []
    assert clipped == []
    assert overlapping == []


def test_axe_finds_nothing_serious_in_widgets(shown, window):
    found = []
    shown.outputs(DAG).get_by_text("tasks as a table").click()
    for theme in (LIGHT, DARK):
        window.set_theme(theme)
        for tab in ("Overview", "Graph", "Run", "History", "Logs"):
            shown.outputs(DASHBOARD).get_by_role("tab", name=tab).click()
            result = Axe().run(window.page, context=".nbflow-view")
            found += [
                (theme, tab, each["id"], node["html"][:120])
                for each in result.response["violations"]
                if each["impact"] in {"serious", "critical"}
                for node in each["nodes"]
            ]

    assert found == []
