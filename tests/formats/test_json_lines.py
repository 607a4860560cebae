"""Lines that stand in one buffer: decoded at once, with the answers of one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.formats import json
from streamgauge.formats.contract import FieldSpec
from streamgauge.formats.json_lines import Lines
from tests.formats.decoding import NOW, layout, piece_of, reasons, rows_of

FIELDS = FieldSpec("n", "int"), FieldSpec("who", "string"), FieldSpec("x", "float", min=0)
SOME = [
    b'{"n": 1, "who": "a"}',
    b'{"n": 2, "x": 0.5}',
    b'{"x": NaN}',
    b'{"n": 1}{"n": 2}',
    b'{"n":',
    b"3}",
    b'{"who": "}',
    b'{"}',
    b"{}",
    b" {} ",
    b"",
    b"[",
    b'{"x": -1}',
    b'{"n": 1, "n": 2}',
    b'{"no": "\xff"}',
    b'{"who": "\xff"}',
]


def lines_of(each: list[bytes]) -> Lines:
    data = b"\n".join(each)
    return Lines(memoryview(data), np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")))


@pytest.mark.parametrize("texts", [False, True])
@given(slices=st.lists(st.lists(st.one_of(st.just(SOME[0]), st.sampled_from(SOME)), max_size=9), max_size=4))
def test_at_once_is_as_one_by_one(texts: bool, slices: list[list[bytes]]):
    config = json.Config(numbers_as_strings=texts)
    quick, plain = (json.open_format(config, layout(*FIELDS)) for _ in range(2))
    for each in slices:
        if each in ([], [b""]):
            continue
        found = quick.decode(piece_of(lines_of(each)), NOW)
        expected = plain.decode(piece_of(each), NOW)
        assert rows_of(found) == rows_of(expected)
        assert reasons(found) == reasons(expected)
        assert [bad.payload for bad in found.bad] == [bad.payload for bad in expected.bad]


def test_plain_lines_are_taken_at_once_until_one_is_refused(monkeypatch: pytest.MonkeyPatch):
    decoder = json.RecordDecoder(layout(*FIELDS), texts=False)
    good, bad = lines_of(SOME[:2] * 3), lines_of([*SOME[:2], b'{"n": "x"}'])
    at_once: list[int] = []
    decode_lines = decoder._decode_lines

    def noted(data: memoryview) -> list[object]:
        at_once.append(len(data))
        return decode_lines(data)

    monkeypatch.setattr(decoder, "_decode_lines", noted)
    counts = [len(decoder.decode(piece_of(lines), NOW)) for lines in (good, bad, good, good)]
    assert counts == [6, 2, 6, 6]
    assert at_once == [len(good.data), len(bad.data), len(good.data)], (
        "the third slice was looked at line by line"
    )


@pytest.mark.parametrize(
    ("each", "braced"),
    [
        ([b"{}"], True),
        ([b"{}", b'{"a": 1}'], True),
        ([b"{}", b"{} "], False),
        ([b" {}", b"{}"], False),
        ([b"{}", b"}{", b"{}"], False),
        ([b"{}", b"", b"{}"], False),
        ([], False),
    ],
)
def test_braces_around_each_line(each: list[bytes], braced: bool):
    assert lines_of(each).braced is braced


@pytest.mark.parametrize(
    ("each", "plain"),
    [
        ([b"a", b"b"], True),
        ([b"a", b"", b"b"], False),
        ([b"", b"a"], False),
        ([b"a", b" "], False),
        ([b"a", b""], False),
        ([], False),
    ],
)
def test_none_is_blank(each: list[bytes], plain: bool):
    assert lines_of(each).plain is plain


def test_lines_are_a_sequence():
    lines = lines_of(SOME[:3])
    assert len(lines) == 3
    assert list(lines) == SOME[:3]
    assert [lines[0], lines[2], *lines[1:]] == [SOME[0], SOME[2], *SOME[1:3]]
    with pytest.raises(IndexError):
        lines[3]
