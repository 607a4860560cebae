"""pyarrow without pandas, where the process is ours; and arrays as NumPy's."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from streamgauge import arrow

STEPS = """
import sys
from streamgauge import arrow
{ours}
from streamgauge.stores.blocks import Block, Part, decode, encode
import numpy as np
columns = dict(i=np.arange(3), f=np.arange(3.0), b=np.array([True, False, True]), s=np.array(["a", None, "c"], object))
back = decode(encode(Block("shape", 1, 0, -1, {{}}, [Part("t", 3, columns)]))).parts[0].columns
assert all(list(back[name]) == list(columns[name]) for name in columns)
print("pandas" in sys.modules)
import pandas as pd
frame = pd.DataFrame({{"x": [1.0, None], "s": ["a", None]}})
table = arrow.pyarrow().Table.from_pandas(frame)
print(table.to_pydict(), list(table.to_pandas().columns))
"""


@pytest.mark.parametrize(("ours", "loaded"), [("arrow.in_our_process()", False), ("", True)])
def test_a_process_of_ours_loads_no_pandas_and_converts_to_it_all_the_same(ours: str, loaded: bool) -> None:
    program = STEPS.format(ours=ours)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{loaded}\n{{'x': [1.0, None], 's': ['a', None]}} ['x', 's']\n"
    assert not done.stderr


def test_nothing_is_warned_of_even_when_another_thread_puts_its_filters_back() -> None:
    program = """
import warnings
warnings.simplefilter = lambda *_, **__: None  # as if it were undone at once
from streamgauge import arrow
arrow.in_our_process()
arrow.pyarrow()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not done.stderr


@pytest.mark.parametrize("kind", ["int8", "int32", "int64", "uint16", "float32", "float64", "bool"])
@pytest.mark.parametrize("span", [slice(0, 0), slice(0, 9), slice(3, 8)])
def test_numbers_are_those_of_the_array(kind: str, span: slice) -> None:
    values = (np.arange(9) % 3).astype(kind)
    found = arrow.numbers(pa.array(values)[span])
    assert found.dtype == values.dtype
    assert found.tolist() == values[span].tolist()
