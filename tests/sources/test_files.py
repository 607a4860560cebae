"""Files: every kind is read whole, side by side, and again from any record on."""

import gzip
import json
from datetime import timedelta
from itertools import count
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamgauge.batch import Partition
from streamgauge.errors import SourceError
from streamgauge.sources.contract import Slice, Source
from streamgauge.sources.file_csv import CsvReader
from streamgauge.sources.file_lines import LineReader
from streamgauge.sources.files import Config, format_of, open_files, open_source
from streamgauge.sources.frames import open_frame
from streamgauge.testing import PushedClock

NO_WAIT = timedelta(0)
RECORDS = [{"id": f"a{n}", "amount": n / 2} for n in range(2500)]
FRAME = pl.DataFrame(RECORDS)


def records_of(piece: Slice) -> list[object]:
    """The raw records of a slice, comparable."""
    if piece.frame is not None:
        return list(piece.frame.rows())
    assert piece.payloads is not None
    return list(piece.payloads)


def read_all(source: Source, *, limit: int = 1000) -> dict[str, list[tuple[int, object]]]:
    """(offset, record) of every partition until all have ended."""
    found: dict[str, list[tuple[int, object]]] = {}
    ended: set[Partition] = set()
    while True:
        poll = source.poll(limit, NO_WAIT)
        for partition in poll.assigned:
            found.setdefault(partition.name, [])
        for piece in poll.slices:
            rows = list(zip(piece.offsets.tolist(), records_of(piece), strict=True))
            found[piece.partition.name] += rows
            assert piece.next_offset == rows[-1][0] + 1
        ended |= poll.ended
        if len(ended) == len(found):
            return found


def write(path: Path) -> str:
    """All records in the form that the extension of ``path`` says."""
    form = path.name.removesuffix(".gz").removesuffix(".zst").rpartition(".")[2]
    if form == "parquet":
        FRAME.write_parquet(path, row_group_size=777)
        return str(path)
    content = FRAME.write_csv().encode() if form == "csv" else "\n".join(map(json.dumps, RECORDS)).encode()
    if path.suffix == ".gz":
        content = gzip.compress(content[:5000]) + gzip.compress(content[5000:])
    if path.suffix == ".zst":
        content = zstandard.compress(content[:5000]) + zstandard.compress(content[5000:])
    path.write_bytes(content)
    return str(path)


def expected(name: str) -> list[object]:
    if "parquet" in name:
        return list(FRAME.rows())
    if "csv" in name:
        return [(record["id"], str(record["amount"])) for record in RECORDS]
    return [json.dumps(record).encode() for record in RECORDS]


KINDS = [
    "a.ndjson",
    "a.jsonl",
    "a.json",
    "a.log",
    "a.ndjson.gz",
    "a.ndjson.zst",
    "a.csv",
    "a.csv.gz",
    "a.parquet",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [1, 7, 100_000])
def test_every_kind_is_read_whole(tmp_path, kind, limit):
    name = write(tmp_path / kind)
    source = open_files([name])
    source.open({})
    limit = max(limit, 20) if kind.endswith("gz") else limit
    assert read_all(source, limit=limit) == {name: list(enumerate(expected(name)))}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", [1, 776, 777, 778, 2331, 2499, 2500])
def test_reading_again_from_a_record_on_gives_the_same_records_and_offsets(tmp_path, kind, start):
    name = write(tmp_path / kind)
    source = open_files([name])
    source.open({Partition(name): start})
    first = source.poll(1, NO_WAIT)
    assert first.assigned == {Partition(name): start}
    rest = read_all(reopened(name, start))
    assert rest == {name: list(enumerate(expected(name)))[start:]}


def reopened(name: str, start: int) -> Source:
    source = open_files([name])
    source.open({Partition(name): start})
    return source


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_shorter_than_its_position_is_refused(tmp_path, kind):
    name = write(tmp_path / kind)
    source = open_files([name])
    source.open({Partition(name): 2501})
    with pytest.raises(SourceError, match="read up to record 2501 before, but has only 2500 now"):
        source.poll(10, NO_WAIT)


def test_partitions_share_each_poll_and_pause_and_end_on_their_own(tmp_path):
    names = [str(tmp_path / name) for name in ("a.ndjson", "b.ndjson", "c.ndjson")]
    for name, lines in zip(names, (10, 3, 10), strict=True):
        Path(name).write_text("{}\n" * lines)
    a, b, c = (Partition(name) for name in names)
    source = open_files(names)
    source.open({})
    poll = source.poll(6, NO_WAIT)
    assert [(piece.partition, len(piece.offsets)) for piece in poll.slices] == [(a, 2), (b, 2), (c, 2)]
    source.pause([a, c])
    poll = source.poll(6, NO_WAIT)
    assert [(piece.partition, piece.offsets.tolist()) for piece in poll.slices] == [(b, [2])]
    poll = source.poll(6, NO_WAIT)
    assert not poll.slices
    assert poll.ended == {b}
    assert source.tails()[b].end_offset == 3
    assert source.poll(6, NO_WAIT).slices == []
    source.resume([c])
    assert [piece.offsets.tolist() for piece in source.poll(6, NO_WAIT).slices] == [[2, 3, 4, 5, 6, 7]]
    source.close()


