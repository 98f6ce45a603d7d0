"""Values that cannot change: an ordered mapping with a hash, and freezing of nested ones.

Source: Luigi's `freezing` (P-45).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)

#: Types that hold nothing; asking an abstract class costs several times as much.
_SCALARS = frozenset({str, int, float, bool, type(None)})


class FrozenOrderedDict(Mapping[K, V_co]):
    """A mapping that keeps its order, cannot be changed, and has a hash if its values have.

    Equal to any mapping with the same items; `dict(x)` makes a copy that can be changed.
    """

    __slots__ = ("_hash", "_items")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._items: dict[K, V_co] = dict(*args, **kwargs)
        self._hash: int | None = None

    def __getitem__(self, key: K) -> V_co:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)

    def __hash__(self) -> int:
        if self._hash is None:
            value = 0
            for item in self._items.items():
                value ^= hash(item)
            self._hash = value
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        # The hash of text differs between processes and must not travel.
        return (FrozenOrderedDict, (self._items,))

    def get_wrapped(self) -> dict[K, V_co]:
        """Give the dict inside, which must not be changed."""
        return self._items


def recursively_freeze(value: Any) -> Any:
    """Give `value` with mappings as `FrozenOrderedDict` and lists as tuples, all through."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, (list, tuple)):
        return tuple(map(recursively_freeze, value))
    if isinstance(value, Mapping):
        return FrozenOrderedDict((key, recursively_freeze(item)) for key, item in value.items())
    return value


def recursively_unfreeze(value: Any) -> Any:
    """Give `value` with mappings as dicts, lists and tuples as lists, all through."""
    if isinstance(value, Mapping):
        return {key: recursively_unfreeze(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [recursively_unfreeze(item) for item in value]
    return value
