"""Outputs harm neither the page, nor other widgets, nor who reads with other eyes."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser_lab import DARK, LIGHT
from browser_tasks import REPORT

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=window.pwned=1>\"'];a->b</script><svg onload=window.pwned=2>\x1b[31m"

HOSTILE_TASKS = f"""
%load_ext nbflow
import nbflow
text = {HOSTILE!r}

class Bad(nbflow.Task):
    text: str
    token: str = nbflow.Parameter(default="sesame-0815", visibility=nbflow.ParameterVisibility.PRIVATE)
    def run(self):
        self.set_tracking_url("javascript:window.pwned=3")
        raise ValueError(self.text + self.token)

class Above(nbflow.Task):
    text: str
    def requires(self):
        return Bad(text=self.text)
"""

BYSTANDERS = """
import ipywidgets
bar = ipywidgets.FloatProgress(value=3, max=10, description="unrelated")
button = ipywidgets.Button(description="unrelated", button_style="info")
ipywidgets.VBox([bar, button, ipywidgets.HTML("<table><tr><th>a</th></tr></table><pre>x</pre>")])
"""

#: Every computed style of an output's elements.
STYLES = """(area) => [...area.querySelectorAll('.jp-OutputArea-output *')].map(e => {
  const style = getComputedStyle(e);
  return Object.fromEntries([...style].filter(n => !n.startsWith('--')).map(n => [n, style[n]]));
})"""

COMMANDS = (
    "%nbflow run Report day=2026-08-01 --no-raise",
    "%nbflow run TrainModel day=2026-08-01",
    "%nbflow plan Report day=2026-08-02",
    "%nbflow dag Report day=2026-08-01",
    "%nbflow params Report",
    "%nbflow tasks",
    "%nbflow config",
)


def test_hostile_text_is_shown_and_does_nothing(notebook):
    lines = (
        "%nbflow run Above text=$text --no-raise",
        "%nbflow dag Above text=$text",
        "%nbflow show Bad text=$text",
        "%nbflow plan Above text=$text",
        "%nbflow history --task",
        "%nbflow run Above text=$text --no-raise --bg",
    )
    opened = notebook(HOSTILE_TASKS, *lines)
    opened.run(*range(len(lines) + 1))
    opened.final_card(1)
    opened.final_card(len(lines))

    for cell in range(1, len(lines) + 1):
        area = opened.outputs(cell)
        area.evaluate("(a) => a.querySelectorAll('details').forEach(each => each.open = true)")
        assert area.locator("script, [onerror], [onload], img[src=x]").count() == 0
        assert area.locator("a[href^=javascript]").count() == 0
    assert opened.page.evaluate("() => window.pwned") is None
    assert "<img src=x onerror=window.pwned=1>" in opened.outputs(1).inner_text()
    outputs = json.dumps(json.loads(opened.save())["cells"][1:])
    assert "sesame-0815" not in outputs


def test_other_outputs_keep_their_style(notebook):
    opened = notebook(BYSTANDERS, REPORT, *COMMANDS)
    opened.run(0)
    opened.outputs(0).locator(".widget-button").wait_for()
    before = opened.outputs(0).evaluate(STYLES)

    opened.run(1, 2)
    opened.begin(3)
    opened.wait_for_end()
    opened.run(4, 5, 6, 7, 8)
    opened.final_card(2)

    after = opened.outputs(0).evaluate(STYLES)
    changed = [
        {name: (a[name], b.get(name)) for name in a if a[name] != b.get(name)}
        for a, b in zip(before, after, strict=True)
    ]
    print(f"T-25 elements: {len(before)}, changed: {sum(map(bool, changed))}")
    assert len(before) > 10
    assert [each for each in changed if each] == []


def test_axe_finds_nothing_serious(notebook, window):
    opened = notebook(REPORT, *COMMANDS)
    opened.run(*range(len(COMMANDS) + 1))
    opened.final_card(1)
    opened.page.evaluate(
        """() => document.querySelectorAll('.jp-OutputArea-output').forEach(
             (e, i) => e.dataset.nbflowOutput = i)"""
    )
    found = []
    for theme in (LIGHT, DARK):
        window.set_theme(theme)
        result = Axe().run(opened.page, context="[data-nbflow-output] > *")
        found += [
            (theme, v["id"], v["impact"], [n["html"][:200] for n in v["nodes"]])
            for v in result.response["violations"]
        ]

    print("T-20 axe:", [(theme, rule, impact) for theme, rule, impact, _ in found] or "nothing")
    assert [each for each in found if each[2] in {"serious", "critical"}] == []
