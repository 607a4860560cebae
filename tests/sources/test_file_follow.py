"""Followed files: lines as they are written, over rotations and restarts, each once and at its own offset."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from streamgauge.batch import Partition
from streamgauge.clock import SystemClock
from streamgauge.config import ConfigErrors, load
from streamgauge.errors import SourceError
from streamgauge.sources.file_follow import FollowingSource
from streamgauge.sources.file_generations import GRACE, offset_of
from streamgauge.sources.files import Config, open_source
from streamgauge.stores import Owner, open_store
from streamgauge.testing import PushedClock

NOW = timedelta(0)


class Reader:
    """Reads as an engine does, keeps what came, and starts again where it was."""

    def __init__(self, folder: Path, **config: object) -> None:
        self.clock = PushedClock()
        self.config = Config.model_validate({"path": str(folder / "app.log"), "follow": True, **config})
        self.url = f"sqlite:///{folder}/store.db"
        self.lines: list[str] = []
        self.offsets: list[int] = []
        self.bad: list[str] = []
        self.next: dict[Partition, int] = {}
        self.gaps: list[tuple[int, int]] = []
        self.at_end: frozenset[Partition] = frozenset()
        self.source = self._opened()

    def _opened(self) -> FollowingSource:
        source = open_source(self.config, "logs", self.clock, store_url=self.url)
        assert isinstance(source, FollowingSource)
        source.open(self.next)
        return source

    def restart(self, *, back_to: dict[Partition, int] | None = None) -> None:
        """As after a kill: at the committed positions."""
        self.source.close()
        self.next = self.next if back_to is None else back_to
        self.source = self._opened()

    def read(self, polls: int = 4, limit: int = 1000) -> list[str]:
        """What came in a few polls."""
        start = len(self.lines)
        for _ in range(polls):
            poll = self.source.poll(limit, NOW)
            for partition, at in poll.assigned.items():
                assert self.next.setdefault(partition, at) == at
            for partition, gap in poll.gaps.items():
                self.gaps.append(gap)
                self.next[partition] = gap[1]
            for piece in poll.slices:
                offsets = piece.offsets.tolist()
                assert all(offset >= self.next[piece.partition] for offset in offsets)
                assert offsets == sorted(set(offsets))
                assert not offsets or piece.next_offset > offsets[-1]
                self.lines += [(payload or b"").decode() for payload in piece.payloads or ()]
                self.offsets += offsets
                self.bad += [reason for reason, _ in piece.unreadable.values()]
                self.next[piece.partition] = piece.next_offset
            self.at_end = poll.at_end
        return self.lines[start:]

    def pass_rotation(self) -> list[str]:
        """Reads on until the moved file is left."""
        found = self.read()
        self.clock.push(timedelta(seconds=GRACE))
        return found + self.read()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Callable[..., Reader]]:
    open_store(f"sqlite:///{tmp_path}/store.db", owner=Owner.this_process(), clock=SystemClock()).close()
    made: list[Reader] = []

    def make(**config: object) -> Reader:
        made.append(Reader(tmp_path, **config))
        return made[-1]

    yield make
    for one in made:
        one.source.close()


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_lines_come_as_they_are_written_with_their_bytes_as_offsets(log: Path, reader: Callable[..., Reader]):
    write(log, "one\ntwo\r\n")
    reading = reader()
    assert reading.read() == ["one", "two"]
    assert reading.offsets == [0, 4]
    assert reading.at_end == {Partition(f"tail:{log}")}
    write(log, "\n\nthree\n")
    assert reading.read() == ["three"]
    assert reading.offsets[-1] == 11
    assert reading.source.tails()[Partition(f"tail:{log}")].end_offset == 17


def test_half_a_last_line_waits_for_its_end(log: Path, reader: Callable[..., Reader]):
    write(log, "one\ntw")
    reading = reader()
    assert reading.read() == ["one"]
    assert reading.at_end, "half a line is no record yet"
    write(log, "o\nth")
    assert reading.read() == ["two"]
    reading.restart()
    write(log, "ree\n")
    assert reading.read() == ["three"]
    assert reading.offsets == [0, 4, 8]


def test_a_file_that_appears_later(log: Path, reader: Callable[..., Reader]):
    reading = reader()
    assert reading.read() == []
    assert reading.at_end == {Partition(f"tail:{log}")}
    write(log, "one\n")
    assert reading.read() == ["one"]


def test_rotation_by_rename_loses_nothing(log: Path, reader: Callable[..., Reader]):
    write(log, "one\n")
    reading = reader()
    reading.read()
    old = log.rename(log.with_name("app.log.1"))
    write(old, "two\n")  # its writer does not know yet
    assert reading.read() == ["two"]
    write(log, "three\n")
    write(old, "late\nlast without end")
    assert reading.pass_rotation() == ["late", "last without end", "three"]
    assert reading.offsets[-1] == offset_of(1, 0)
    write(log, "four\n")
    assert reading.read() == ["four"]
    assert reading.offsets[-1] == offset_of(1, 6)


def test_copy_and_truncate(log: Path, reader: Callable[..., Reader]):
    write(log, "one\ntwo\n")
    reading = reader()
    reading.read()
    log.with_name("app.log.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)
    reading.read()
    write(log, "three\n")
    assert reading.read() == ["three"]
    assert reading.offsets[-1] == offset_of(1, 0)


def test_truncated_and_longer_than_before_by_the_next_look(log: Path, reader: Callable[..., Reader]):
    write(log, "one\n")
    reading = reader()
    reading.read()
    log.write_text("other\nlonger\n")
    assert reading.read() == ["other", "longer"]
    assert reading.offsets[1:] == [offset_of(1, 0), offset_of(1, 6)]


def test_after_a_restart_the_rest_of_a_rotated_file_comes_first(log: Path, reader: Callable[..., Reader]):
    write(log, "one\n")
    reading = reader()
    reading.read()
    write(log, "two\n")
    log.rename(log.with_name("app.log.1"))
    write(log, "three\n")
    reading.restart()
    assert reading.pass_rotation() == ["two", "three"]
    assert reading.gaps == []


@pytest.mark.parametrize("names", [("app.log.2", "app.log.1"), ("app-20261121.log", "app-20261122.log")])
def test_several_rotations_while_away(log: Path, reader: Callable[..., Reader], names: tuple[str, str]):
    write(log, "one\n")
    reading = reader()
    reading.read()
    for number, name in enumerate(names):
        write(log, f"away {number}\n")
        moved = log.rename(log.with_name(name))
        os.utime(moved, ns=(0, 2_000_000_000_000_000_000 + number))
        log.touch()
    write(log, "now\n")
    os.utime(log, ns=(0, 2_000_000_000_000_000_009))
    reading.restart()
    found = reading.pass_rotation() + reading.pass_rotation()
    assert found == ["away 0", "away 1", "now"]
    assert [offset >> 40 for offset in reading.offsets] == [0, 0, 1, 2]
    assert reading.gaps == []


def test_a_generation_that_was_begun_but_not_committed_is_read_again(
    log: Path, reader: Callable[..., Reader]
):
    write(log, "one\n")
    reading = reader()
    reading.read()
    committed = dict(reading.next)
    log.rename(log.with_name("app.log.1"))
    write(log, "two\n")
    assert reading.pass_rotation() == ["two"]
    log.rename(log.with_name("app.log.2"))
    write(log, "three\n")
    reading.restart(back_to=committed)
    assert reading.pass_rotation() + reading.pass_rotation() == ["two", "three"]
    assert reading.offsets[1:] == [offset_of(1, 0), offset_of(1, 0), offset_of(2, 0)]


def test_a_rotated_file_that_is_gone_is_a_gap(log: Path, reader: Callable[..., Reader]):
    write(log, "one\n")
    reading = reader()
    reading.read()
    log.rename(log.with_name("kept-elsewhere"))
    write(log, "two\n")
    reading.restart()
    assert reading.read() == ["two"]
    assert reading.gaps == [(4, offset_of(1, 0))]


def test_a_pattern_finds_later_files_but_no_rotated_ones(log: Path, reader: Callable[..., Reader]):
    write(log, "one\n")
    reading = reader(path=str(log.parent / "*.log*"))
    assert reading.read() == ["one"]
    log.rename(log.with_name("app.log.1"))
    write(log, "two\n")
    write(log.with_name("other.log"), "new\n")
    reading.clock.push(timedelta(seconds=1))
    assert sorted(reading.pass_rotation()) == ["new", "two"]
    assert {partition.name for partition in reading.next} == {
        f"tail:{log}",
        f"tail:{log.with_name('other.log')}",
    }
    reading.restart()
    reading.clock.push(timedelta(seconds=1))
    assert reading.read() == []


@pytest.mark.parametrize(("text", "first"), [("one\ntwo\nhal", 8), ("", 0), ("no end", 0)])
def test_from_the_end_begins_behind_the_last_whole_line(
    log: Path, reader: Callable[..., Reader], text: str, first: int
):
    log.write_text(text)
    reading = reader(start="latest")
    assert reading.read() == []
    assert reading.next == {Partition(f"tail:{log}"): first}


def test_every_split_gives_the_same(
    log: Path, reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
):
    lines = [f"{'x' * (i * 7 % 40)}{i}" for i in range(200)]
    log.write_text("\n".join(lines) + "\n")
    for block, limit in ((7, 3), (64, 1), (1024, 1000)):
        monkeypatch.setattr("streamgauge.sources.file_generations.BLOCK", block)
        reading = reader()
        assert reading.read(polls=3000 // min(limit, 10), limit=limit) == lines


@pytest.mark.parametrize("block", [64, 100, 4096])
def test_a_line_beyond_all_bounds_costs_itself(
    log: Path, reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch, block: int
):
    monkeypatch.setattr("streamgauge.sources.file_generations.LONGEST", 300)
    monkeypatch.setattr("streamgauge.sources.file_generations.KEPT", 5)
    monkeypatch.setattr("streamgauge.sources.file_generations.BLOCK", block)
    write(log, "one\n" + "x" * 1000 + "\ntwo\n")
    reading = reader()
    assert reading.read(polls=40) == ["one", "xxxxx", "two"]
    assert reading.offsets == [0, 4, 1005]
    assert reading.bad == [f"a line of more than {300 // 1024**2} MiB; no record is that long"]


def test_a_mark_at_the_beginning_is_left_out(log: Path, reader: Callable[..., Reader]):
    log.write_bytes(b"\xef\xbb\xbfone\n")
    assert reader().read() == ["one"]


def test_paused_paths_wait(log: Path, reader: Callable[..., Reader]):
    write(log, "one\n")
    reading = reader()
    reading.source.pause([Partition(f"tail:{log}")])
    assert reading.read() == []
    assert reading.at_end == frozenset()
    assert reading.source.tails()[Partition(f"tail:{log}")].end_offset > 0, "it is known to have more"
    reading.source.resume([Partition(f"tail:{log}")])
    assert reading.read() == ["one"]


def test_a_directory_is_told(tmp_path: Path, reader: Callable[..., Reader]):
    with pytest.raises(SourceError, match=r"is a directory; name the files in it, such as .*/\*\.log"):
        reader(path=str(tmp_path))


STREAM = """
streams:
  logs:
    source: {type: files, %s}
    format: json
    fields: {line: string}
"""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("path: x.csv, content: csv, follow: true", "files are followed by lines, and `content` is csv"),
        ("path: x.ndjson.gz, follow: true", "packed files cannot be followed"),
        ("path: x.log, start: latest", "fits files that are followed"),
    ],
)
def test_what_cannot_be_followed_is_a_mistake(source: str, words: str):
    with pytest.raises(ConfigErrors, match=words):
        load(STREAM % source)


def test_followed_files_do_not_end():
    assert not load(STREAM % "path: x.log, follow: true").streams["logs"].source.finite
    assert load(STREAM % "path: x.log").streams["logs"].source.finite
