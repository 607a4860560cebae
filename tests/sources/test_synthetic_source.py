"""The synthetic source keeps the contract: replayable, paced by the clock it is given, honest about its end."""

import threading
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from streamgauge.batch import Partition
from streamgauge.clock import to_datetime
from streamgauge.config import load
from streamgauge.sources.contract import Poll, Slice
from streamgauge.sources.synthetic import Config, SyntheticSource, open_source, planted
from streamgauge.testing import PushedClock, eventually

START = 1_767_225_600_000_000
NOT_AT_ALL = timedelta(0)
SECOND = timedelta(seconds=1)


def opened(
    positions: dict[Partition, int] | None = None, clock: PushedClock | None = None, **settings: Any
) -> SyntheticSource:
    source = open_source(Config(scenario="payments", **settings), "payments", clock or PushedClock())
    source.open(positions or {})
    return source


def read_all(source: SyntheticSource, limit: int = 1_000) -> tuple[dict[Partition, list[Slice]], list[Poll]]:
    """Poll until every partition has ended."""
    slices: dict[Partition, list[Slice]] = {}
    polls, ended = [], 0
    partitions = len(source.tails())
    while ended < partitions:
        polls.append(source.poll(limit, NOT_AT_ALL))
        ended += len(polls[-1].ended)
        for piece in polls[-1].slices:
            slices.setdefault(piece.partition, []).append(piece)
    return slices, polls


def rows(pieces: list[Slice]) -> list[tuple[int, int, bytes | None]]:
    return [
        row
        for piece in pieces
        for row in zip(piece.offsets.tolist(), piece.timestamps.tolist(), piece.payloads or (), strict=True)
    ]


def test_reads_all_records_once_and_then_ends():
    (partition, pieces), *rest = read_all(opened(records=20_000))[0].items()
    assert rest == []
    assert partition == Partition("payments", 0)
    assert [offset for offset, _, _ in rows(pieces)] == list(range(20_000))
    assert [piece.next_offset for piece in pieces[:3]] == [1_000, 2_000, 3_000]
    assert rows(pieces)[1][1] == START + 500


def test_assigns_at_the_first_poll_and_ends_once():
    source = opened(records=10, partitions=2)
    first = source.poll(4, NOT_AT_ALL)
    assert first.assigned == {Partition("payments", 0): 0, Partition("payments", 1): 0}
    second = source.poll(100, NOT_AT_ALL)
    assert second.assigned == {}
    assert second.ended == {Partition("payments", 0), Partition("payments", 1)}
    assert source.poll(100, NOT_AT_ALL) == Poll()


@pytest.mark.parametrize("limit", [7, 100, 100_000])
def test_partitions_hold_whole_keys_and_no_record_is_lost(limit: int):
    slices, polls = read_all(opened(records=9_000, partitions=6), limit)
    assert max(sum(map(len, (piece.offsets for piece in poll.slices))) for poll in polls) <= limit
    single = rows(read_all(opened(records=9_000))[0][Partition("payments", 0)])
    assert sorted(row for pieces in slices.values() for row in rows(pieces)) == single
    for partition, pieces in slices.items():
        for _, _, payload in rows(pieces):
            account = (payload or b"").partition(b'"account":"')[2].partition(b'"')[0]
            if account:  # the broken ones may have lost it
                assert zlib.crc32(account) % 6 == partition.number
        assert all(piece.next_offset > piece.offsets[-1] for piece in pieces if len(piece.offsets))


def test_a_restart_at_any_position_gives_the_same_tail():
    whole, _ = read_all(opened(records=12_000, partitions=3), 500)
    partitions = sorted(whole)
    positions = dict(zip(partitions, (0, 4_321, 11_999), strict=True))
    again, _ = read_all(opened(positions, records=12_000, partitions=3), 700)
    for partition, position in positions.items():
        expected = [row for row in rows(whole[partition]) if row[0] >= position]
        assert rows(again.get(partition, [])) == expected
    assert read_all(opened(positions, records=12_000, partitions=3))[1][0].assigned == positions


def test_paused_partitions_wait_for_the_others_and_catch_up():
    source = opened(records=3_000, partitions=2)
    one, two = Partition("payments", 0), Partition("payments", 1)
    source.pause([one])
    assert {piece.partition for piece in source.poll(1_000, NOT_AT_ALL).slices} == {two}
    source.resume([one])
    caught_up = source.poll(5_000, NOT_AT_ALL).slices
    assert {piece.partition for piece in caught_up} == {one}
    assert caught_up[0].next_offset == 1_000
    assert {piece.partition for piece in source.poll(5_000, NOT_AT_ALL).slices} == {one, two}
    source.pause([one, two])
    assert source.poll(10, NOT_AT_ALL).slices == ()


def test_paced_records_come_when_the_clock_says_so():
    clock = PushedClock()
    source = opened(clock=clock, rate=100, records=250)
    assert rows(list(source.poll(1_000, NOT_AT_ALL).slices))[-1][0] == 0
    for second, expected in ((1, 100), (2, 200), (3, 249)):
        assert source.poll(1_000, NOT_AT_ALL).slices == ()
        tail = source.tails()[Partition("payments", 0)]
        assert tail.end_offset == (second - 1) * 100 + 1
        assert tail.asked_at == tail.answered_at == second - 1
        clock.push(SECOND)
        assert source.tails()[Partition("payments", 0)].end_offset == expected + 1
        assert rows(list(source.poll(1_000, NOT_AT_ALL).slices))[-1][0] == expected
    assert source.poll(1_000, NOT_AT_ALL) == Poll()


