"""Rows as Parquet files: what they hold, where they lie, each once whatever happened between."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamgauge.config import ConfigErrors, load
from streamgauge.engines.outgoing.sinking import Sinking
from streamgauge.sinks.contract import SpooledRow
from streamgauge.sinks.files import Config, FilesSink, open_sink
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit, DecidedRow
from streamgauge.testing import PushedClock, eventually
from tests.sinks.writing import config, monitor, record, run

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
FOUR = [record(0, "a", v=1.5), record(1, "b"), record(7, "a", v=2), record(30, "z")]


@pytest.fixture(autouse=True)
def _plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")


def into(folder: Path, **more: Any) -> dict[str, Any]:
    return {"type": "files", "path": str(folder / "lake"), **more}


def lake(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder / "lake")) for path in (folder / "lake").rglob("*"))


def sink(folder: Path, name: str = "stream s", **more: Any) -> FilesSink:
    return open_sink(Config.model_validate(into(folder, **more)), name, {"n": "int"})


def rows(offsets: Sequence[int], partition: str = "t:0") -> list[SpooledRow]:
    return [
        SpooledRow(n, f"stream s/{partition}/{offset}", None, json.dumps({"n": offset}).encode())
        for n, offset in enumerate(offsets, 1)
    ]


def offsets(folder: Path) -> list[int]:
    return sorted(pl.read_parquet(folder / "lake" / "**" / "*.parquet")["n"].to_list())


def test_closed_windows_are_rows_of_a_file_with_their_types(tmp_path: Path):
    compute = {"n": "count(*)", "most": "max(v)", "set": "collect_set(v)"}
    run(tmp_path, FOUR, {"m": monitor(window={"compute": compute}, write=into(tmp_path))})
    (path,) = (tmp_path / "lake").iterdir()
    assert path.name.startswith("m-20260302T100005.000Z-20260302T100035.000Z-")
    frame = pl.read_parquet(path)
    moment = pl.Datetime("us", "UTC")
    assert frame.schema == {
        "_id": pl.String, "k": pl.String, "n": pl.Int64, "most": pl.Float64, "set": pl.String,
        "window_start": moment, "window_end": moment,
    }  # fmt: skip
    assert frame.row(0)[1:6] == ("a", 1, 1.5, "[1.5]", TEN)
    assert frame.row(1)[1:4] == ("b", 1, None)
    assert frame["_id"][0] == 'monitor m/"a"/2026-03-02T10:00:00.000Z/2026-03-02T10:00:05.000Z'


def test_records_lie_by_partition_and_offset_in_the_folders_that_were_asked_for(tmp_path: Path):
    write = into(tmp_path, partition_by=["k", "hour(at)"], where="k <> 'z'")
    run(tmp_path, FOUR, {"m": monitor(detect={"type": "threshold", "when": "n > 99"})}, write=write)
    folders = {path.parent.as_posix() for path in map(Path, lake(tmp_path)) if path.suffix == ".parquet"}
    assert folders == {"k=a/at_hour=2026-03-02-10", "k=b/at_hour=2026-03-02-10"}
    found = pl.read_parquet(tmp_path / "lake", hive_partitioning=True).sort("at")
    assert found["k"].to_list() == ["a", "b", "a"]
    assert found["v"].to_list() == [1.5, None, 2.0]
    assert [path.stem.partition("-")[2] for path in (tmp_path / "lake" / "k=a").rglob("*.parquet")] == [
        f"{0:020d}-{2:020d}"
    ]


def test_what_has_no_value_and_what_no_path_can_hold_have_folders_too(tmp_path: Path):
    run(tmp_path, [record(0, "a/b"), record(1, None)], {}, write=into(tmp_path, partition_by="k"))
    assert [path for path in lake(tmp_path) if "parquet" not in path] == [
        "k=__HIVE_DEFAULT_PARTITION__",
        "k=a%2Fb",
    ]


def test_rows_that_come_again_in_other_company_are_left_out(tmp_path: Path):
    sink(tmp_path).write(rows([0, 1, 2]))
    sink(tmp_path).write(rows([5, 6]))
    outcome = sink(tmp_path).write(rows([1, 2, 3, 4, 5, 9]))  # after a kill: another batch
    assert list(outcome.written) == [1, 2, 3, 4, 5, 6]
    assert offsets(tmp_path) == [0, 1, 2, 3, 4, 5, 6, 9]
    assert [name.partition("-")[2][15:20] + name[-13:-8] for name in lake(tmp_path)] == [
        "0000000002", "0000300009", "0000500006",
    ]  # fmt: skip
    names = lake(tmp_path)
    sink(tmp_path).write(rows([0, 3, 9]))
    assert lake(tmp_path) == names


def test_each_partition_has_its_own_files(tmp_path: Path):
    writing = sink(tmp_path)
    writing.write(rows([0, 1]) + rows([0, 7], "t:1"))
    writing.write(rows([0, 1]) + rows([8], "t:1"))
    assert offsets(tmp_path) == [0, 0, 1, 7, 8]
    assert [name[:3] for name in lake(tmp_path)] == ["t_0", "t_1", "t_1"]


def test_windows_that_end_together_may_lie_in_several_files(tmp_path: Path):
    def window(key: str) -> SpooledRow:
        name = f'monitor m/["{key}"]/2026-03-02T10:00:00.000Z/2026-03-02T10:00:05.000Z'
        return SpooledRow(1, name, key, b'{"n": 1}')

    sink(tmp_path, "monitor m").write([window("a")])
    sink(tmp_path, "monitor m").write([window("b"), window("a")])
    found = pl.read_parquet(tmp_path / "lake" / "*.parquet")
    assert len(found) == 2
    assert found["_id"].n_unique() == 2


def test_marks_and_bounds_that_only_some_rows_have_are_columns_of_their_files(tmp_path: Path):
    first, second = rows([0, 1])
    sink(tmp_path).write([first, SpooledRow(2, second.id, None, b'{"n": 1, "partial": true, "d_lower": 3}')])
    (name,) = lake(tmp_path)
    found = pl.read_parquet(tmp_path / "lake" / name)
    assert found.drop("_id").rows() == [(0, None, None), (1, True, 3)]


def test_where_nothing_can_be_written_rows_wait_and_it_is_said_why(tmp_path: Path):
    (tmp_path / "lake").write_text("a file")
    outcome = sink(tmp_path).write(rows([0]))
    assert list(outcome.written) == []
    assert outcome.trouble == f"{tmp_path}/lake cannot be written: file exists"


def test_a_file_under_a_name_of_ours_that_is_none_stops_it(tmp_path: Path):
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / f"t_0-{0:020d}-{9:020d}.parquet").write_text("no parquet")
    outcome = sink(tmp_path).write(rows([3]))
    assert list(outcome.written) == []
    assert "it is no file of ours, move it away" in outcome.trouble


def test_rows_wait_for_more_and_go_when_there_are_enough_or_at_the_end(tmp_path: Path):
    store = open_store(f"sqlite:///{tmp_path}/s.db", owner=Owner.this_process(), clock=PushedClock())
    sinking = Sinking(store, {"stream s": sink(tmp_path, rows=3, every="1h")})

    def put(*numbers: int) -> None:
        made = [DecidedRow("stream s", f"stream s/t:0/{n}", None, b'{"n": %d}' % n) for n in numbers]
        store.commit(Commit(rows=made))
        sinking.wake()

    put(0, 1)
    sinking.start()
    put(2, 3)
    eventually(lambda: store.spool_depth() == {"stream s": 1})
    assert offsets(tmp_path) == [0, 1, 2]
    assert sinking.drain(timedelta(seconds=20))
    assert offsets(tmp_path) == [0, 1, 2, 3]
    sinking.stop()
    store.close()


def test_the_oldest_waits_no_longer_than_it_says(tmp_path: Path):
    store = open_store(f"sqlite:///{tmp_path}/s.db", owner=Owner.this_process(), clock=PushedClock())
    store.commit(Commit(rows=[DecidedRow("stream s", "stream s/t:0/4", None, b'{"n": 4}')]))
    sinking = Sinking(store, {"stream s": sink(tmp_path, every="20ms")})
    sinking.start()
    eventually(lambda: store.spool_depth() == {})
    sinking.stop()
    assert offsets(tmp_path) == [4]
    store.close()


@pytest.mark.parametrize(
    ("write", "window", "told"),
    [
        ({"partition_by": "kk"}, {}, "$.monitors.m.write.partition_by: `kk` is no column of the rows; did you mean `k`?"),
        ({"partition_by": "day(k)"}, {}, "$.monitors.m.write.partition_by: `k` is a string; day() takes a timestamp"),
        ({"partition_by": "day k"}, {}, "$.monitors.m.write.partition_by: `day k` is not understood; write a column, or day(column)"),
        ({"rows": 200_000}, {}, "$.monitors.m.write.rows: a file of 200000 rows cannot wait in a `spool` of 100000"),
        ({}, {"emit": "changes"}, "$.monitors.m.write.type: a file that is written stays as it is, and with `emit: changes`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(tmp_path: Path, write: dict[str, Any], window: dict[str, Any], told: str):
    with pytest.raises(ConfigErrors) as caught:
        load(config(tmp_path, {"m": monitor(window=window, write=into(tmp_path, **write))}))
    (one,) = caught.value.mistakes
    assert f"{one.path}: {one.message}".startswith(told)
