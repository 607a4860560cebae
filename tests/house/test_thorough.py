"""`make soak` makes hypothesis look longer, whatever a test asks for, and `make test` less long."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import thorough


@pytest.mark.parametrize(("factor", "looked_at"), [(0.01, 10), (0.5, 15), (7.0, 210)])
def test_the_examples_are_multiplied(monkeypatch, factor, looked_at):
    seen = []

    @settings(max_examples=30, database=None)
    @given(st.integers())
    def example(number):
        seen.append(number)

    monkeypatch.setattr(thorough, "FACTOR", factor)
    items: Any = [SimpleNamespace(obj=example), SimpleNamespace(obj=example), SimpleNamespace()]
    thorough.pytest_collection_modifyitems(items)
    example()
    assert len(seen) == looked_at
