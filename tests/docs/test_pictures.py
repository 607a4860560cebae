"""Each detector's picture is the one that its run gives now."""

import pytest

from streamgauge.config import plugins
from tests.docs import pictures


@pytest.mark.parametrize("name", pictures.drawn())
def test_the_picture_is_as_drawn(name: str):
    assert pictures.place(name).read_text("utf-8") == pictures.picture(name), "run `make docs`"


def test_each_detector_has_one():
    ours = [
        name
        for name in plugins.names("detectors")
        if plugins.module("detectors", name).__name__.startswith("streamgauge.")
    ]
    assert pictures.drawn() == ours


def test_no_picture_is_left_over():
    assert sorted(path.stem for path in pictures.FOLDER.glob("*.svg")) == pictures.drawn()
