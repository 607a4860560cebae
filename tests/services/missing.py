"""What to do when a server cannot be had on this machine."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRE = "STREAMGAUGE_REQUIRE_SERVICES"


class CannotBeHadError(Exception):
    """The server cannot be brought up here; the text says what to install."""


def skip_or_fail(reason: str) -> NoReturn:
    """Skip with ``reason``; under ``STREAMGAUGE_REQUIRE_SERVICES=1`` fail instead, so that nothing is missed."""
    if os.environ.get(REQUIRE, "") not in ("", "0"):
        pytest.fail(f"{REQUIRE} is set, but: {reason}", pytrace=False)
    pytest.skip(reason)
