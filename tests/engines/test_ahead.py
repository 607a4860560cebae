"""A large file decoded ahead, in processes: the same records as the plain reader's, whatever it holds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import streamgauge
from streamgauge.config.models import StreamConfig
from streamgauge.engines.decoding import ahead
from streamgauge.engines.decoding.ahead_answers import Answer
from streamgauge.engines.decoding.ahead_process import Blocks, Task, decoded
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.replay import replay
from streamgauge.engines.running.warm_up import warm_up
from streamgauge.errors import ConfigError, SourceError
from streamgauge.formats.contract import Decoder, FieldSpec, Layout
from streamgauge.kernels import jit
from streamgauge.plan import Plan
from streamgauge.sources.contract import Source
from streamgauge.sources.files import open_files
from streamgauge.testing import PushedClock, eventually

STREAM = StreamConfig.model_validate(
    {
        "source": {"type": "files", "path": "x.ndjson"},
        "format": "json",
        "fields": {"n": "int", "who": "string", "x": "float", "on": "bool"},
    }
)
LAYOUT = Layout("s", {name: FieldSpec(name, spec.type) for name, spec in STREAM.fields.items()})
LINES = [
    '{"n": 1, "who": "a"}',
    '{"n": 2}',
    '{"who": "ä€"}',
    "not json",
    "",
    "  ",
    '{"n": "x"}',
    "\r",
    '{"n": 3}\r',
    ' {"n": 4} ',
    '{"n": 9007199254740993, "who": null, "x": 0.1, "on": false}',
    '{"x": NaN, "on": true, "who": "a"}',
    '{"n": 1}{"n": 2}',  # three lines with three values, of which none is a record
    '{"n":',
    "5}",
    '{"who": "a}',
    '{b"}',
]
WINDOW = {"type": "tumbling", "size": "10s"}
CONFIG: dict[str, Any] = {
    "streams": {"s": {"source": {"type": "files", "path": "x.ndjson"}, "format": "json", "time": "at", "lateness": "2s", "fields": {
        "n": "int", "who": "string", "where": "string", "x": {"type": "float", "min": 0}, "on": "bool", "at": "timestamp"}}},
    "monitors": {
        "many": {"stream": "s", "window": {"type": "count", "size": 500}, "detect": {"type": "threshold", "when": "count > 499"}},
        "each": {"stream": "s", "window": {**WINDOW, "by": "who", "compute": {"a": "count(*)", "b": "sum(x)", "c": "last(where)"}}, "detect": {"type": "threshold", "when": "a > 2"}},
        "pairs": {"stream": "s", "where": "where != 'ü2'", "window": {**WINDOW, "by": ["who", "where"], "compute": {"a": "sum(n)", "d": "distinct(who)"}}, "detect": {"type": "threshold", "when": "a > 99"}},
        "mixed": {"stream": "s", "where": "on", "window": {**WINDOW, "by": ["n", "who"]}, "detect": {"type": "threshold", "when": "count > 9"}},
        "numbers": {"stream": "s", "window": {"type": "hopping", "size": "6s", "advance": "2s", "by": "n", "compute": {"a": "avg(x)", "d": "distinct(where)"}}, "detect": {"type": "threshold", "when": "a > 0.9"}},
        "flags": {"stream": "s", "window": {"type": "session", "gap": "1s", "by": "on"}, "detect": {"type": "threshold", "when": "count > 3"}},
    },
}  # fmt: skip


class Here:
    """A worker that is no process."""

    def __init__(self, task: Task) -> None:
        self._task, self._blocks = task, iter(task.blocks)
        self._decoder = task.decoder()

    def next(self) -> Answer:
        with Path(self._task.path).open("rb") as file:
            cut = Blocks(file, self._task.block)
            return decoded(cut, next(self._blocks), self._decoder, self._task)

    def close(self) -> None:
        pass


def everything(source: Source, decoder: Decoder) -> list[Any]:
    """Each record and bad record with its offset, in order."""
    source.open({})
    found: list[Any] = []
    begun, ended = 0, False
    while not ended:
        poll = source.poll(7, timedelta(0))
        begun += len(poll.assigned)
        for piece in poll.slices:
            batch = decoder.decode(piece, PushedClock().now())
            rows = [(int(o), tuple(batch.record(i).values())) for i, o in enumerate(batch.offsets)]
            found += sorted([*rows, *((bad.offset, bad.reason, bad.payload) for bad in batch.bad)])
        ended = bool(poll.ended)
    source.close()
    assert begun == 1
    return found


def both(path: Path, clock: PushedClock, processes: int = 3) -> tuple[list[Any], list[Any]]:
    quick = ahead.large([path], STREAM, LAYOUT, clock)
    assert quick is not None
    return everything(*quick), everything(open_files([path], clock=clock), open_decoder(STREAM, LAYOUT))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(LINES), max_size=12), st.sampled_from(["", "\n", "\n\n", " \n"]),
    st.sampled_from([b"", b"\xef\xbb\xbf"]), st.integers(4, 60), st.integers(1, 3),
)  # fmt: skip
@example([LINES[0]] * 3, "\n", b"", len(LINES[0]) + 1, 2)  # blocks that end where lines do
@example([LINES[0] * 9, LINES[1]], "\n", b"", 8, 2)  # a line over several blocks
def test_the_records_are_those_of_the_plain_reader(tmp_path, lines, end, mark, block, processes):
    path = tmp_path / "all.ndjson"
    path.write_bytes(mark + ("\n".join(lines) + end).encode())
    if not path.stat().st_size:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "LARGE", 0)
        patch.setattr(ahead, "BLOCK", block)
        patch.setattr(ahead, "_Worker", Here)
        patch.setenv("STREAMGAUGE_PROCESSES", str(processes))
        found, expected = both(path, PushedClock())
    assert found == expected


@pytest.fixture
def many(tmp_path, monkeypatch):
    """A file that counts as large, in blocks of 4,000 bytes."""
    monkeypatch.setattr(ahead, "LARGE", 0)
    monkeypatch.setattr(ahead, "BLOCK", 4_000)
    monkeypatch.setenv("STREAMGAUGE_PROCESSES", "2")
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    path = tmp_path / "all.ndjson"
    path.write_text(
        "".join(f'{{"n": {n}, "who": "w{n % 3}", "at": {1_700_000_000 + n}}}\n' for n in range(2_000))
    )
    return path


def test_a_blank_line_in_the_middle_hands_over_to_the_plain_reader(many):
    text = many.read_text().splitlines(keepends=True)
    many.write_text("".join([*text[:1_000], "\n", *text[1_000:]]))
    found, expected = both(many, PushedClock())
    assert found == expected
    assert len(found) == 2_001


def told(n: int) -> str:
    """A record with fields missing, late ones, and now and then something that is no record."""
    if n % 397 == 0:
        return '{"n": 1' if n % 2 else '{"x": -1}'
    record = {
        "n": n % 7 if n % 5 else None,
        "who": f"w{n * 31 % 97 % (3 + n // 100)}" if n % 11 else None,
        "where": "äöü"[n % 3] + str(n % 4),
        "x": (n * 37 % 101) / 7,
        "on": (True, False, None)[n % 3],
        "at": 1_700_000_000_000 + n * 40 - n * 7919 % 97 * 30,
    }
    return json.dumps({name: value for name, value in record.items() if value is not None or n % 2})


def test_a_replay_says_the_same_whatever_the_processes(many, monkeypatch):
    many.write_text("".join(f"{told(n)}\n" for n in range(2_000)))
    said = []
    for processes in ("0", "1", "2"):
        monkeypatch.setenv("STREAMGAUGE_PROCESSES", processes)
        said.append(streamgauge.replay(CONFIG, streams={"s": many}))
    kinds = Counter((line["kind"], line["monitor"]) for line in said[0].lines)
    assert said[0].records == 1_994
    assert min(kinds["window", name] for name in CONFIG["monitors"]) > 1
    assert kinds["dead_letter", None] == 6
    assert said[0].late.height
    assert said[1].lines == said[0].lines
    assert said[2].lines == said[0].lines


def test_kernels_are_made_ready_while_many_records_are_on_their_way(many, monkeypatch):
    one = {**CONFIG, "monitors": {"each": CONFIG["monitors"]["each"]}}
    warmed = []

    def noted(plan: Plan) -> None:
        warmed.append(list(plan.streams))
        warm_up(plan)

    def said(*, live: bool, **_: int) -> bool:
        return live  # and nothing is compiled

    monkeypatch.setattr(ahead, "_Worker", Here)
    monkeypatch.setattr(jit, "choose", said)
    monkeypatch.setattr(replay, "warm_up", noted)
    quick = streamgauge.replay(one, streams={"s": many})
    assert warmed == [["s"]]
    monkeypatch.setenv("STREAMGAUGE_PROCESSES", "0")
    assert streamgauge.replay(one, streams={"s": many}).lines == quick.lines
    assert len(warmed) == 1, "nobody knows how many there are"


def test_a_process_that_dies_is_told(many):
    many.write_text(many.read_text() * 40)  # more than the pipes hold
    quick = ahead.large([many], STREAM, LAYOUT, PushedClock())
    assert quick is not None
    source = quick[0]
    source.open({})
    source.poll(1, timedelta(0))
    for worker in source._workers:  # type: ignore[attr-defined]
        os.kill(worker._process.pid, signal.SIGKILL)

    def read_on() -> bool:
        source.poll(1, timedelta(0))
        return False

    with pytest.raises(
        SourceError, match=r"a process that decodes .*all.ndjson ended by itself \(exit code -9\)"
    ):
        eventually(read_on)
    source.close()


def test_what_is_not_one_large_file_of_lines_is_read_plainly(many, tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("n\n1\n")
    assert ahead.large([many, many], STREAM, LAYOUT, PushedClock()) is None
    assert ahead.large([tmp_path / "a.csv"], STREAM, LAYOUT, PushedClock()) is None
    assert ahead.large([tmp_path / "*.ndjson"], STREAM, LAYOUT, PushedClock()) is None
    monkeypatch.setenv("STREAMGAUGE_PROCESSES", "many")
    with pytest.raises(ConfigError, match="STREAMGAUGE_PROCESSES is 'many'; expected how many"):
        ahead.large([many], STREAM, LAYOUT, PushedClock())


def test_whoever_replays_or_asks_loads_no_database_and_no_client():
    heavy = [
        "sqlalchemy",
        "alembic",
        "fastapi",
        "httpx",
        "confluent_kafka",
        "numba",
        "pyarrow",
        "datasketches",
    ]
    code = (
        "import sys, streamgauge.engines.decoding.ahead, streamgauge.engines.replay.replay, streamgauge.sql.running\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
