"""A dashboard as a page of its own, which voila serves without the notebook's code."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser_lab import write_notebook
from browser_tasks import REPORT

pytestmark = pytest.mark.browser


@pytest.fixture
def served(window):
    """Show a notebook as voila serves it; the page is closed after."""
    page = window.page.context.new_page()
    page.set_default_timeout(60_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def show(*cells):
        path = write_notebook(window.server.root / "voila" / "page.ipynb", cells)
        address = f"{window.server.base}/voila/render/{path.relative_to(window.server.root)}"
        page.goto(f"{address}?token={window.server.token}")
        return page

    yield show
    page.close()
    assert errors == []


def test_dashboard_is_served_without_code_and_starts_nothing(served):
    page = served(REPORT, "%nbflow run Features day=2026-08-01;", "%nbflow dashboard Report")
    dashboard = page.locator(".nbflow-dashboard")
    dashboard.get_by_role("tab", name="Overview").wait_for()
    dashboard.locator(".day", has_text="Features").wait_for()

    assert "class RawSales" not in page.content()
    for name in ("Graph", "History", "Logs"):
        dashboard.get_by_role("tab", name=name).click()
        tab = dashboard.get_by_role("tab", name=name)
        page.locator(f"#{tab.get_attribute('aria-controls')} .nbflow-view").wait_for()
    assert dashboard.get_by_role("button", name="Run", exact=True).count() == 0
    assert dashboard.get_by_role("button", name="Cancel").count() == 0
    found = Axe().run(page, context=".nbflow-dashboard").response["violations"]
    assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []
