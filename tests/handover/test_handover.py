"""Series leave Redis for PostgreSQL on real servers: all, once, only what surely arrived, killed wherever it may be."""

import json
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import yaml

from streamgauge.cli import main
from streamgauge.errors import OutsideError
from streamgauge.failpoints import DUMPED, HANDED, TAKEN_AWAY
from streamgauge.handover import moving
from streamgauge.handover.moving import Handover
from streamgauge.sinks.contract import SpooledRow
from streamgauge.sinks.redis_timeseries import Config, open_sink
from tests.cli.running import streamgauge
from tests.handover.filling import KEYS, MOMENTS, START, Filled
from tests.services.kafka import unique
from tests.services.postgresql import PostgresServer
from tests.services.redis import RedisServer

pytestmark = pytest.mark.services
ALL = 2 * KEYS * MOMENTS
LATER = START + 10**9


@pytest.fixture
def filled(redis_server: RedisServer, postgres: PostgresServer, tmp_path: Path):
    database = postgres.new_database()
    yield Filled(redis_server, database, tmp_path, unique("logs"))
    database.drop()


def task(filled: Filled, before: int = LATER) -> Handover:
    return Handover(f"stream {filled.stream}", Config.model_validate(filled.write), ["a", "b"], before)


def test_all_of_it_is_in_the_history_and_gone_from_redis(filled: Filled, capsys: pytest.CaptureFixture[str]):
    wanted = filled.put()
    done = streamgauge("handover", "--config", filled.config, "--json")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    told = (line["sink"], line["series"], line["points"], line["rows"], line["left"])
    assert told == (f"stream {filled.stream}", 2 * KEYS, ALL, ALL // 2, 0)
    assert len(line["checksum"]) == 64
    assert filled.history() == wanted
    assert filled.hot() == 0
    code, said = here(filled.stream, "--config", filled.config, capsys=capsys)
    assert (code, "0 samples of 0 series" in said) == (0, True)
    assert filled.history() == wanted


def here(*words: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The verb in this process: its exit code and what it says."""
    with pytest.raises(SystemExit) as ended:
        main(["handover", *map(str, words)])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def test_a_dry_run_counts_and_changes_nothing(filled: Filled, capsys: pytest.CaptureFixture[str]):
    filled.put(keys=3)
    words = ("--config", filled.config, "--dry-run", "--before", "2026-03-02T10:05:00Z")
    code, said = here(*words, capsys=capsys)
    assert code == 0
    assert f"30 samples of 6 series of stream {filled.stream} before 2026-03-02T10:05:00" in said
    assert "would go to table logs; nothing was changed" in said
    assert filled.hot() == 2 * 3 * MOMENTS
    assert filled.database.sql("SELECT to_regclass('logs')") == [(None,)]


@pytest.mark.parametrize("point", [DUMPED, HANDED, f"{HANDED}:2", TAKEN_AWAY])
def test_killed_at_any_point_nothing_is_lost_and_nothing_doubled(filled: Filled, point: str):
    wanted = filled.put()
    killed = streamgauge("handover", "--config", filled.config, environ={"STREAMGAUGE_FAILPOINT": point})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    there = {} if point == DUMPED else filled.history()  # before the first commit the table may be empty
    cold = sum(value is not None for row in there.values() for value in row)
    assert filled.hot() + cold >= ALL
    task(filled).run()
    assert filled.history() == wanted
    assert filled.hot() == 0


def test_the_second_of_two_is_told_so(filled: Filled, capsys: pytest.CaptureFixture[str]):
    filled.put(keys=2)
    table, url = filled.write["history"]["table"], filled.database.url()
    with closing(psycopg.connect(url, application_name="the first", autocommit=True)) as first:
        first.execute("SELECT pg_advisory_lock(hashtext('streamgauge handover'), hashtext(%s))", [table])
        code, said = here("--config", filled.config, capsys=capsys)
    assert code == 3
    assert "another hand-over into table logs in" in said
    assert "is running: the first (server process" in said
    assert filled.hot() == 2 * 2 * MOMENTS
    assert task(filled).run().points == 2 * 2 * MOMENTS


def test_of_two_at_once_one_does_all_of_it(filled: Filled, monkeypatch: pytest.MonkeyPatch):
    wanted = filled.put()
    refused: list[str] = []

    def second(name: str) -> None:
        if name == HANDED:
            with pytest.raises(OutsideError) as told:
                Handover(
                    f"stream {filled.stream}", Config.model_validate(filled.write), ["a", "b"], LATER
                ).run()
            refused.append(str(told.value))

    monkeypatch.setattr(moving, "reach", second)
    assert task(filled).run().points == ALL
    assert len(refused) == 2  # parts
    assert all("is running: streamgauge handover, process" in said for said in refused)
    assert filled.history() == wanted
    assert filled.hot() == 0


def test_redis_or_postgresql_away_in_the_middle_and_back(
    own_redis: Callable[..., RedisServer],
    own_postgres: Callable[..., PostgresServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    hot, cold = own_redis(), own_postgres()
    database = cold.new_database()
    filled = Filled(hot, database, tmp_path, "logs")
    wanted = filled.put()

    def at(point: str, happens: Callable[[], None]) -> str:
        """What a hand-over says that loses a server there."""
        monkeypatch.setattr(moving, "reach", lambda name: happens() if name == point else None)
        with pytest.raises(OutsideError) as said:
            task(filled).run()
        monkeypatch.undo()
        return str(said.value)

    assert "What was not handed over is still there" in at(HANDED, hot.kill)
    hot.start()
    assert filled.hot() == ALL
    assert "What Redis holds stays there" in at(TAKEN_AWAY, cold.stop)
    cold.start()
    assert filled.hot() == ALL - 50 * MOMENTS
    task(filled).run()
    assert filled.history() == wanted
    assert filled.hot() == 0


def test_what_changed_meanwhile_stays_and_comes_with_the_next_part(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
):
    filled.put(keys=2)
    moments = iter([True])

    def between(name: str) -> None:
        if name == HANDED and next(moments, False):
            filled.put(keys=1, moments=1, add=100)  # a revision of the first sample

    monkeypatch.setattr(moving, "reach", between)
    done = task(filled).run()
    assert (done.points, done.left) == (2 * 2 * MOMENTS, 0)
    assert filled.history()["10.0.0.0", START] == (100, 0)
    assert filled.history()["10.0.0.0", START + 60_000] == (0.1, 1)
    assert filled.hot() == 0


def test_what_never_stands_still_stays(filled: Filled, monkeypatch: pytest.MonkeyPatch):
    filled.put(keys=1, moments=1)
    turns = iter(range(1, 1000))
    monkeypatch.setattr(
        moving,
        "reach",
        lambda name: filled.put(keys=1, moments=1, add=next(turns)) if name == HANDED else None,
    )
    done = task(filled).run()
    assert done.left == 2
    assert filled.hot() == 2


def test_younger_samples_stay(filled: Filled):
    filled.put(keys=2)
    done = task(filled, START + 5 * 60_000).run()
    assert done.points == 2 * 2 * 5
    assert filled.hot() == 2 * 2 * (MOMENTS - 5)
    later = {at for _, at in filled.history()}
    assert max(later) == START + 4 * 60_000


def test_a_history_that_gives_back_something_else_keeps_redis_as_it_is(filled: Filled):
    filled.put(keys=1)
    rounded = "(ip text, ds timestamptz, a numeric(9, 0), b float, PRIMARY KEY (ip, ds))"
    filled.database.sql(f"CREATE TABLE logs {rounded}")
    with pytest.raises(
        OutsideError, match=r"a of 10\.0\.0\.0 at millisecond 1772445660000 is 0\.0 instead of 0\.1"
    ):
        task(filled).run()
    assert filled.hot() == 2 * MOMENTS


def test_a_table_that_does_not_fit_and_a_server_that_is_away_are_said_so(filled: Filled):
    filled.put(keys=1)
    filled.database.sql("CREATE TABLE logs (ip text, ds text, a float, b float)")
    with pytest.raises(OutsideError, match=r"its column ds is text, and the rows hold timestamp"):
        task(filled).run()
    filled.write["history"]["url"] = "postgresql://u@127.0.0.1:1/d"
    with pytest.raises(OutsideError, match=r"127\.0\.0\.1:1/d: .*\. What Redis holds stays there"):
        task(filled).run()
    filled.write["url"] = "redis://127.0.0.1:1"
    with pytest.raises(
        OutsideError, match=r"redis://127\.0\.0\.1:1: .*What was not handed over is still there"
    ):
        task(filled).run()
    assert filled.hot() == 2 * MOMENTS


def test_sorted_sets_are_handed_over_as_well(
    own_redis: Callable[..., RedisServer], postgres: PostgresServer, tmp_path: Path
):
    server, database = own_redis(module=False), postgres.new_database()
    filled = Filled(server, database, tmp_path, "logs", fallback="plain")
    wanted = filled.put(keys=3)
    assert task(filled, START + 10 * 60_000).run().points == 3 * 2 * 10
    done = task(filled).run()
    assert (done.series, done.points, done.rows) == (6, 60, 30)
    assert filled.history() == wanted
    assert server.do("ZCARD", "logs_a_10.0.0.0") == 0
    strict = Filled(server, database, tmp_path, "logs")
    with pytest.raises(OutsideError, match="Redis without the module TimeSeries"):
        task(strict).run()
    database.drop()


def test_a_signal_ends_it_between_two_parts(filled: Filled):
    wanted = filled.put()
    calls = iter([False, True])
    first = task(filled)
    first.stop = lambda: next(calls, True)
    assert first.run().points == 50 * MOMENTS
    assert filled.hot() == ALL - 50 * MOMENTS
    assert task(filled).run().points == ALL - 50 * MOMENTS
    assert filled.history() == wanted


def test_what_is_not_clear_is_refused(tmp_path: Path, filled: Filled, capsys: pytest.CaptureFixture[str]):
    assert here(capsys=capsys) == (2, "say which configuration it is: `--config FILE`\n")
    plain = tmp_path / "plain.yaml"
    loaded = yaml.safe_load(filled.config.read_text())
    del loaded["streams"][filled.stream]["write"]["history"]
    plain.write_text(yaml.safe_dump(loaded))
    code, said = here("--config", plain, capsys=capsys)
    assert (code, "no `write:` has a `history`" in said) == (2, True)
    code, said = here(filled.stream, "--config", plain, capsys=capsys)
    assert (code, "does not say where its history is" in said) == (2, True)
    code, said = here("--config", filled.config, "--before", "yesterday", capsys=capsys)
    assert (code, "`yesterday` is no moment" in said) == (2, True)


def test_a_key_that_postgresql_cannot_write_holds_up_nothing(filled: Filled):
    filled.put(keys=1, moments=1)
    sink = open_sink(
        Config.model_validate(filled.write), f"stream {filled.stream}", {"a": "float", "at": "timestamp"}
    )
    sink.write([SpooledRow(1, "x", "a\0b", b'{"at": "2026-03-02T10:00:00Z", "a": 1.5}')])
    sink.close()
    assert task(filled).run().left == 0
    assert filled.history()["a␀b", START] == (1.5, None)
    assert filled.hot() == 0


def test_a_table_of_one_s_own_may_hold_addresses_as_such(filled: Filled):
    wanted = filled.put(keys=3)
    filled.database.sql(
        "CREATE TABLE logs (ip inet, ds timestamptz, a float8, b numeric, PRIMARY KEY (ip, ds))"
    )
    assert task(filled).run().points == 3 * 2 * MOMENTS
    rows = filled.database.sql("SELECT host(ip), extract(epoch FROM ds) * 1000, a, b FROM logs")
    assert {(ip, int(at)): (a, int(b)) for ip, at, a, b in rows} == wanted
    assert filled.hot() == 0
