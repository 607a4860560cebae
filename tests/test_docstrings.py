"""Every example in a docstring of the package runs."""

import doctest
import importlib
import importlib.util
import pkgutil
from pathlib import Path

import pytest

import streamgauge

ELSEWHERE = {f"streamgauge.engines.spark.{name}" for name in ("daemon", "ends", "handler", "listener")}
"""Written for Spark's classes, which only its own environment has."""
_FINDER = doctest.DocTestFinder()
MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(streamgauge.__path__, "streamgauge.")
    if not found.name.endswith("__main__") and ".migrations." not in found.name
)


def test_the_package_is_walked_whole():
    """An empty list would let everything pass."""
    assert len(MODULES) > 80
    assert "streamgauge.detectors.silence" in MODULES


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_no_example_hides_where_it_cannot_run(name: str):
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    assert ">>>" not in Path(found.origin).read_text("utf-8")


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ELSEWHERE])
def test_examples(name: str):
    """The answers in the text are the answers given."""
    runner = doctest.DocTestRunner()
    for test in _FINDER.find(importlib.import_module(name), name):
        if (
            test.examples
        ):  # to begin one takes longer than to run it: all files are asked whether they changed
            runner.run(test)
    assert runner.summarize().failed == 0
