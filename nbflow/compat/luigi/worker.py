"""`luigi.worker`: the section `worker`, and the error of something that is no task.

The loop itself is nbflow's, and cannot be subclassed by way of this module.
"""

from __future__ import annotations

from nbflow.compat.luigi._sections import worker
from nbflow.core.errors import NotATaskError as TaskException

__all__ = ["TaskException", "worker"]
