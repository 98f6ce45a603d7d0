"""`luigi.task_status`: the words for a task's status (W-82)."""

from __future__ import annotations

from typing import Final

PENDING: Final = "PENDING"
FAILED: Final = "FAILED"
DONE: Final = "DONE"
RUNNING: Final = "RUNNING"
BATCH_RUNNING: Final = "BATCH_RUNNING"
SUSPENDED: Final = "SUSPENDED"
UNKNOWN: Final = "UNKNOWN"
DISABLED: Final = "DISABLED"
