"""Rows of a file that a spreadsheet opens."""

import csv
import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from streamgauge.channels.contract import Answer, Result
from streamgauge.channels.csv import COLUMNS, Config, open_channel, row
from tests.channels.notices import firing, hostile, resolved


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "folder" / "alerts.csv"


def send(path: Path, *notices: dict[str, Any]) -> list[Answer]:
    channel = open_channel(Config(path=path), "log")
    answers = [channel.send(notice) for notice in notices]
    channel.close()
    return answers


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_one_row_per_notice_under_one_header(path):
    first, second = send(path, firing(), resolved())
    send(path, firing(3))
    assert (first.result, second.result) == (Result.DELIVERED, Result.DELIVERED)
    opened, ended, again = rows(path)
    assert tuple(opened) == COLUMNS
    assert (opened["notice"], opened["status"], opened["key"]) == (firing()["notice"], "firing", "a-7")
    assert json.loads(opened["observed"]) == {"events": 101.0, "spent": 10412.499}
    assert (ended["status"], ended["lasted_seconds"], ended["reason"]) == ("resolved", "12.3", "recovered")
    assert again["notice"] == firing(3)["notice"]


def test_a_repeat_carries_the_same_id(path):
    send(path, firing(), firing())
    assert [found["notice"] for found in rows(path)] == [firing()["notice"]] * 2


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "＝", "＠"])
def test_no_cell_is_a_formula(path, start):
    text = f"{start}cmd|' /C calc'!A0"
    send(path, firing(key=text, title=text))
    assert rows(path)[0]["key"] == f"'{text}"
    assert rows(path)[0]["title"] == f"'{text}"


@pytest.mark.parametrize("key", ["-5", "+4.5", "17"])
def test_texts_that_are_numbers_stay(path, key):
    send(path, firing(key=key))
    assert rows(path)[0]["key"] == key


def test_hostile_values_stay_one_line_of_text(path):
    send(path, hostile(), firing())
    assert path.read_text("utf-8").count("\n") == 3
    assert all(cell.isprintable() for cell in rows(path)[0].values())
    assert rows(path)[0]["key"].startswith("\\x1b[2J")
    assert rows(path)[1]["key"] == "a-7"


def test_separators_of_other_countries_are_quoted():
    assert b'"a;=1+1"' in row(firing(key="a;=1+1"))


def test_a_row_that_a_crash_cut_off_does_not_swallow_the_next(path):
    send(path, firing(), firing(2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    send(path, firing(3))
    assert path.read_bytes().startswith(whole[:-30] + b"\n")
    assert path.read_bytes().endswith(row(firing(3)))


def test_a_header_that_a_crash_cut_off_is_written_again(path):
    path.parent.mkdir(parents=True)
    path.write_text("notice,sta")
    send(path, firing())
    assert rows(path)[0]["notice"] == firing()["notice"]


def test_a_file_that_was_moved_away_begins_anew(path):
    channel = open_channel(Config(path=path), "log")
    channel.send(firing())
    path.rename(path.with_suffix(".1"))
    channel.send(firing(2))
    assert [found["notice"] for found in rows(path)] == [firing(2)["notice"]]


def test_somebody_elses_file_is_left_alone(path):
    path.parent.mkdir(parents=True)
    path.write_text("name,age\nx,1\n")
    (answer,) = send(path, firing())
    assert answer.result is Result.AGAIN
    assert "has other columns than notice,status,severity…; move it away or change `path`" in answer.detail
    assert path.read_text() == "name,age\nx,1\n"


def test_a_disk_that_refuses_is_tried_again(path, monkeypatch):
    send(path, firing())

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    (answer,) = send(path, firing(2))
    assert answer.result is Result.AGAIN
    assert answer.detail == f"cannot write {path}: No space left on device"


def test_a_folder_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").touch()
    (answer,) = send(tmp_path / "file" / "alerts.csv", firing())
    assert answer.result is Result.AGAIN
    assert "alerts.csv: " in answer.detail


def test_a_huge_value_stays_within_what_a_spreadsheet_takes(path):
    huge = firing(key="=" + "k" * 10**6, title="t" * 10**6, observed={"v" * 10**6: "w"})
    assert [answer.result for answer in send(path, huge)] == [Result.DELIVERED]
    (cells,) = rows(path)
    assert max(map(len, cells.values())) <= 32_001
    assert cells["key"].startswith("'=kk")
