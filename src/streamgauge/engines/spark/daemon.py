"""What Spark starts instead of its own Python daemon: the same, with our code loaded before workers are forked.

Each worker would otherwise load it by itself, which takes seconds and tens of megabytes.
"""

from __future__ import annotations

from pyspark import daemon

from streamgauge import arrow

arrow.in_our_process()
arrow.pyarrow()

import streamgauge.engines.spark.ends  # noqa: E402
import streamgauge.engines.spark.handler  # noqa: E402, F401

if __name__ == "__main__":
    daemon.manager()
