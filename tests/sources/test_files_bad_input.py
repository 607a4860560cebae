"""Bad files: what cannot be read at all is said in words; what is bad in one record costs only that record."""

import gzip
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest
import zstandard

from streamgauge.errors import SourceError
from streamgauge.sources import file_lines
from streamgauge.sources.contract import Poll, Source
from streamgauge.sources.files import open_files

NO_WAIT = timedelta(0)
NOISE = bytes((n * n * 31 + n // 7) % 251 for n in range(600_000))


def started(*paths: Path) -> Source:
    source = open_files(list(paths))
    source.open({})
    return source


def poll_once(*paths: Path) -> Poll:
    return started(*paths).poll(1000, NO_WAIT)


def lines(path: Path, content: bytes) -> list[bytes | str]:
    """All records of a file with ``content``: payloads, or why they are unreadable."""
    path.write_bytes(content)
    source = started(path)
    found: list[bytes | str] = []
    while True:
        poll = source.poll(1000, NO_WAIT)
        for piece in poll.slices:
            assert piece.offsets.tolist() == list(range(len(found), len(found) + len(piece.offsets)))
            for at, line in enumerate(piece.payloads or ()):
                reason, kept = piece.unreadable.get(at, ("", line))
                assert kept == line
                found.append(reason or line or b"")
        if poll.ended:
            return found


class TestWholeFiles:
    def test_missing(self, tmp_path):
        with pytest.raises(SourceError, match=r"no\.ndjson does not exist; check the path"):
            poll_once(tmp_path / "no.ndjson")

    def test_nothing_matches(self, tmp_path):
        with pytest.raises(SourceError, match=r"no file matches .*\*\.csv; looked from"):
            poll_once(tmp_path / "*.csv")

    def test_a_directory(self, tmp_path):
        with pytest.raises(SourceError, match=r"is a directory; name the files in it, such as .*/\*\.ndjson"):
            poll_once(tmp_path)

    def test_unknown_extension(self, tmp_path):
        (tmp_path / "a.data").write_text("{}")
        with pytest.raises(SourceError, match="add content: lines, csv, parquet or avro"):
            poll_once(tmp_path / "a.data")

    @pytest.mark.parametrize("name", ["a.ndjson.gz", "a.csv.gz", "a.ndjson.zst"])
    def test_not_compressed_at_all(self, tmp_path, name):
        (tmp_path / name).write_text("hello")
        with pytest.raises(
            SourceError, match=r"a\..* cannot be read to its end: .*damaged or still being written"
        ):
            poll_once(tmp_path / name)

    @pytest.mark.parametrize("name", ["a.ndjson.gz", "a.ndjson.zst"])
    def test_compressed_but_cut_off(self, tmp_path, name):
        content = gzip.compress(NOISE) if name.endswith("gz") else zstandard.compress(NOISE)
        (tmp_path / name).write_bytes(content[:-1000])
        source = started(tmp_path / name)
        with pytest.raises(SourceError, match=r"cannot be read to its end: Truncated compressed stream"):
            list(
                takewhile(lambda poll: not poll.ended, (source.poll(10_000, NO_WAIT) for _ in range(10_000)))
            )

    def test_parquet_that_is_none(self, tmp_path):
        (tmp_path / "a.parquet").write_text("hello, this is no parquet at all")
        with pytest.raises(SourceError, match=r"a\.parquet cannot be read: .*[Pp]arquet"):
            poll_once(tmp_path / "a.parquet")

    def test_parquet_within_gzip(self, tmp_path):
        (tmp_path / "a.parquet.gz").write_bytes(b"")
        with pytest.raises(SourceError, match="Parquet compresses inside"):
            poll_once(tmp_path / "a.parquet.gz")

    def test_damaged_parquet(self, tmp_path):
        path = tmp_path / "a.parquet"
        pl.DataFrame({"x": NOISE[:50_000]}).write_parquet(path)
        content = bytearray(path.read_bytes())
        content[50:5000] = b"\x00" * 4950
        path.write_bytes(content)
        with pytest.raises(SourceError, match=r"a\.parquet cannot be read"):
            poll_once(path)

    def test_one_json_list(self, tmp_path):
        (tmp_path / "a.json").write_text('\n [\n {"a": 1},\n {"a": 2}\n]')
        with pytest.raises(
            SourceError, match=r"a\.json is one JSON list; expected an object per line.*jq -c"
        ):
            poll_once(tmp_path / "a.json")

    def test_utf16(self, tmp_path):
        (tmp_path / "a.csv").write_text("a,b\n1,2\n", encoding="utf-16")
        with pytest.raises(SourceError, match="is UTF-16; write it as UTF-8"):
            poll_once(tmp_path / "a.csv")

    @pytest.mark.parametrize("name", ["a.ndjson", "a.csv", "a.ndjson.gz", "a.ndjson.zst"])
    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
    def test_empty_is_fine(self, tmp_path, name, content):
        if name.endswith("gz"):
            content = gzip.compress(content)
        elif name.endswith("zst"):
            content = zstandard.compress(content)
        elif name == "a.csv" and content == b"\n\n":
            content = b""
        (tmp_path / name).write_bytes(content)
        poll = poll_once(tmp_path / name)
        assert not poll.slices
        assert len(poll.ended) == 1

    def test_parquet_without_rows(self, tmp_path):
        pl.DataFrame({"x": [1]}).clear().write_parquet(tmp_path / "a.parquet")
        assert len(poll_once(tmp_path / "a.parquet").ended) == 1


class TestLines:
    def test_blank_lines_count_within_and_not_at_the_end(self, tmp_path):
        content = b"\n{}\n\n \n{}\n\n \r\n\n"
        assert lines(tmp_path / "a.ndjson", content) == [b"", b"{}", b"", b" ", b"{}"]

    def test_byte_order_mark_and_line_ends_of_windows(self, tmp_path):
        assert lines(tmp_path / "a.ndjson", b'\xef\xbb\xbf{"a":1}\r\n{}\r\n') == [b'{"a":1}', b"{}"]

    def test_no_line_end_at_the_end(self, tmp_path):
        assert lines(tmp_path / "a.ndjson", b"{}\n{}") == [b"{}", b"{}"]

    @pytest.mark.parametrize("length", [1000, 1001, 1063, 1064, 3000, 40_000])
    @pytest.mark.parametrize("block", [64, 999])
    def test_a_line_beyond_all_bounds_is_not_held(self, tmp_path, monkeypatch, length, block):
        monkeypatch.setattr(file_lines, "LONGEST", 1000)
        monkeypatch.setattr(file_lines, "KEPT", 10)
        monkeypatch.setattr(file_lines, "BLOCK", block)
        found = lines(tmp_path / "a.ndjson", b"{}\n" + b"x" * length + b"\n[]\n" + b"y" * length)
        if length == 1000:
            assert found == [b"{}", b"x" * 1000, b"[]", b"y" * 1000]
        else:
            reason = "a line of more than 0 MiB; no record is that long"
            assert found == [b"{}", reason, b"[]", reason]


class TestCsv:
    def read(self, tmp_path, content: bytes):
        (tmp_path / "a.csv").write_bytes(content)
        (piece,) = poll_once(tmp_path / "a.csv").slices
        assert piece.frame is not None
        return piece.frame.rows(), dict(piece.unreadable)

    BAD: ClassVar = {
        "too few cells": (b"1", "1 cells where the header names 2"),
        "too many cells": (b"1,2,3", "3 cells where the header names 2"),
        "an empty line": (b"", "0 cells where the header names 2"),
        "text after a quote": (b'"1"x,2', "not CSV: ',' expected after '\"'"),
        "not UTF-8": (b"\xff,2", "not UTF-8: byte 0xff at position 0 of its line"),
        "a cell beyond all bounds": (
            b"1," + b"x" * 140_000,
            "not CSV: field larger than field limit (131072)",
        ),
    }

    @pytest.mark.parametrize(("row", "reason"), BAD.values(), ids=BAD)
    def test_a_bad_row_costs_only_itself(self, tmp_path, row, reason):
        rows, bad = self.read(tmp_path, b"a,b\n1,2\n" + row + b"\n3,4\n")
        assert rows == [("1", "2"), (None, None), ("3", "4")]
        assert bad == {1: (reason, row)}

    def test_a_quote_that_is_never_closed(self, tmp_path):
        rows, bad = self.read(tmp_path, b'a,b\n1,2\n3,"4\n5,6\n')
        assert rows[0] == ("1", "2")
        assert bad == {1: ("not CSV: unexpected end of data", b'3,"4\n5,6')}

    def test_empty_cells_are_null(self, tmp_path):
        assert self.read(tmp_path, b'a,b\n,""\n1,\n')[0] == [(None, None), ("1", None)]

    def test_byte_order_mark_of_spreadsheets(self, tmp_path):
        (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n")
        (piece,) = poll_once(tmp_path / "a.csv").slices
        assert piece.frame is not None
        assert piece.frame.columns == ["a", "b"]

    @pytest.mark.parametrize(
        ("header", "what"),
        [
            (b"a,a\n", "'a' empty or twice"),
            (b"a,\n", "'' empty or twice"),
            (b"\n1,2\n", "nothing"),
            (b'"a"x,b\n', "not CSV"),
            (b"\xff,b\n", "header row is not UTF-8"),
        ],
    )
    def test_a_broken_header_is_said(self, tmp_path, header, what):
        (tmp_path / "a.csv").write_bytes(header + b"1,2\n")
        with pytest.raises(SourceError, match=what):
            poll_once(tmp_path / "a.csv")
