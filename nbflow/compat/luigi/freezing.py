"""`luigi.freezing`: values that cannot change."""

from __future__ import annotations

from nbflow.core.model.frozen import FrozenOrderedDict, recursively_freeze, recursively_unfreeze

__all__ = ["FrozenOrderedDict", "recursively_freeze", "recursively_unfreeze"]
