"""Records of one Kafka partition as few large rows, so that Spark hands over no record by itself.

Before records are grouped by partition, each task packs what it read: a row then holds thousands of records as one
Arrow stream, and what crosses from the JVM to Python costs per row.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from streamgauge.arrow import numbers, pyarrow
from streamgauge.batch import Partition
from streamgauge.sources.contract import Slice

READ = "topic string, number int, offset long, stamp long, trusted boolean, key binary, value binary"
"""What is read of Kafka, as Spark's types; ``stamp`` in microseconds."""

PACKED = "topic string, number int, first long, records binary, told string"
"""One row of what is grouped: packed ``records`` from offset ``first`` on, or what is ``told`` of the partition's end."""


def pack(batches: Iterable[Any]) -> Iterator[Any]:
    """Arrow batches of :data:`READ`, in offset order per partition, as Arrow batches of :data:`PACKED`."""
    for batch in batches:
        if not batch.num_rows:
            continue
        for start, stop in _runs(batch):
            yield _packed(batch.slice(start, stop - start))


def unpack(partition: Partition, rows: Iterable[tuple[int, bytes]]) -> Slice | None:
    """The records of a partition from its packed rows (first offset and bytes), which come in any order.

    None where there are none.
    """
    pa = pyarrow()
    parts = []
    for _, data in sorted(rows, key=lambda row: row[0]):
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            parts.extend(reader)
    if not parts:
        return None
    table = pa.Table.from_batches(parts)
    offsets = numbers(table["offset"].combine_chunks()).astype(np.int64)
    return Slice(
        partition,
        offsets,
        numbers(table["stamp"].combine_chunks()).astype(np.int64),
        int(offsets[-1]) + 1,
        payloads=table["value"].to_pylist(),
        trusted=bool(table["trusted"][0].as_py()),
        keys=table["key"].to_pylist(),
    )


def _runs(batch: Any) -> Sequence[tuple[int, int]]:
    """Where each partition's records begin and end; a task mostly reads one partition."""
    numbers_of = np.asarray(numbers(batch.column("number")))
    topics = batch.column("topic").dictionary_encode().indices
    changes = (np.diff(numbers_of) != 0) | (np.diff(np.asarray(numbers(topics))) != 0)
    borders = [0, *(np.flatnonzero(changes) + 1).tolist(), batch.num_rows]
    return list(itertools.pairwise(borders))


def _packed(records: Any) -> Any:
    pa = pyarrow()
    kept = records.select(["offset", "stamp", "trusted", "key", "value"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, kept.schema) as writer:
        writer.write_batch(kept)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([records.column("topic")[0].as_py()], pa.string()),
            pa.array([records.column("number")[0].as_py()], pa.int32()),
            pa.array([records.column("offset")[0].as_py()], pa.int64()),
            pa.array([sink.getvalue().to_pybytes()], pa.binary()),
            pa.array([None], pa.string()),
        ],
        names=["topic", "number", "first", "records", "told"],
    )
