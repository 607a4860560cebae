"""The contracts as runnable checks, for whoever writes a detector, a window, a source, a channel or a format.

Each check is a plain function that raises AssertionError and says what broke which promise. Call it in a test::

    from streamgauge.conformance import check_detector

    def test_my_detector_keeps_the_contract():
        check_detector("my_detector")

They need Hypothesis (``pip install hypothesis``). ``STREAMGAUGE_CONFORMANCE_EXAMPLES`` says how many random
streams are tried (default 10, for detectors 5, the same ones each time; a long run takes 500, others each time).
"""

from streamgauge.conformance.channels import check_channel
from streamgauge.conformance.detectors import check_detector
from streamgauge.conformance.formats import check_format
from streamgauge.conformance.sources import check_source
from streamgauge.conformance.windows import check_window

__all__ = ["check_channel", "check_detector", "check_format", "check_source", "check_window"]
