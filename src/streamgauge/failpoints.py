"""Named places at which a test may have this process killed, as if the power went.

``STREAMGAUGE_FAILPOINT="commit.before"`` kills at the first pass, ``"commit.before:3"`` at the third. Without
the variable :func:`reach` does nothing. It is for kill tests only: there is no clean-up, by intent.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Final

NAMES: Final = (
    "commit.before",
    "commit.between-log-and-fold",
    "commit.after-before-send",
    "send.after-before-mark",
    "rows.after-before-mark",
)
"""Every place, in the order in which one notice passes them."""

INBOX: Final = "inbox.after-commit"
"""Records that came by HTTP are in the inbox, and whoever sent them does not know yet."""

FILE: Final = "file.before-rename"
"""A file of rows is on the disk under its hidden name."""

FIT: Final = "fit.before-answer"
"""A worker has taken a series and not answered yet."""

KEPT: Final = "forecasts.before-finish"
"""All series of a refit are fitted, and the kept forecasts are not written yet."""

DUMPED: Final = "handover.before-commit"
"""A part of a hand-over is written to the history, and not committed."""

HANDED: Final = "handover.before-delete"
"""It is committed and compared, and still in Redis."""

TAKEN_AWAY: Final = "handover.after-delete"
"""It has left Redis."""

POSTED: Final = "client.before-note"
"""A server has taken what waited in a client's queue, and the queue does not know yet."""

_passed: Counter[str] = Counter()
_PLAN: Final = os.environ.get("STREAMGAUGE_FAILPOINT", "")


def reach(name: str) -> None:
    """Say that the process is at ``name``; does not return when the variable asks for a kill here."""
    if _PLAN:
        _pass(name, _PLAN)


def _pass(name: str, plan: str) -> None:
    wanted, _, nth = plan.partition(":")
    if name != wanted:
        return
    _passed[name] += 1
    if _passed[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