def test_with_less_than_one_record_each_partitions_take_turns(tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}.ndjson").write_text("{}\n" * 5)
    source = open_files([tmp_path / "*.ndjson"])
    source.open({})
    polls = [[piece.partition.name[-8] for piece in source.poll(2, NO_WAIT).slices] for _ in range(4)]
    assert ["".join(names) for names in polls] == ["ab", "cd", "ab", "cd"]


def test_records_carry_the_time_of_reading(tmp_path):
    (tmp_path / "a.ndjson").write_text("{}\n{}\n")
    clock = PushedClock(5_000_000)
    config = Config(type="files", path=str(tmp_path / "a.ndjson"))
    source = open_source(config, "s", clock)
    source.open({})
    assert source.poll(1, NO_WAIT).slices[0].timestamps.tolist() == [5_000_000]
    clock.push(timedelta(seconds=1))
    assert source.poll(1, NO_WAIT).slices[0].timestamps.tolist() == [6_000_000]
    assert source.describe() == {
        "type": "files",
        "path": [str(tmp_path / "a.ndjson")],
        "start": "first record",
        "partitions": 1,
    }


def test_globs_and_lists_name_each_file_once_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep.ndjson").mkdir()
    for name in ("b.ndjson", "a.ndjson", "deep/c.ndjson", "odd[1].ndjson"):
        (tmp_path / name).write_text("{}\n")
    source = open_files(["*.ndjson", str(tmp_path / "a.ndjson"), "deep/**", "odd[1].ndjson"])
    source.open({})
    assert list(read_all(source)) == ["a.ndjson", "b.ndjson", "deep/c.ndjson", "odd[1].ndjson"]


def test_a_frame_is_a_source_too():
    frame = pl.DataFrame({"n": range(10)})
    source = open_frame(frame, "payments", clock=PushedClock(7))
    source.open({Partition("payments"): 4})
    assert read_all(source, limit=4) == {"payments": [(n, (n,)) for n in range(4, 10)]}
    beyond = open_frame(frame, "payments")
    beyond.open({Partition("payments"): 11})
    with pytest.raises(SourceError, match="has only 10 now"):
        beyond.poll(1, NO_WAIT)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.ndjson", "json"),
        ("A.JSON.GZ", "json"),
        ("a.csv.zst", "csv"),
        ("a.parquet", "parquet"),
        ("a", None),
    ],
)
def test_the_extension_tells_the_format(name, form):
    assert format_of(name) == form


def test_content_says_what_an_extension_does_not(tmp_path):
    path = tmp_path / "export.data"
    path.write_text("a;b\n1;2\n")
    source = open_source(Config(path=(str(path),), content="csv", delimiter=";"), "s", PushedClock())
    source.open({})
    assert read_all(source) == {str(path): [(0, ("1", "2"))]}
    source = open_source(
        Config(path=(str(path),), content="csv", delimiter=";", columns=("x", "y")), "s", PushedClock()
    )
    source.open({})
    assert read_all(source) == {str(path): [(0, ("a", "b")), (1, ("1", "2"))]}
    assert list(read_all(started(open_files([path], "json"))).values()) == [[(0, b"a;b"), (1, b"1;2")]]


def started(source: Source) -> Source:
    source.open({})
    return source


@pytest.mark.parametrize(
    "wrong", [{"delimiter": ";;"}, {"path": []}, {"columns": ["a", "a"]}, {"paths": "x"}]
)
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValidationError):
        Config.model_validate({"type": "files", "path": "x.csv", **wrong})


class Trickle:
    """Bytes that arrive in pieces of given sizes."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self.content, self.sizes = content, sizes

    def read(self, _size: int) -> bytes:
        step = self.sizes.pop() if self.sizes else len(self.content)
        piece, self.content = self.content[:step], self.content[step:]
        return piece

    def close(self) -> None:
        """Nothing is open."""


pieces = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"\r", b" ", b"bc", b"\xff"]), max_size=30).map(
    b"".join
)


def lines_of(content: bytes) -> list[bytes]:
    """The rule in one line: split, drop blank lines at the end."""
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


@given(pieces, st.lists(st.integers(1, 4)), st.lists(st.integers(1, 5)))
def test_lines_do_not_depend_on_how_they_are_read(content, sizes, limits):
    reader = LineReader(Trickle(content, sizes), "x")  # type: ignore[arg-type]
    found: list[bytes] = []
    for turn in count():
        piece = reader.read(limits[turn] if turn < len(limits) else 3)
        assert piece.payloads is not None
        assert len(piece.payloads) == piece.count
        found += piece.payloads
        if piece.ended:
            break
    assert found == lines_of(content)


cells = st.text('ab,"\n é', max_size=4)


@given(st.lists(st.tuples(cells, cells), max_size=8), st.integers(1, 9))
def test_csv_cells_may_hold_anything(rows, limit):
    quoted = ["{},{}\r\n".format(*('"' + cell.replace('"', '""') + '"' for cell in row)) for row in rows]
    lines = LineReader(Trickle(("x,y\n" + "".join(quoted)).encode(), []), "x")  # type: ignore[arg-type]
    reader, found, ended = CsvReader(lines, "x"), [], False
    while not ended:
        piece = reader.read(limit)
        assert not piece.unreadable
        assert piece.frame is not None
        found += piece.frame.rows()
        ended = piece.ended
    assert found == [(a or None, b or None) for a, b in rows]
