"""Every example in a docstring of the package runs."""

import doctest
import importlib
import pkgutil

import pytest

import streamgauge

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(streamgauge.__path__, "streamgauge.")
    if not found.name.endswith("__main__") and ".migrations." not in found.name
)


def test_the_package_is_walked_whole():
    """An empty list would let everything pass."""
    assert len(MODULES) > 80
    assert "streamgauge.detectors.silence" in MODULES


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str):
    """The answers in the text are the answers given."""
    failed, _ = doctest.testmod(importlib.import_module(name), report=True)
    assert failed == 0
