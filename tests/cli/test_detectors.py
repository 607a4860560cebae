"""``streamgauge detectors``: the list, and the lesson of one."""

from __future__ import annotations

import pytest

from streamgauge.config import plugins
from tests.cli.in_process import Verb


@pytest.fixture
def detectors(capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb("detectors", capsys)


def test_all_are_listed_each_with_what_it_does(detectors: Verb):
    found = detectors()
    assert found.code == 0
    assert [line.split()[0] for line in found.lines[1:]] == plugins.names("detectors")
    assert any("going" in line or "quiet" in line for line in found.lines)


def test_the_lesson_of_one_with_its_example_and_its_keys(detectors: Verb):
    found = detectors("threshold")
    assert found.code == 0
    assert found.out.startswith("A limit that people set")
    assert '>>> judge("threshold"' in found.out
    (row,) = [line for line in found.lines if line.startswith("when ")]
    assert "required" in row


def test_as_data(detectors: Verb):
    (one,) = detectors("auto", "--json").objects
    assert (one["type"], one["keys"]["learn"]["default"], one["keys"]["learn"]["required"]) == (
        "auto",
        150,
        False,
    )
    assert len(detectors("--json").objects) == len(plugins.names("detectors"))


def test_durations_are_shown_as_the_file_has_them(detectors: Verb):
    (row,) = [line for line in detectors("auto").lines if line.startswith("accept_after")]
    assert row.split()[1] == "1h"
    assert all(" PT" not in detectors(name).out for name in plugins.names("detectors"))


def test_a_name_that_is_none_ends_with_2_and_the_nearest(detectors: Verb):
    found = detectors("autp")
    assert (found.code, found.out) == (2, "")
    assert "did you mean `auto`" in found.err
