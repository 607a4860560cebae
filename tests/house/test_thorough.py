"""`make soak` makes hypothesis look longer, whatever a test asks for."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import thorough


@pytest.mark.parametrize(("factor", "looked_at"), [(1, 10), (7, 70)])
def test_the_examples_are_multiplied(monkeypatch, factor, looked_at):
    seen = []

    @settings(max_examples=10, database=None)
    @given(st.integers())
    def example(number):
        seen.append(number)

    monkeypatch.setattr(thorough, "FACTOR", factor)
    items: Any = [SimpleNamespace(obj=example), SimpleNamespace(obj=example), SimpleNamespace()]
    thorough.pytest_collection_modifyitems(items)
    example()
    assert len(seen) == looked_at
