"""The API of history and drift over a store that a real run has left: series with band, small, by key; bins beside bins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

from streamgauge.batch import Column
from streamgauge.server import thinning
from streamgauge.server.desk import Desk
from streamgauge.stores.contract import Commit, HistoryBlock
from tests.server.given import START, Process, configuration, fill


def body(web: str, path: str, **parameters: Any) -> dict[str, Any]:
    answer = httpx.get(f"{web}/api/v1/{path}", params=parameters or None, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_rule_s_series_says_what_was_expected_and_where_it_fired(web: str):
    found = body(web, "history/high", key="b")
    series = found["series"]
    assert (found["windows"], found["bucket_seconds"], found["drawn"]) == (30, None, "mean")
    assert (found["expected"], found["limit"]) == ("mean <= 50", 50.0)
    assert series["severity"] == ["ok"] * 20 + ["critical"] * 10
    assert all(mean > 50 for mean in series["values"]["mean"]["mean"][20:])
    assert found["incidents"][0]["key"] == "b"
    assert series["at"][0] == "1970-01-01T00:00:20.000Z"


def test_one_key_s_series_knows_nothing_of_the_other_s(web: str):
    found = body(web, "history/high", key='"a"')
    assert set(found["series"]["severity"]) == {"ok"}
    assert found["incidents"] == []
    assert {one["label"]: one["windows"] for one in found["keys"]} == {"a": 30, "b": 30}
    assert body(web, "history/high", key="nobody")["windows"] == 0


def test_what_learns_has_a_band_and_scores(web: str):
    series = body(web, "history/odd", key="b")["series"]
    judged = [n for n, score in enumerate(series["score"]) if score is not None]
    assert judged
    assert all(series["lower"][n] <= series["expected"][n] <= series["upper"][n] for n in judged)
    assert series["severity"][0] == "learning"


def test_fewer_points_keep_the_extremes_and_the_worst(web: str):
    whole, small = body(web, "history/high"), body(web, "history/high", points=10)
    assert len(small["series"]["at"]) <= 10
    assert small["bucket_seconds"] is not None
    assert sum(small["series"]["windows"]) == whole["windows"] == 60
    for how in (min, max):
        both = [how(each["series"]["values"]["mean"][how.__name__]) for each in (whole, small)]
        assert both[0] == both[1]
    assert "critical" in small["series"]["severity"]


def test_a_part_of_the_time(web: str):
    found = body(web, "history/high", key="b", start="1970-01-01T00:01:00Z", end="1970-01-01T00:02:00Z")
    assert (found["series"]["at"][0], found["series"]["at"][-1]) == (
        "1970-01-01T00:01:00.000Z",
        "1970-01-01T00:01:40.000Z",
    )
    assert found["incidents"] == []


@pytest.mark.parametrize("monitor", ["moved", "apart", "normal"])
def test_drift_shows_the_reference_beside_the_newest_window(web: str, monitor: str):
    found = body(web, f"drift/{monitor}")
    amount = next(one for one in found["features"] if one["feature"] == "amount")
    assert (found["severity"], amount["severity"]) == ("critical", "critical")
    assert found["window"] == {
        "start": "1970-01-01T00:08:20.000Z", "end": "1970-01-01T00:10:00.000Z", "rows": 200,
    }  # fmt: skip
    assert amount["value"] > amount["floor"]
    if monitor == "normal":
        assert amount["moments"]["current"]["mean"] == pytest.approx(40, abs=2)
        return
    for side in ("reference", "current"):
        assert sum(one[side] for one in amount["bins"]) == pytest.approx(1, abs=1e-4)
    assert len(amount["bins"]) <= 22
    assert amount["bins"][-1]["current"] == pytest.approx(0.55, abs=0.06)


def test_drift_before_it_began(web: str):
    found = body(web, "drift/moved", at="1970-01-01T00:03:00Z")
    assert (found["window"]["end"], found["severity"], found["drifted"]) == (
        "1970-01-01T00:01:40.000Z",
        "ok",
        0.0,
    )


def test_drift_names_what_was_never_seen_and_hides_what_is_masked(web: str):
    found = body(web, "drift/moved")
    by_name = {one["feature"]: one for one in found["features"]}
    assert {one["bin"]: one["current"] > 0.2 for one in by_name["country"]["bins"]}["unseen"]
    assert by_name["secret"]["masked"]
    assert by_name["secret"]["bins"] == []
    assert "s3cr3t" not in json.dumps(found)


def test_drift_through_time(web: str):
    series = body(web, "drift/moved")["series"]
    assert series["severity"] == ["ok", "ok", "ok", "ok", "critical", "critical"]
    assert series["value"][-1] > 0.25 > series["value"][0]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("history/hihg", 404, "did you mean `high`"),
        ("drift/high", 404, "those that do: moved, apart, normal"),
        ("history/high?start=yesterday", 400, "is no moment"),
        ("history/high?points=1", 400, "points"),
        ("drift/moved?at=9999999999999-01-01", 400, "is no moment"),
    ],
)
def test_what_is_refused(web: str, path: str, status: int, words: str):
    answer = httpx.get(f"{web}/api/v1/{path}", timeout=60)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_windows_of_before_judgements_were_kept_have_no_band(url: str):
    found = body(url, "history/burst", key="a-9")
    assert found["series"]["values"]["events"]["mean"] == [101.0, 7.0]
    assert found["series"]["upper"] == [None, None]


def test_a_monitor_without_windows_has_its_incidents_only(url: str):
    found = body(url, "history/went-quiet")
    assert (found["windows"], found["series"]["at"], found["keys"]) == (0, [], [])


def test_a_million_windows_become_few_points(tmp_path: Path):
    count = 1_000_000
    ends = START + np.arange(1, count + 1) * 1_000_000
    values = np.sin(np.arange(count) / 1e4)
    values[777_777] = 9.0
    frame = pl.DataFrame(
        {"key": ["null"] * count, "window_start": ends - 1_000_000, "window_end": ends, "v": values}
    )
    found = thinning.series(frame, pl.DataFrame(), ["v"], 500)
    assert len(found.at) <= 500
    assert max(v for v in found.values["v"]["max"] if v is not None) == 9.0
    assert sum(found.windows) == count


def test_what_a_store_keeps_of_judgements_is_dropped_with_the_windows(tmp_path: Path):
    """They are as old as the newest that a monitor has written allows."""
    config = configuration(tmp_path)

    def block(hours: int) -> HistoryBlock:
        end = START + hours * 3_600_000_000
        columns = {"key": Column("string", values=["null"]), "window_start": np.array([end - 1]),
                   "window_end": np.array([end]), "severity": np.array([2])}  # fmt: skip
        return HistoryBlock("burst", end, end, columns)

    fill(config, [Commit(judgements=[block(0)]), Commit(judgements=[block(30)])])
    desk = Desk(Process(config))
    assert desk.look().judgements("burst")["window_end"].to_list() == [START + 30 * 3_600_000_000]
    desk.close()
