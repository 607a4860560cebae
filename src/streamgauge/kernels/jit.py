"""One decorator for every kernel: compiled by numba, or run as the plain Python that it is.

Both give bit-identical answers; the plain one is the oracle, the debugger's view and the coverage.
``STREAMGAUGE_JIT`` chooses: ``on``, ``off``, or ``auto`` (the default): compiled for live sources and for
more than 100,000 rows.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

ENOUGH_ROWS = 100_000
"""From this many rows on, compiling pays."""


class Kernel(Generic[P, R]):
    """A row loop with two bodies, chosen per call by :func:`compiled`."""

    def __init__(self, function: Callable[P, R], *, counts: bool = True) -> None:
        functools.update_wrapper(self, function)
        self.plain = function
        self._counts = counts
        self._fast: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the body that this run chose."""
        if _mode.compiled:
            return self.fast(*args, **kwargs)
        with np.errstate(all="ignore"):
            return self.plain(*args, **kwargs)

    @property
    def fast(self) -> Callable[P, R]:
        """The compiled body; compiled at first use, kept on disk where that is possible."""
        if self._fast is None:
            self._fast = _compile(self.plain, counts=self._counts)
        return self._fast


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a plain loop over NumPy arrays as a kernel.

    It must: take arrays and numbers only; allocate little; call no Python object but other kernels' plain
    bodies through :func:`inner`. Kernels that call each other use :func:`inner`.
    """
    return Kernel(function)


def lean_kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a kernel that makes no array: it is compiled without counting who holds which.

    Worth it where tuples of arrays are handed to functions marked :func:`inner`: counting takes most of the time there.
    """
    return Kernel(function, counts=False)


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a small function that kernels call; it is compiled into them, and plain in plain runs."""
    _inner.append(function)
    return function


_inner: list[Callable[..., Any]] = []


class _Mode:
    """Whether calls go to the compiled bodies; set once by the engine, not per call."""

    def __init__(self) -> None:
        self.compiled = os.environ.get("STREAMGAUGE_JIT", "auto") == "on"


_mode = _Mode()


def choose(*, live: bool, rows: int = 0) -> bool:
    """Decide for this run whether kernels are compiled, and say so.

    Args:
        live: whether the source has no end.
        rows: how many rows are known to come, where that is known.
    """
    setting = os.environ.get("STREAMGAUGE_JIT", "auto")
    _mode.compiled = setting == "on" or (setting != "off" and (live or rows > ENOUGH_ROWS))
    return _mode.compiled


@contextmanager
def running(*, compiled: bool) -> Iterator[None]:
    """Run kernels compiled or plain within the block, whatever was chosen: for checks that compare both."""
    before, _mode.compiled = _mode.compiled, compiled
    try:
        yield
    finally:
        _mode.compiled = before


def compiled() -> bool:
    """Whether kernels run compiled now."""
    return _mode.compiled


def _compile(function: Callable[P, R], *, counts: bool) -> Callable[P, R]:
    import numba
    from numba.core.options import DefaultOptions
    from numba.extending import register_jitable

    while _inner:
        # Inlined by force: an argument that is a tuple of arrays is otherwise copied at each call, half of the time.
        register_jitable(error_model="numpy", forceinline=True)(_inner.pop())
    options: dict[str, Any] = {"nogil": True, "fastmath": False, "parallel": False, "error_model": "numpy"}
    uncounted = "_nrt"  # numba's name for it; one that does not know it is slower and says the same
    if not counts and hasattr(DefaultOptions, uncounted):
        options[uncounted] = False
    folder = _cache_folder()
    if folder is not None:
        numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # read from the environment at its import
    fast: Callable[P, R] = numba.njit(cache=folder is not None, **options)(function)
    return fast


@functools.cache
def _cache_folder() -> Path | None:
    """Where compiled kernels are kept. No writable folder means no cache, never a crash (a restricted pod has none).

    It is named by what all kernels say: numba itself looks at the one file that a kernel stands in, and would
    go on with an old body of what is compiled into it.
    """
    here = Path(__file__).parent
    sources = [*sorted(here.glob("*.py")), here.parent / "statistics/tails.py"]  # compiled into kernels too
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    above = Path(os.environ.get("NUMBA_CACHE_DIR") or here / "__pycache__")
    folder = above / f"kernels-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None
