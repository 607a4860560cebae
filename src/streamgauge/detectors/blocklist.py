"""Tells of each record whose value is on a list of what must not occur.

When to use it: known bad values: accounts that must not log in, countries not served, addresses that are blocked.

**The rule.** A record whose ``of`` is one of ``values`` is a match. The first match of a key opens an incident at that
record; further ones keep it open; it resolves ``resolve_after`` of event time after the last one. A missing value is on no
list.

Parameters: ``of`` (field), ``values`` (list), ``by`` (field or list; default none), ``resolve_after`` (duration, default
5m), ``severity`` (default ``critical``). It learns nothing. State: 16 bytes per key. It is ElastAlert's ``blacklist``.

>>> from streamgauge.testing import judge
>>> judge("blocklist", {"of": "user", "values": ["root", "admin"], "by": "host"}, times=[0.0, 1.0, 2.0, 400.0],
...       values={"user": ["anna", "root", None, "anna"], "host": ["h1", "h1", "h2", "h1"]})
['1.0 critical h1', '301.0 ok h1']
"""

from __future__ import annotations

from typing import Any, Literal

from streamgauge.detectors.contract import Context, Picture
from streamgauge.detectors.listed import Listed, ListRuleConfig, listed


class Config(ListRuleConfig):
    """``detect: {type: blocklist, of: user, values: [root, admin], by: host}``."""

    type: Literal["blocklist"] = "blocklist"


EXAMPLE = {"detect": {"type": "blocklist", "of": "word", "values": ["y"], "by": "key", "resolve_after": "3s"}}
"""A monitor for the checks of the contract."""


def _run() -> tuple[list[float], dict[str, list[Any]], None]:
    """Two hosts, three users, and one who must not be there."""
    times = [float(t) for t in range(0, 240, 4)]
    users = [("anna", "ben", "eve")[i % 3] for i in range(len(times))]
    users[21] = users[25] = "mallory"
    return times, {"host": [f"h{1 + i % 2}" for i in range(len(times))], "user": users}, None


PICTURE = Picture(
    "blocklist: mallory logs in twice on h2",
    {"of": "user", "values": ["mallory"], "by": "host", "resolve_after": "40s"},
    _run,
    by="host",
)


def build(config: Config, context: Context) -> Listed:
    """The detector of one monitor; raises ConfigError where field, values or window do not fit."""
    return listed(config, context, wanted=False, missing=False)
