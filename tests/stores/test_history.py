"""Window results: what went in comes out, in order, for as long as it is kept."""

import io
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from streamgauge.batch import Column
from streamgauge.clock import SECOND
from streamgauge.stores import Keep, open_store
from streamgauge.stores.contract import Commit, HistoryBlock
from streamgauge.stores.history import JOINED, LARGE, decode, encode
from tests.stores.given import ME, rows


def results(end: int, *keys: str, monitor: str = "burst") -> HistoryBlock:
    n, ends = len(keys), np.full(len(keys), end, np.int64)
    columns = {
        "key": [f'"{key}"' for key in keys],
        "window_start": ends - 5,
        "window_end": ends,
        "events": Column("int", values=[1, None, *range(n)][:n]),
        "mean": Column("float", numbers=np.array([0.5, np.nan, *range(n)][:n])),
        "name": Column("string", values=[None, "b", *"x" * n][:n]),
    }
    return HistoryBlock(monitor, end, end, columns)


def test_results_come_back_by_time_and_key(store):
    store.commit(Commit(history=[results(10, "a", "b"), results(15, "a"), results(10, "z", monitor="other")]))
    frame = store.history("burst")
    assert frame["window_end"].to_list() == [10, 10, 15]
    assert frame["events"].to_list() == [1, None, 1]
    assert frame["mean"].to_list() == [0.5, None, 0.5]
    assert frame["name"].to_list() == [None, "b", None]
    assert store.history("burst", start=10, end=15)["window_end"].to_list() == [10, 10]
    assert store.history("burst", start=11)["window_end"].to_list() == [15]
    assert store.history("burst", key="b")["window_end"].to_list() == [10]
    assert store.history("nobody", key="b").is_empty()


def test_a_column_that_came_later_is_null_before(store):
    store.commit(Commit(history=[results(10, "a")]))
    later = results(15, "a")
    store.commit(Commit(history=[HistoryBlock("burst", 15, 15, {**later.columns, "spent": [2.5]})]))
    assert store.history("burst")["spent"].to_list() == [None, 2.5]


def test_many_small_blocks_become_one_and_say_the_same(store, path):
    for number in range(JOINED * 2 + 3):
        store.commit(Commit(history=[results(number, "a", f"k{number}")]))
    assert len(rows(path, "history")) == 2 + 3
    frame = store.history("burst")
    assert frame["window_end"].to_list() == [n for n in range(JOINED * 2 + 3) for _ in "12"]
    assert store.history("burst", start=5, end=7)["key"].to_list() == ['"a"', '"k5"', '"a"', '"k6"']


def test_a_large_block_stays_and_what_is_joined_keeps_its_place(store, path):
    many = [f"k{n}" for n in range(LARGE)]
    for number in range(JOINED * 2):
        store.commit(Commit(history=[results(number, *(many if number == JOINED // 2 else ["a"]))]))
    assert sorted(row[4] for row in rows(path, "history")) == [1] * (JOINED - 1) + [JOINED, LARGE]
    ends = store.history("burst")["window_end"].to_list()
    assert ends == sorted(ends)
    assert len(ends) == LARGE + JOINED * 2 - 1


def test_monitors_that_share_a_window_are_joined_each(store, path):
    for number in range(JOINED):
        shared = results(number, "a", f"k{number}")
        other = HistoryBlock("other", shared.first_end, shared.last_end, shared.columns)
        store.commit(Commit(history=[shared, other]))
    assert [row[1] for row in rows(path, "history")] == ["burst", "other"]
    assert store.history("other").equals(store.history("burst"))


def test_old_results_go_with_event_time(url, clock, path):
    store = open_store(url, owner=ME, clock=clock, keep=Keep(history=timedelta(seconds=60)))
    for second in (0, 30, 60, 90, 91):
        store.commit(Commit(history=[results(second * SECOND, "a")]))
    assert [end // SECOND for end in store.history("burst")["window_end"]] == [60, 90, 91]
    store.commit(Commit(history=[results(500 * SECOND, "a", monitor="other")]))
    assert len(store.history("burst")) == 3
    store.close()


def test_neighbouring_blocks_of_one_form_are_read_as_one(monkeypatch):
    def block(*ends: int, **more: Any) -> bytes:
        return encode({"window_end": np.array(ends, np.int64), **more})[1]

    read: list[int] = []
    of_one = pl.read_ipc_stream

    def noted(data: bytes) -> pl.DataFrame:
        read.append(len(data))
        return of_one(data)

    monkeypatch.setattr(pl, "read_ipc_stream", noted)
    joined = io.BytesIO()
    decode([block(4), block(5)]).write_ipc_stream(joined, compression="zstd")
    read.clear()
    blocks = [block(1), block(2, 3), joined.getvalue(), block(6, spent=[0.5]), block(7), block(8)]
    frame = decode(blocks)
    assert frame["window_end"].to_list() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert frame["spent"].to_list() == [None] * 5 + [0.5, None, None]
    assert len(read) <= 4  # those that another program wrote may look the same, and may not
    assert frame.n_chunks() == 1


def test_a_block_without_the_mark_of_its_end_is_read_as_it_is():
    whole = encode({"window_end": np.array([1, 2], np.int64)})[1]
    assert decode([whole, whole[:-8], whole])["window_end"].to_list() == [1, 2] * 3