def test_without_a_pace_the_tail_is_the_number_of_records_or_always_ahead():
    finite, endless = opened(records=500), opened()
    partition = Partition("payments", 0)
    assert finite.tails()[partition].end_offset == 500
    endless.poll(100, NOT_AT_ALL)
    assert endless.tails()[partition].end_offset > 100


def test_a_waiting_poll_ends_when_records_come_due():
    clock = PushedClock()
    source = opened(clock=clock, rate=100)
    source.poll(10, NOT_AT_ALL)
    found: list[Poll] = []
    waiting = threading.Thread(target=lambda: found.append(source.poll(10, timedelta(seconds=60))))
    waiting.start()
    clock.push(SECOND)
    waiting.join(10)
    assert [row[0] for row in rows(list(found[0].slices))] == list(range(1, 11))


@pytest.mark.parametrize("settings", [{"rate": 0.001, "faults": False}, {"records": 1}])
def test_close_interrupts_a_waiting_poll(settings: dict[str, Any]):
    source = opened(**settings)
    source.poll(10, NOT_AT_ALL)
    found: list[Poll] = []
    waiting = threading.Thread(target=lambda: found.append(source.poll(10, timedelta(seconds=60))))
    waiting.start()
    eventually(waiting.is_alive)
    source.close()
    waiting.join(10)
    assert found == [Poll()]


def test_a_poll_with_nothing_due_returns_after_its_timeout():
    source = opened(rate=0.001, faults=False)
    source.poll(10, NOT_AT_ALL)
    assert source.poll(10, timedelta(milliseconds=30)) == Poll()


def test_a_paced_restart_goes_on_at_once_and_does_not_make_up_the_time_away():
    clock = PushedClock()
    clock.push(timedelta(hours=1))
    source = opened({Partition("payments", 0): 5_000}, clock, rate=100)
    assert [row[0] for row in rows(list(source.poll(10, NOT_AT_ALL).slices))] == [5_000]
    clock.push(timedelta(milliseconds=20))
    assert [row[0] for row in rows(list(source.poll(10, NOT_AT_ALL).slices))] == [5_001, 5_002]


def test_start_now_puts_the_next_record_at_the_present():
    clock = PushedClock(now=START)
    source = opened(clock=clock, rate=100, start="now")
    assert rows(list(source.poll(1, NOT_AT_ALL).slices))[0][1] == START
    later = opened({Partition("payments", 0): 500}, clock, rate=100, start="now")
    assert rows(list(later.poll(1, NOT_AT_ALL).slices))[0][:2] == (500, START)
    assert later.started == START - 5_000_000


@pytest.mark.parametrize("text", ["2025-03-01T12:00:00Z", "2025-03-01T13:00:00+01:00", "2025-03-01T12:00:00"])
def test_a_start_may_be_written_in_any_zone(text: str):
    source = opened(records=1, start=text)
    source.poll(1, NOT_AT_ALL)
    assert to_datetime(source.started).isoformat() == "2025-03-01T12:00:00+00:00"
    assert source.describe()["start"] == "2025-03-01T12:00:00.000Z"


def test_describe_tells_the_settings_and_the_position():
    told = opened({Partition("payments", 0): 7}, seed=3).describe()
    assert (told["type"], told["scenario"], told["seed"]) == ("synthetic", "payments", 3)
    assert told["positions"] == {"payments:0": 7}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"scenario": "payment"}, "did you mean 'payments'"),
        ({"scenario": "payments", "seed": -1}, "greater than or equal to 0"),
        ({"scenario": "payments", "start": "now"}, "`start: now` needs a `rate`"),
        ({"scenario": "payments", "start": "soon"}, "'soon' is no start"),
        ({"scenario": "payments", "rate": 10}, "use a rate of at least 100"),
        ({"scenario": "payments", "speed": 10}, "speed\n.*unknown key"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, Any], sentence: str):
    with pytest.raises(ValidationError, match=sentence):
        Config(**settings)


def test_planted_tells_what_the_source_reads():
    config = Config(scenario="payments", records=90_000, seed=4)
    assert [p.what for p in planted(config)] == ["burst", "malformed", "quiet", "refusals", "late"]
    assert planted(Config(scenario="payments", records=90_000, faults=False)) == []
    slices, _ = read_all(opened(records=90_000, seed=4), 10_000)
    burst = planted(config)[0]
    payloads = [
        payload for _, at, payload in rows(slices[Partition("payments", 0)]) if burst.start <= at < burst.end
    ]
    accounts = [
        msgspec.json.decode(payload)["account"]
        for payload in payloads
        if payload and payload.startswith(b"{") and payload.endswith(b"}")
    ]
    assert accounts.count(burst.key) >= 470


def test_planted_in_an_endless_stream_needs_a_length_and_a_start():
    live = Config(scenario="payments", rate=2_000, start="now")
    with pytest.raises(ValueError, match="needs `records`"):
        planted(live)
    with pytest.raises(ValueError, match="needs `start`"):
        planted(live, records=90_000)
    first, *_ = planted(live, START, records=90_000)
    assert first == planted(Config(scenario="payments", rate=2_000, records=90_000))[0]


def test_the_page_runs(tmp_path: Path, capsys):
    page = (Path(__file__).parents[2] / "docs/sources/synthetic.md").read_text()
    settings, code = (page.split(f"```{kind}\n")[1].partition("```")[0] for kind in ("yaml", "python"))
    file = tmp_path / "streamgauge.yaml"
    file.write_text(settings)
    source = load(file).streams["payments"].source
    assert source == Config(scenario="payments", seed=7, rate=2_000, start="now")
    exec(compile(code, "synthetic.md", "exec"), {})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "burst",
        "malformed",
        "quiet",
        "refusals",
        "late",
    ]
