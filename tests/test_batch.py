"""Columns with three faces, and batches that can be cut and joined anywhere."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.batch import BadRecord, Batch, Coded, Column, FieldKind, Partition

P = Partition("t", 3)
VALUES: dict[FieldKind, list[Any]] = {
    "string": ["a", None, ""],
    "int": [1, None, -7],
    "float": [1.5, None, -0.25],
    "bool": [True, None, False],
    "timestamp": [0, None, 1_700_000_000_000_000],
}


@pytest.mark.parametrize("kind", VALUES)
def test_each_face_gives_the_same_values(kind: FieldKind):
    values = VALUES[kind]
    faces = [Column(kind, values=values)]
    faces.append(Column(kind, series=faces[0].series()))
    if kind != "string":
        faces.append(Column(kind, numbers=faces[0].numbers()))
    else:
        faces.append(Coded(["", None, "a"], np.array([2, 1, 0], np.int32)))
    for column in faces:
        assert len(column) == 3
        assert column.values() == values
        assert [column.at(i) for i in range(3)] == values
        assert column.take(np.array([2, 0])).values() == [values[2], values[0]]
        assert column.series().to_list() == values
        assert column.series().dtype == faces[0].series().dtype


def test_missing_numbers_are_nan_and_never_in_a_series():
    column = Column("float", numbers=np.array([1.0, np.nan]))
    assert column.values() == [1.0, None]
    assert column.series().null_count() == 1
    assert not column.series().is_nan().any()


def test_numbers_of_text_cannot_be_had():
    with pytest.raises(ValueError, match="could not convert"):
        Column("string", values=["x"]).numbers()


@pytest.mark.parametrize("faces", ["values", "numbers", "series", "mixed"])
def test_joining(faces: str):
    parts = [Column("int", values=[1, None]), Column("int", values=[3])]
    if faces in ("numbers", "mixed"):
        parts[0] = Column("int", numbers=np.array([1.0, np.nan]))
    if faces == "numbers":
        parts[1] = Column("int", numbers=np.array([3.0]))
    if faces == "series":
        parts = [Column("int", series=part.series()) for part in parts]
    assert Column.join(parts).values() == [1, None, 3]


def test_coded_texts_join_with_others():
    coded = Coded(["b", None, "a"], np.array([2, 1, 0, 2], np.int32))
    plain = Column("string", values=["x"])
    assert Column.join([coded.part(1, 4), plain, coded]).values() == [
        None,
        "b",
        "a",
        "x",
        "a",
        None,
        "b",
        "a",
    ]
    assert Column.join([plain, coded.take(np.array([0]))]).values() == ["x", "a"]
    assert isinstance(coded.part(0, 2), Coded)
    with pytest.raises(ValueError, match="could not convert"):
        coded.numbers()


@pytest.mark.parametrize(
    ("kind", "numbers", "values"),
    [
        ("int", [1.0, -3.0], [1, -3]),
        ("int", [2.0**53, 2.0**80], [2**53, 2**80]),
        ("bool", [1.0, 0.0], [True, False]),
        ("float", [0.5, np.inf], [0.5, np.inf]),
        ("timestamp", [], []),
    ],
)
def test_numbers_become_values_of_their_kind(kind: FieldKind, numbers: list[float], values: list[Any]):
    found = Column(kind, numbers=np.array(numbers)).values()
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


def test_an_empty_column():
    assert len(Column("float", values=[])) == 0
    assert Column("string", series=pl.Series([], dtype=pl.String())).values() == []


def test_partitions_read_back_and_sort():
    assert Partition.parse(str(Partition("a:b", 12))) == Partition("a:b", 12)
    assert sorted([Partition("b"), Partition("a", 10), Partition("a", 9)]) == [
        Partition("a", 9), Partition("a", 10), Partition("b"),
    ]  # fmt: skip


offsets = st.lists(st.integers(0, 30), unique=True, max_size=12).map(sorted)


@given(offsets, st.sets(st.integers(0, 30), max_size=6), st.integers(1, 12))
def test_cut_anywhere_and_joined_again_it_is_the_same(found: list[int], broken: set[int], at: int):
    bad = tuple(BadRecord(P, offset, "broken", None, 0) for offset in sorted(broken - set(found)))
    numbers = np.array(found, np.int64)
    batch = Batch("s", P, numbers, numbers * 10, {"n": Column("int", values=list(found))}, 31, bad)
    at = min(at, len(batch))
    head, rest = batch.part(0, at), batch.part(at, len(batch))
    assert head.next_offset == (31 if at >= len(batch) else found[at])
    assert all(record.offset < head.next_offset for record in head.bad)
    parts = [head] if at >= len(batch) else [head, rest]
    joined = Batch.join(parts)
    assert joined.offsets.tolist() == found
    assert joined.times.tolist() == [offset * 10 for offset in found]
    assert joined.columns["n"].values() == found
    assert [record.offset for record in joined.bad] == [record.offset for record in bad]
    assert joined.next_offset == 31


def test_one_record_for_people():
    numbers = np.array([4, 9])
    batch = Batch(
        "s",
        P,
        numbers,
        numbers,
        {"n": Column("int", values=[1, None]), "k": Column("string", values=["a", "b"])},
        10,
    )
    assert batch.record(1) == {"n": None, "k": "b"}
    assert batch.record(0, fields=["k"]) == {"k": "a"}
