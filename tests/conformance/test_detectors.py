"""Every detector found by its file's name keeps the contract."""

from types import ModuleType

import numpy as np
import pytest

from streamgauge.config import plugins
from streamgauge.conformance import check_detector, profile
from streamgauge.detectors import silence, threshold
from streamgauge.detectors.silence import SilenceState

pytestmark = pytest.mark.conformance


@pytest.mark.parametrize("name", plugins.names("detectors"))
def test_contract(name: str):
    check_detector(name)


class ForgetsOnRestore(SilenceState):
    """Saves nothing of what it knows."""

    def restore(self, tables):
        """Start anew."""


@pytest.fixture
def unshrunk(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(profile, "SHRINK", False)


@pytest.mark.usefixtures("unshrunk")
def test_a_detector_that_loses_its_state_is_found_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(silence, "SilenceState", ForgetsOnRestore)
    with pytest.raises(AssertionError, match="depend on how the stream is driven"):
        check_detector(silence, compiled=False)


@pytest.mark.usefixtures("unshrunk")
def test_a_detector_that_counts_batches_is_found_out(monkeypatch: pytest.MonkeyPatch):
    step = threshold.Threshold.step

    def only_large_batches(self, state, results):
        verdicts = step(self, state, results)
        return verdicts if len(results) > 1 else verdicts.take(np.empty(0, np.int64))

    monkeypatch.setattr(threshold.Threshold, "step", only_large_batches)
    with pytest.raises(AssertionError, match="depend on how the stream is driven"):
        check_detector(threshold, compiled=False)


def test_a_detector_without_an_example_is_told_what_to_give():
    with pytest.raises(AssertionError, match="has no EXAMPLE"):
        check_detector(ModuleType("bare"))
