"""Missing data as an incident: a truth table, then whole streams."""

from typing import Any

import pytest

from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.no_data import watch_data
from streamgauge.incidents.settle import Rule
from streamgauge.verdict import Severity, Verdict
from tests.replaying import config, record, run

S = 1_000_000
OK, NONE, FORGOTTEN, FIRED = Severity.OK, Severity.NO_DATA, Severity.FORGOTTEN, Severity.CRITICAL
PENDING, FIRING, RESOLVED = IncidentState.PENDING, IncidentState.FIRING, IncidentState.RESOLVED

ROWS = [
    ("data opens nothing", [(OK, 5)], None, None),
    ("one window of three without is pending", [(NONE, 5)], PENDING, None),
    ("data again: it goes away untold", [(NONE, 5), (OK, 10)], None, None),
    ("three of three: it fires", [(NONE, 5), (NONE, 10), (NONE, 15)], FIRING, None),
    ("the same window twice counts once", [(NONE, 5), (NONE, 5), (NONE, 5)], PENDING, None),
    ("data ends it", [(NONE, 5), (NONE, 10), (NONE, 15), (OK, 20)], RESOLVED, "recovered"),
    ("also data that is bad", [(NONE, 5), (NONE, 10), (NONE, 15), (FIRED, 20)], RESOLVED, "recovered"),
    ("an earlier window does not", [(NONE, 5), (NONE, 10), (NONE, 15), (OK, 10)], FIRING, None),
    ("a forgotten key ends it", [(NONE, 5), (NONE, 10), (NONE, 15), (FORGOTTEN, 20)], RESOLVED, "forgotten"),
]


@pytest.mark.parametrize(("sentence", "verdicts", "state", "reason"), ROWS, ids=[row[0] for row in ROWS])
def test_rules(sentence: str, verdicts: list[tuple[Severity, int]], state: Any, reason: str | None):
    current: Incident | None = None
    for severity, end in verdicts:
        seen = Verdict("m", "a", severity, end * S, (end - 5) * S, end * S)
        current = watch_data(current, seen, Rule(no_data_after=3))
    assert (current.state if current else None) is state
    assert (current.reason if current else None) == reason


def monitor(**more: Any) -> dict[str, Any]:
    window = {"type": "tumbling", "size": "5s", "by": "k", "compute": {"a": "avg(v)"}, "include_empty": True}
    return {"window": window, "detect": {"type": "threshold", "when": "a > 5"}, "no_data_after": 3, **more}


@pytest.mark.parametrize("size", [1, 1000])
def test_a_key_that_brings_no_values_is_told_where_that_is_asked_for(size: int):
    rows = [record(1, "a", v=1.0), record(22, "b", v=1.0), record(23, "a", v=1.0), record(40, "b", v=1.0)]
    told = run(config({"m": monitor(no_data="alert")}), rows, batch_size=size, flush=False)
    found = [(i.key, i.kind, i.opened_at // S, i.reason, i.resolved_at) for i in told.incidents_list]
    assert sorted(found[1:]) == [("a", "no data", 40, None, None), ("b", "no data", 40, None, None)]
    assert found[0] == ("a", "no data", 20, "recovered", 25 * S)
    assert run(config({"m": monitor()}), rows, flush=False).incidents_list == []
