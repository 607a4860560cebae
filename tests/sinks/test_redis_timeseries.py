"""Numbers as series, on a real Redis with TimeSeries and without."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamgauge.config import ConfigErrors, load
from streamgauge.errors import ConfigError
from streamgauge.sinks.contract import SpooledRow
from streamgauge.sinks.redis_timeseries import Config, RedisSink, open_sink
from streamgauge.stores import open_reading
from tests.services.kafka import unique
from tests.services.redis import RedisServer
from tests.sinks.writing import config, monitor, record, run

TWO = [record(n / 10, "a", v=n) for n in range(3)] + [record(1, "b", v=9), record(7, "a"), record(30, "z")]
COLUMNS: dict[str, Any] = {"k": "string", "v": "float", "w": "int", "at": "timestamp"}
AT = 1_772_445_600_000
"""2026-03-02T10:00:00Z in milliseconds."""


@pytest.fixture(autouse=True)
def _plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")


@pytest.fixture
def mine() -> str:
    """A prefix of names that no other test has."""
    return unique("x")


def to(server: RedisServer, mine: str, **more: Any) -> dict[str, Any]:
    return {"type": "redis_timeseries", "url": server.url, "series": f"{mine}_{{column}}_{{key}}", **more}


def sink(server: RedisServer, mine: str, **more: Any) -> RedisSink:
    return open_sink(Config.model_validate(to(server, mine, **more)), f"stream {mine}", COLUMNS)


def rows(*bodies: dict[str, Any], key: str | None = "a") -> list[SpooledRow]:
    return [SpooledRow(n, str(n), key, json.dumps(body).encode()) for n, body in enumerate(bodies, 1)]


def row(second: int, **values: Any) -> dict[str, Any]:
    return {"at": f"2026-03-02T10:00:{second:02}.000Z", **values}


def series(server: RedisServer, name: str) -> list[tuple[int, float]]:
    return [(at - AT, float(value)) for at, value in server.do("TS.RANGE", name, "-", "+")]


@pytest.mark.services
def test_each_number_of_a_window_is_a_sample_at_its_end(redis_server: RedisServer, tmp_path: Path, mine: str):
    write = to(redis_server, mine, retention="7d", labels={"srcIP": "{key}", "dataType": "{column}"})
    run(tmp_path, TWO, {"m": monitor(window={"compute": {"n": "count(*)", "top": "max(v)"}}, write=write)})
    assert series(redis_server, f"{mine}_n_a") == [(5000, 3), (10_000, 1)]
    assert series(redis_server, f"{mine}_top_a") == [(5000, 2)]  # nothing is no sample
    assert series(redis_server, f"{mine}_top_b") == [(5000, 9)]
    told = redis_server.do("TS.INFO", f"{mine}_n_a")
    facts = dict(zip(told[::2], told[1::2], strict=True)) if isinstance(told, list) else told
    assert dict(facts["labels"]) == {"srcIP": "a", "dataType": "n"}
    assert (facts["retentionTime"], facts["duplicatePolicy"]) == (7 * 86_400_000, "last")


@pytest.mark.services
def test_a_repeat_changes_nothing_and_a_revision_overwrites(redis_server: RedisServer, mine: str):
    writing = sink(redis_server, mine)
    first = rows(row(1, v=0.1 + 0.2, w=1), row(2, v=2.0, w=2), row(3, v=3.0))
    for _ in range(2):
        assert writing.write(first).written == [1, 2, 3]
    assert writing.write(rows(row(2, v=7.0, w=None), row(3, deleted=True))).written == [1, 2]
    writing.close()
    assert series(redis_server, f"{mine}_v_a") == [(1000, 0.1 + 0.2), (2000, 7)]
    assert series(redis_server, f"{mine}_w_a") == [(1000, 1)]


@pytest.mark.services
def test_a_series_that_is_there_gets_what_is_declared(redis_server: RedisServer, mine: str):
    redis_server.do("TS.CREATE", f"{mine}_v_a", "DUPLICATE_POLICY", "BLOCK")
    redis_server.do("TS.ADD", f"{mine}_v_a", AT + 1000, 5)
    writing = sink(redis_server, mine, values="v")
    assert writing.write(rows(row(1, v=6.0))).written == [1]
    redis_server.do("DEL", f"{mine}_v_a")  # somebody cleans up
    eventual = [writing.write(rows(row(2, v=6.0))) for _ in range(2)]
    writing.close()
    assert "the key is not a TSDB key" in eventual[0].trouble
    assert eventual[1].written == [1]
    assert series(redis_server, f"{mine}_v_a") == [(2000, 6)]


@pytest.mark.services
def test_what_can_never_be_a_sample_is_refused_alone(redis_server: RedisServer, mine: str):
    writing = sink(redis_server, mine, retention="1m", values=["v", "w"], series=f"{mine}_{{column}}_{{key}}")
    assert writing.write(rows(row(59, v=1.0))).written == [1]
    bodies: list[dict[str, Any]] = [
        {"at": "2026-03-02T09:00:00.000Z", "v": 1.0},
        {"at": None, "v": 1.0},
        row(58, v=2.0),
    ]
    outcome = writing.write(rows(*bodies))
    writing.close()
    assert outcome.written == [3]
    assert outcome.refused == {
        1: f"series {mine}_v_a: older than `retention` allows",
        2: "at is missing, so its samples have no moment",
    }


@pytest.mark.services
def test_two_series_never_share_a_name(redis_server: RedisServer, mine: str):
    columns: dict[str, Any] = {"v": "float", "v_a": "float", "at": "timestamp"}
    writing = open_sink(Config.model_validate(to(redis_server, mine)), f"stream {mine}", columns)
    assert writing.write(rows(row(1, v=1.0), key="a_b")).written == [1]
    outcome = writing.write(rows(row(1, v_a=2.0), key="b"))
    writing.close()
    assert outcome.refused == {
        1: f"series {mine}_v_a_b is that of column v, key a_b already; change `series`"
    }


@pytest.mark.services
def test_what_another_sink_writes_is_left_alone(redis_server: RedisServer, mine: str):
    first, second = (
        sink(redis_server, mine),
        open_sink(sink(redis_server, mine)._config, "monitor other", COLUMNS),
    )
    assert first.write(rows(row(1, v=1.0))).written == [1]
    outcome = second.write(rows(row(1, v=2.0)))
    assert (list(outcome.written), "it is a series of" in outcome.trouble) == ([], True)
    assert series(redis_server, f"{mine}_v_a") == [(1000, 1)]
    with redis_server.client() as client:
        names = [name for name in client.hkeys("streamgauge:owners") if name.startswith(mine)]
        client.hdel("streamgauge:owners", *names)  # it was renamed
    assert second.write(rows(row(2, v=2.0))).written == [1]
    first.close()
    second.close()


@pytest.mark.services
def test_another_kind_of_key_in_the_way_is_said_and_the_other_rows_arrive(
    redis_server: RedisServer, mine: str
):
    redis_server.do("SET", f"{mine}_v_a", "a text")
    writing = sink(redis_server, mine, values="v")
    free = [SpooledRow(2, "2", "b", json.dumps(row(1, v=1.0)).encode())]
    outcome = writing.write([*rows(row(1, v=1.0)), *free])
    writing.close()
    assert outcome.written == [2]
    assert outcome.trouble.endswith(
        f"{mine}_v_a: a key of another kind has this name; remove it, or change `series`"
    )


@pytest.mark.services
def test_a_redis_without_the_module_is_said_so_unless_plain_will_do(
    own_redis: Callable[..., RedisServer], mine: str
):
    server = own_redis(module=False)
    strict = sink(server, mine)
    outcome = strict.write(rows(row(1, v=1.0)))
    assert not outcome.written
    assert "Redis without the module TimeSeries; take Redis 8, or load the module" in outcome.trouble
    plain = sink(server, mine, fallback="plain", retention="10s")
    first = rows(row(1, v=1.5), row(2, v=2.0), row(3, v=3.0))
    for _ in range(2):
        assert plain.write(first).written == [1, 2, 3]
    assert plain.write(rows(row(2, v=7.0), row(3, deleted=True))).written == [1, 2]
    name = f"{mine}_v_a"
    assert server.do("ZRANGE", name, 0, -1) == [f"{AT + 1000} 1.5", f"{AT + 2000} 7.0"]
    assert plain.write(rows(row(12, v=1.0))).written == [1]
    assert server.do("ZRANGE", name, 0, -1) == [f"{AT + 2000} 7.0", f"{AT + 12_000} 1.0"]
    for one in (strict, plain):
        one.close()


@pytest.mark.services
def test_while_redis_is_away_or_frozen_rows_wait_and_a_later_start_brings_them(
    own_redis: Callable[..., RedisServer], tmp_path: Path, mine: str
):
    server = own_redis()
    server.kill()
    session = run(tmp_path, TWO, {"m": monitor(write=to(server, mine))})
    assert session.status.totals.rows["monitor m", "written"] == 0
    look = open_reading(f"sqlite:///{tmp_path}/store.db")
    assert look.spool_depth() == {"monitor m": 4}
    look.close()
    server.start()
    run(tmp_path, TWO, {"m": monitor(write=to(server, mine))})  # nothing new to read
    assert series(server, f"{mine}_n_a") == [(5000, 3), (10_000, 1)]
    writing = sink(server, mine, timeout="200ms")
    assert writing.write(rows(row(1, v=1.0))).written == [1]
    server.kill()
    assert "refused" in writing.write(rows(row(2, v=2.0))).trouble
    server.start()
    assert writing.write(rows(row(2, v=2.0))).written == [1]  # the same process, a minute later
    assert series(server, f"{mine}_v_a") == [(1000, 1), (2000, 2)]
    server.freeze()
    outcome = writing.write(rows(row(3, v=1.0)))
    writing.close()
    assert (list(outcome.written), outcome.trouble) == (
        [],
        f"redis://127.0.0.1:{server.port}/0: no answer in time",
    )


@pytest.mark.services
def test_a_wrong_password_is_said_without_it(redis_server: RedisServer):
    made = Config.model_validate({"url": f"redis://:wr0ng@127.0.0.1:{redis_server.port}/0"})
    writing = open_sink(made, "stream s", COLUMNS)
    outcome = writing.write(rows(row(1, v=1.0)))
    writing.close()
    assert "it refuses the password; give the right one in `url` as ${NAME}" in outcome.trouble
    assert "wr0ng" not in outcome.trouble


def test_mistakes_are_told_by_check(tmp_path: Path):
    write = {"type": "redis_timeseries", "url": "redis://h"}
    history = {"url": "postgresql://u@h/d", "table": "logs"}
    wrong: dict[str, dict[str, Any]] = {
        "values": {"values": "k"},
        "time": {"columns": {"n": "n", "k": "k", "e": "window_end"}, "time": "k"},
        "series": {"series": "all"},
        "labels": {"labels": {"x": "{who}"}},
        "history": {"retention": "1h", "history": {**history, "keep": "2h"}},
    }
    for key, value in wrong.items():
        with pytest.raises(ConfigErrors, match=f"write.{key}"):
            load(config(tmp_path, {"m": monitor(write={**write, **value})}))
    with pytest.raises(
        ConfigErrors, match="say which column is the moment of a sample: the rows hold no time"
    ):
        load(config(tmp_path, {"m": monitor(write={**write, "columns": {"n": "n"}})}))
    changing = monitor(write={**write, "history": history}, window={"emit": "changes"})
    with pytest.raises(ConfigErrors, match="those that were handed over cannot be"):
        load(config(tmp_path, {"m": changing}))
    with pytest.raises(ConfigErrors, match="`n` would be two columns"):
        load(config(tmp_path, {"m": monitor(write={**write, "history": {**history, "key": "n"}})}))


def test_the_password_is_not_shown_and_a_wrong_address_is_a_mistake():
    made = Config.model_validate({"url": "redis://u:s3cret@h/0"})
    assert "s3cret" not in f"{made!r} {made.public()} {open_sink(made, 'stream s', COLUMNS)!r}"
    with pytest.raises(ConfigError, match="is no address of a Redis"):
        open_sink(Config.model_validate({"url": "redis://h:99999999x/0"}), "stream s", COLUMNS)
