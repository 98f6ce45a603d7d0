"""`luigi.date_interval`: days, weeks, months, years and spans."""

from __future__ import annotations

from nbflow.core.model.interval import Custom, Date, DateInterval, Month, Week, Year

__all__ = ["Custom", "Date", "DateInterval", "Month", "Week", "Year"]
