"""Compiled or plain: chosen once, bit-identical, never a crash for want of a cache."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from streamgauge.kernels import jit
from tests.engines.test_replay_splits import CONFIGURED, long_stream
from tests.replaying import run, text

CHOICES = [
    ("auto", True, 0, True), ("auto", False, 100_001, True), ("auto", False, 100_000, False),
    ("on", False, 1, True), ("off", True, 10**9, False),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "live", "rows", "compiled"), CHOICES)
def test_the_choice(monkeypatch: pytest.MonkeyPatch, setting: str, live: bool, rows: int, compiled: bool):
    monkeypatch.setenv("STREAMGAUGE_JIT", setting)
    with jit.running(compiled=False):
        assert jit.choose(live=live, rows=rows) is compiled
        assert jit.compiled() is compiled


def test_the_choice_of_a_block_ends_with_it():
    before = jit.compiled()
    with jit.running(compiled=not before):
        assert jit.compiled() is not before
    assert jit.compiled() is before


@pytest.mark.conformance
def test_compiled_and_plain_replays_are_byte_identical(monkeypatch: pytest.MonkeyPatch):
    records = long_stream(300)
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    plain = text(run(CONFIGURED, records))
    monkeypatch.setenv("STREAMGAUGE_JIT", "on")
    assert text(run(CONFIGURED, records, batch_size=97)) == plain


@jit.kernel
def halves(values: np.ndarray, out: np.ndarray) -> None:
    """A kernel of this test."""
    for i in range(values.shape[0]):
        out[i] = values[i] / 2.0


def test_a_kernel_is_the_plain_python_that_it_is_and_compiles_too():
    out = np.empty(2)
    halves.plain(np.array([1.0, 3.0]), out)
    assert out.tolist() == [0.5, 1.5]
    halves.fast(np.array([4.0, 8.0]), out)
    assert out.tolist() == [2.0, 4.0]
    assert halves.__doc__ == "A kernel of this test."


class Sums(NamedTuple):
    """Arrays of a kernel of this test."""

    total: np.ndarray
    rows: np.ndarray


@jit.inner
def note(sums: Sums, value: float) -> None:
    """Count a value."""
    sums.total[0] += value
    sums.rows[0] += 1


@jit.lean_kernel
def add_up(values: np.ndarray, sums: Sums) -> None:
    """Hands its arrays on, and makes none."""
    for i in range(values.shape[0]):
        note(sums, values[i:][0])


def test_a_lean_kernel_says_the_same_and_holds_no_array_afterwards():
    values, found = np.array([1.0, 2.5]), []
    for add in (add_up.plain, add_up.fast):
        sums = Sums(np.zeros(1), np.zeros(1, np.int64))
        holders = [sys.getrefcount(sums.total)]
        add(values, sums)
        holders.append(sys.getrefcount(sums.total))
        found.append((sums.total.tolist(), sums.rows.tolist(), holders[1] - holders[0]))
    assert found == [([3.5], [2], 0)] * 2


def test_without_a_writable_folder_there_is_no_cache_and_no_crash(tmp_path: Path):
    """As in a pod whose file system is read-only: the cache's place is a file."""
    blocked = tmp_path / "not-a-folder"
    blocked.write_text("")
    code = """if True:
        import numpy as np
        from streamgauge.kernels.running import clear
        totals = np.ones((2, 1))
        clear.fast(np.array([1]), totals, np.array([[2, 0, 0]]))
        print(totals.tolist())
    """
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(blocked / "inside")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[[1.0], [0.0]]", done.stderr


def test_a_change_of_any_kernel_leaves_the_cache_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is compiled into a kernel may stand in another file, of which numba's cache knows nothing."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    package, here = Path(jit.__file__).parents[1], tmp_path / "kernels"
    for folder in ("kernels", "statistics"):
        (tmp_path / folder).mkdir()
        for source in (package / folder).glob("*.py"):
            (tmp_path / folder / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(jit, "__file__", str(here / "jit.py"))
    before = jit._cache_folder.__wrapped__()
    assert before == jit._cache_folder.__wrapped__()
    with (here / "aggregate.py").open("a") as file:
        file.write("# changed")
    after = jit._cache_folder.__wrapped__()
    assert before != after
    assert after is not None
    assert after.is_dir()
