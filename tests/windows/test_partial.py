"""Windows whose beginning was not seen: marked, and judged only by what can only become truer."""

from typing import Any

import pytest

from streamgauge.batch import Partition
from tests.replaying import config, record
from tests.windows.driven import Driven

LATENESS = "2s"


def driven(when: str = "n > 1", *, placing: dict[str, Any] | None = None, **detect: Any) -> Driven:
    window = {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)", "a": "avg(v)"}}
    monitor = {"window": window, "detect": {"type": "threshold", "when": when, **detect}}
    return Driven(config({"m": monitor}, lateness=LATENESS, **(placing or {})))


def partial(made: Driven) -> dict[float, bool]:
    """start → whether the closed window is marked."""
    lines = [line for line in made.told().lines if line["kind"] == "window"]
    return {float(line["window_start"][-7:-1]): line["partial"] for line in lines}


@pytest.mark.parametrize("placing", [{}, {"partitioned_by": "k"}], ids=["mergeable", "aligned"])
def test_windows_up_to_the_first_record_plus_lateness_are_partial(placing: dict[str, Any]):
    made = driven(placing=placing)
    made.attach(0, from_start=False, at=500)
    made.take([record(3, "a"), record(8, "a"), record(12, "a"), record(30, "a")])
    assert partial(made) == {0.0: True, 5.0: True, 10.0: False}


def test_read_from_the_beginning_none_is():
    made = driven()
    made.attach(0)
    made.take([record(3, "a"), record(8, "a"), record(30, "a")])
    assert partial(made) == {0.0: False, 5.0: False}


def test_where_the_first_batch_ends_makes_no_difference():
    made = driven()
    made.attach(0, from_start=False)
    for t in (3, 8, 12, 30):
        made.take([record(t, "a")])
    assert partial(made) == {0.0: True, 5.0: True, 10.0: False}


def test_a_condition_that_can_only_become_truer_judges_them():
    made = driven("n > 1")
    made.attach(0, from_start=False)
    made.take([record(1, "a"), record(2, "a"), record(30, "a")])
    assert made.told().incidents()[0] == (2, "firing", None, "a")
    (first, *_) = [line for line in made.told().lines if line["kind"] == "incident"]
    assert first["partial"]


def test_any_other_condition_does_not():
    made = driven("a > 0")
    made.attach(0, from_start=False)
    made.take([record(1, "a", v=5.0), record(30, "a", v=5.0), record(60, "a")])
    assert [v for v in made.told().verdicts() if v[1] == "critical"] == [(35, "critical", False, "a")]


def test_they_never_say_that_all_is_well():
    made = driven("n > 1")
    made.attach(0)
    made.take([record(1, "a"), record(2, "a")])
    made.runner.gap(Partition("s", 0), 2)
    made.take([record(6, "a")])
    made.take([record(30, "a")])
    at, status, reason, key = made.told().incidents()[-1]
    assert (status, reason, key) == ("resolved", "recovered", "a")
    assert at == 15, "the windows that start at 5 (gap) and 10 > 6 + 2: only the second may clear"


def test_count_windows_are_never_partial():
    cut = {"type": "count", "size": 2, "by": "k", "compute": {"a": "avg(v)"}}
    made = Driven(config({"m": {"window": cut, "detect": {"type": "threshold", "when": "a > 0"}}}))
    made.attach(0, from_start=False)
    made.take([record(1, "a", v=1.0), record(2, "a", v=1.0)])
    assert made.told().verdicts() == [(2, "critical", False, "a")]
