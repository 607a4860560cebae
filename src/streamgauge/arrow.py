"""pyarrow, without the pandas that it would bring.

With its first array pyarrow looks for pandas, and loads it wherever it is installed: half a second at each start and
40 MB that nobody here uses. In a process of our own it is told that there is none; whoever converts to pandas in it
all the same gets what he asks for, since pyarrow looks again then.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.abc import MetaPathFinder
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS = {"double": "float64", "float": "float32", "halffloat": "float16"}

_ours = False


def in_our_process() -> None:
    """Say that this process is ours alone: no other thread of it may be importing pandas at this moment."""
    global _ours  # noqa: PLW0603  one switch of the whole process, thrown once
    _ours = True


class _NoPandas(MetaPathFinder):
    """While it is asked first, there is no pandas; an import fails, which pyarrow takes as it is and warns of nothing."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Refuse it; all else is for others to find."""
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not asked for", name=fullname)


_once = Lock()


def pyarrow() -> Any:
    """The module, loaded when it is first needed; threads that need it at once wait for the first."""
    with _once:
        return _loaded()


@cache
def _loaded() -> Any:
    import numpy as np
    import pyarrow as pa

    if _ours and "pandas" not in sys.modules:
        hidden = _NoPandas()
        sys.meta_path.insert(0, hidden)
        try:
            pa.array(np.zeros(1))
        finally:
            sys.meta_path.remove(hidden)
    return pa


def numbers(array: Any) -> NDArray[Any]:
    """An array of numbers or booleans without nulls as NumPy's, numbers without a copy."""
    import numpy as np

    if not len(array):
        return np.empty(0, _FLOATS.get(str(array.type), str(array.type)))
    data = array.buffers()[1]
    if str(array.type) == "bool":
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[array.offset : array.offset + len(array)].astype(np.bool_)
    kind = np.dtype(_FLOATS.get(str(array.type), str(array.type)))
    return np.frombuffer(data, kind, len(array), array.offset * kind.itemsize)
