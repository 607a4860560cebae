"""Every way of cutting keeps the contract."""

from typing import Any

import pytest

from streamgauge.conformance import check_window

pytestmark = pytest.mark.conformance

CUTS: dict[str, dict[str, Any]] = {
    "tumbling": {"type": "tumbling", "size": "5s"},
    "tumbling, empty ones too": {"type": "tumbling", "size": "7s", "include_empty": True},
    "hopping": {"type": "hopping", "size": "6s", "advance": "2500ms"},
    "hopping, with grace and changes": {
        "type": "hopping", "size": "6s", "advance": "2500ms", "grace": "4s", "emit": "changes"
    },
    "session": {"type": "session", "gap": "2s"},
    "session, with grace and changes": {"type": "session", "gap": "3s", "grace": "4s", "emit": "changes"},
    "count": {"type": "count", "size": 4, "every": 3, "min": 2},
    "running": {"type": "running", "every": "6s"},
}  # fmt: skip


@pytest.mark.parametrize("name", CUTS)
def test_contract(name: str):
    check_window(CUTS[name])


@pytest.mark.parametrize("name", [name for name in CUTS if not name.startswith("session")])
def test_contract_when_sorted_by_time(name: str):
    check_window(CUTS[name], order="time", compiled=False)


def test_every_type_of_window_is_checked():
    from streamgauge.config.windows import WINDOW_TYPES

    assert {cut["type"] for cut in CUTS.values()} == set(WINDOW_TYPES)
