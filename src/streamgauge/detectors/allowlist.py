"""Tells of each record whose value is not on the list of what may occur.

When to use it: the values are few and known: countries served, versions released, states of an order.

**The rule.** A record whose ``of`` is none of ``values`` is a match. The first match of a key opens an incident at that
record; further ones keep it open; it resolves ``resolve_after`` of event time after the last one. A missing value is passed
over, unless ``missing: true`` says that it must not be missing.

Parameters: ``of`` (field), ``values`` (list), ``missing`` (default ``false``), ``by`` (field or list; default none),
``resolve_after`` (duration, default 5m), ``severity`` (default ``critical``). It learns nothing; what was not seen before is
[`new_term`](new_term.md)'s. State: 16 bytes per key. It is ElastAlert's ``whitelist``.

>>> from streamgauge.testing import judge
>>> judge("allowlist", {"of": "country", "values": ["CH", "DE"], "resolve_after": "10s"}, times=[0.0, 1.0, 2.0, 20.0],
...       values={"country": ["CH", "XX", None, "DE"]})
['1.0 critical', '11.0 ok']
"""

from __future__ import annotations

from typing import Any, Literal

from streamgauge.detectors.contract import Context, Picture
from streamgauge.detectors.listed import Listed, ListRuleConfig, listed


class Config(ListRuleConfig):
    """``detect: {type: allowlist, of: country, values: [CH, DE]}``."""

    type: Literal["allowlist"] = "allowlist"
    missing: bool = False
    """Whether a record without the value is told too."""


EXAMPLE = {
    "detect": {"type": "allowlist", "of": "number", "values": [0, 1], "by": "key", "resolve_after": "3s"}
}
"""A monitor for the checks of the contract."""


def _run() -> tuple[list[float], dict[str, list[Any]], None]:
    """Two shops, and one order from elsewhere."""
    times = [float(t) for t in range(0, 240, 4)]
    countries = [("CH", "DE", "CH")[i % 3] for i in range(len(times))]
    countries[20] = "XX"
    return times, {"shop": [f"s{1 + i % 2}" for i in range(len(times))], "country": countries}, None


PICTURE = Picture(
    "allowlist: a payment from XX, where CH and DE are served",
    {"of": "country", "values": ["CH", "DE"], "by": "shop", "resolve_after": "40s"},
    _run,
    by="shop",
)


def build(config: Config, context: Context) -> Listed:
    """The detector of one monitor; raises ConfigError where field, values or window do not fit."""
    return listed(config, context, wanted=True, missing=config.missing)
