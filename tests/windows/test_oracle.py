"""Tumbling and hopping windows against the slow way, on random streams."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replaying import S, config, run, told
from tests.windows.oracle import Oracle, Row, placed

COMPUTE = {
    "events": "count(*)", "known": "count(v)", "total": "sum(v)", "mean": "avg(v)", "least": "min(v)",
    "most": "max(v)", "spread": "stddev(v)", "var": "variance(v)", "words": "distinct(w)",
    "per_second": "rate()",
}  # fmt: skip
MS = 1_000

rows = st.tuples(
    st.tuples(
        st.one_of(st.integers(0, 500), st.integers(0, 7_000)), st.sampled_from([0, 0, 0, 700, 2_900, 9_000])
    ),
    st.sampled_from(["a", "b", "c", None]),
    st.one_of(st.none(), st.floats(-1e6, 1e6)),
    st.sampled_from(["x", "y", "z", None]),
    st.integers(0, 2),
)


def streams(drawn: list[Any], *, aligned: bool) -> dict[int, list[Row]]:
    """The drawn records in their partitions."""
    parts: dict[int, list[Row]] = {0: [], 1: [], 2: []}
    now = -20_000
    for (gap, back), key, value, word, part in drawn:
        now += gap
        at = now - back
        number = placed(key) if aligned else part
        parts[number].append(Row(number, len(parts[number]), at * MS, key, value, word))
    return parts


def close(a: Any, b: Any) -> bool:
    """Equal, variances up to rounding."""
    return all(
        a[name] == b[name] if name not in ("spread", "var") or None in (a[name], b[name])
        else a[name] == pytest.approx(b[name], rel=1e-6, abs=1e-6)
        for name in COMPUTE
    )  # fmt: skip


@pytest.mark.parametrize("aligned", [True, False], ids=["aligned", "mergeable"])
@given(
    drawn=st.one_of(st.lists(rows, max_size=40), st.lists(rows, min_size=20, max_size=40)),
    size=st.sampled_from([5, 7]),
    advance=st.sampled_from([None, 2, 5]),
    lateness=st.sampled_from([0, 3, 8]),
    limit=st.sampled_from([0, 1, 3]),
    batch=st.sampled_from([1, 4, 1000]),
)
@settings(max_examples=60, deadline=None)
def test_windows_early_verdicts_late_records_and_incidents(
    aligned: bool, drawn: list[Any], size: int, advance: int | None, lateness: int, limit: int, batch: int
):
    window: dict[str, Any] = {"type": "tumbling", "size": f"{size}s", "by": "k", "compute": COMPUTE}
    if advance is not None:
        window |= {"type": "hopping", "advance": f"{advance}s"}
    monitor = {"window": window, "detect": {"type": "threshold", "when": f"events > {limit}"}}
    placing = {"partitioned_by": "k"} if aligned else {}
    configured = config({"m": monitor}, lateness=f"{lateness}s", **placing)
    parts = streams(drawn, aligned=aligned)
    expected = Oracle(size * S, (advance or size) * S, lateness * S, limit, aligned=aligned).run(parts)

    lines = told(
        run(
            configured,
            {
                part: [{"at": r.at, "k": r.key, "v": r.value, "w": r.word} for r in mine]
                for part, mine in parts.items()
            },
            batch_size=batch,
        )
    )

    found = sorted(lines.windows(), key=lambda w: (w[2], w[1], w[0]))
    wanted = sorted(expected.windows, key=lambda w: (w[2], w[1], w[0]))
    assert [(k, round(s * S), round(e * S)) for k, s, e, _ in found] == [w[:3] for w in wanted]
    assert all(close(f[3], w[3]) for f, w in zip(found, wanted, strict=True))
    early = [line for line in lines.lines if line["kind"] == "verdict" and line["early"]]
    assert sorted((line["key"], line["offset"], line["window_start"]) for line in early) == sorted(
        (key, offset, iso_of(start)) for key, start, _, offset in expected.early
    )
    assert sorted((p, o, round(s * S)) for p, o, s in lines.late()) == sorted(expected.late)
    assert sorted((key, round(at * S), status) for at, status, _, key in lines.incidents()) == sorted(
        (key, at, {"open": "firing", "end": "resolved"}[what]) for key, what, at in expected.incidents
    )


def iso_of(micros: int) -> str | None:
    """As lines write it."""
    from streamgauge.clock import iso

    return iso(micros)
