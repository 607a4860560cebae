"""Session windows against the slow way, on random streams."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replaying import S, config, run, told
from tests.windows.session_oracle import SessionOracle
from tests.windows.test_oracle import streams

COMPUTE = {"events": "count(*)", "total": "sum(v)", "words": "distinct(w)"}

rows = st.tuples(
    st.tuples(
        st.one_of(st.sampled_from([0, 1_000, 2_000, 3_000]), st.integers(0, 5_000)),
        st.sampled_from([0, 0, 0, 1_000, 2_900, 5_000, 9_000]),
    ),
    st.sampled_from(["a", "a", "b", None]),
    st.one_of(st.none(), st.integers(-9, 9).map(float)),
    st.sampled_from(["x", "y", None]),
    st.integers(0, 2),
)
PROFILE = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize("aligned", [True, False], ids=["aligned", "mergeable"])
@given(
    drawn=st.one_of(st.lists(rows, max_size=30), st.lists(rows, min_size=15, max_size=30)),
    gap=st.sampled_from([1, 2, 4]),
    lateness=st.sampled_from([0, 3, 20]),
    grace=st.sampled_from([None, 0, 3, 8]),
    limit=st.sampled_from([0, 1, 3]),
    batch=st.sampled_from([1, 4, 1000]),
)
@PROFILE
def test_sessions_changes_early_verdicts_late_records_and_incidents(
    aligned: bool, drawn: list[Any], gap: int, lateness: int, grace: int | None, limit: int, batch: int
):
    window: dict[str, Any] = {"type": "session", "gap": f"{gap}s", "by": "k", "compute": COMPUTE}
    window |= {"emit": "changes"} | ({} if grace is None else {"grace": f"{grace}s"})
    monitor = {"window": window, "detect": {"type": "threshold", "when": f"events > {limit}"}}
    placing = {"partitioned_by": "k"} if aligned else {}
    configured = config({"m": monitor}, lateness=f"{lateness}s", **placing)
    parts = streams(drawn, aligned=aligned)
    waits = lateness if grace is None else grace
    expected = SessionOracle(gap * S, waits * S, limit, aligned=aligned).run(parts)

    records = {
        part: [{"at": r.at, "k": r.key, "v": r.value, "w": r.word} for r in mine]
        for part, mine in parts.items()
    }
    lines = told(run(configured, records, batch_size=batch))

    found = [line for line in lines.lines if line["kind"] == "window"]
    closed = [
        (k, round(s * S), round(e * S), v["events"], v["total"], v["words"])
        for (k, s, e, v), line in zip(lines.windows(), found, strict=True)
        if "change" not in line
    ]
    assert sorted(closed) == sorted(expected.sessions)
    updated = [
        (k, round(s * S), round(e * S), line["offset"], v["events"])
        for (k, s, e, v), line in zip(lines.windows(), found, strict=True)
        if line.get("change") == "updated"
    ]
    assert sorted(updated) == sorted(expected.changes)
    early = [(v["key"], v["offset"]) for v in lines.lines if v["kind"] == "verdict" and v["early"]]
    assert sorted(early) == sorted((key, offset) for key, _, _, offset in expected.early)
    assert sorted((part, offset) for part, offset, _ in lines.late()) == sorted(expected.late)
    assert sorted((key, round(at * S), status) for at, status, _, key in lines.incidents()) == sorted(
        (key, at, {"open": "firing", "end": "resolved"}[what]) for key, what, at in expected.incidents
    )


@given(drawn=st.lists(rows, max_size=30), gap=st.sampled_from([1, 2, 4]), batch=st.sampled_from([1, 1000]))
@PROFILE
def test_what_is_told_and_not_retracted_is_what_the_sessions_are_at_the_end(
    drawn: list[Any], gap: int, batch: int
):
    """The rows of changes, applied one after the other, end as the rows of closed sessions."""
    window = {"type": "session", "gap": f"{gap}s", "by": "k", "compute": COMPUTE, "emit": "changes"}
    configured = config(
        {"m": {"window": window, "detect": {"type": "threshold", "when": "events > 1"}}}, lateness="1m"
    )
    parts = streams(drawn, aligned=False)
    # One partition, so that lines of one moment are in the order of reading.
    everyone = [r for mine in parts.values() for r in mine]
    records = [{"at": r.at, "k": r.key, "v": r.value, "w": r.word} for r in everyone]
    lines = run(configured, records, batch_size=batch).lines
    table: dict[tuple[Any, ...], Any] = {}
    changes = [line for line in lines if line["kind"] == "window" and "change" in line]
    for line in sorted(changes, key=lambda line: line["offset"]):
        place = line["key"], line["window_start"], line["window_end"]
        if line["change"] == "retracted":
            assert table.pop(place) == line["values"] == line["previous"]
        else:
            table[place] = line["values"]
    closed = [line for line in lines if line["kind"] == "window" and "change" not in line]
    assert table == {(w["key"], w["window_start"], w["window_end"]): w["values"] for w in closed}
