"""Which monitors several instances share by partition, and which the one that leads runs."""

from __future__ import annotations

from typing import Any

from streamgauge.config.models import Config
from streamgauge.engines.instances.division import digest_of, divided
from streamgauge.plan import Plan, make_plan
from tests.replaying import config

N = {"n": "count(*)"}
WHEN = {"type": "threshold", "when": "n > 1"}


def counting(by: str | None, size: str = "5s", **more: Any) -> dict[str, Any]:
    cut = {"type": "tumbling", "size": size, "compute": N, **({} if by is None else {"by": by})}
    return {"window": cut, "detect": WHEN, **more}


def named(plan: Plan) -> set[str]:
    return {m.name for stream in plan.streams.values() for group in stream.groups for m in group.monitors}


def halves(made: Config) -> tuple[set[str], set[str]]:
    shared, led = divided(make_plan(made), made)
    assert shared.monitors == led.monitors
    return named(shared), named(led)


def test_aligned_ones_are_shared_and_all_others_led():
    made = config(
        {"aligned": counting("k"), "all": counting(None), "by-w": counting("w")}, partitioned_by="k"
    )
    assert halves(made) == ({"aligned"}, {"all", "by-w"})


def test_rows_for_a_sink_are_made_by_the_leader_with_all_that_is_grouped_alike():
    """The keys of a grouping are one state."""
    writes = counting("k", "7s", write={"type": "files", "path": "out"})
    made = config(
        {"writes": writes, "alike": counting("k"), "finer": {**counting("k"), "window": _by(["k", "w"])}},
        partitioned_by="k",
    )
    assert halves(made) == ({"finer"}, {"writes", "alike"})


def _by(names: list[str]) -> dict[str, Any]:
    return {"type": "tumbling", "size": "5s", "compute": N, "by": names}


def test_what_decides_must_be_the_same_in_all_instances():
    one = config({"m": counting("k")}, partitioned_by="k")
    assert digest_of(one) == digest_of(config({"m": counting("k")}, partitioned_by="k"))
    stricter = {**counting("k"), "detect": {"type": "threshold", "when": "n > 2"}}
    assert digest_of(one) != digest_of(config({"m": stricter}, partitioned_by="k"))
    assert digest_of(one) != digest_of(config({"m": counting("k")}, partitioned_by="w"))
