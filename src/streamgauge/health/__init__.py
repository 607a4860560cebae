"""What ``streamgauge health`` does: the pollers of a configuration ask a few times, and its own monitors judge the answers.

=================== ====================================================================
:mod:`.looking`     asks what the streams ask, until each has answered often enough
:mod:`.judging`     replays the answers through the monitors: how each stands at the last
:mod:`.short_lag`   what a look that is shorter than its window can know of a lag
=================== ====================================================================
"""

from __future__ import annotations
