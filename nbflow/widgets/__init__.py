"""Widgets where a person acts: graph, run, history, log, form, dashboard.

ipywidgets and anywidget are imported when the first of them is shown by a page.
"""

from __future__ import annotations

from nbflow.widgets.dag_view import DagView
from nbflow.widgets.dashboard import Dashboard
from nbflow.widgets.history_view import HistoryView
from nbflow.widgets.log_view import LogView
from nbflow.widgets.parameter_form import ParameterForm
from nbflow.widgets.run_view import RunView

__all__ = ["DagView", "Dashboard", "HistoryView", "LogView", "ParameterForm", "RunView"]
