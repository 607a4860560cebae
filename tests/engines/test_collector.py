"""Python's cycle collector beside a running engine: set aside what lives, and as before at the end."""

from __future__ import annotations

import gc

import pytest

from streamgauge.engines.embedded.collector import FROZEN, YOUNG, out_of_the_way


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the collector, in order; to set everything aside anew would cost this run more than all its tests."""
    asked: list[str] = []
    for name in ("collect", "freeze", "unfreeze"):
        monkeypatch.setattr(gc, name, lambda name=name: asked.append(name))
    return asked


def test_what_lives_is_set_aside_and_comes_back(frozen: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 375)
    before = gc.get_threshold()
    with out_of_the_way():
        assert frozen == ["collect", "freeze"]
        assert gc.get_threshold()[0] == YOUNG
    assert frozen == ["collect", "freeze", "unfreeze"]
    assert gc.get_threshold() == before


def test_what_the_program_around_has_set_aside_stays_so(frozen: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gc, "get_freeze_count", lambda: FROZEN)
    before = gc.get_threshold()
    with out_of_the_way():
        assert gc.get_threshold()[0] == YOUNG
    assert frozen == []
    assert gc.get_threshold() == before
