"""Every detector found by its file's name keeps the contract."""

import pytest

from streamgauge.config import plugins
from streamgauge.conformance import check_detector

pytestmark = pytest.mark.conformance


@pytest.mark.parametrize("name", plugins.names("detectors"))
def test_contract(name: str):
    check_detector(name)
