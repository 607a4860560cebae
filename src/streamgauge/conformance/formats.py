"""What every format promises: no input raises, nothing is lost, and where a slice ends changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from streamgauge.batch import Batch, Partition
from streamgauge.conformance.profile import for_any
from streamgauge.formats.contract import Decoder, FieldSpec, Layout
from streamgauge.sources.contract import Slice

NOW = 4_102_444_800_000_000
PART = Partition("checked", 0)
FIELDS = {
    "name": FieldSpec("name", "string"),
    "amount": FieldSpec("amount", "float", min=0.0),
    "count": FieldSpec("count", "int"),
    "ok": FieldSpec("ok", "bool"),
    "at": FieldSpec("at", "timestamp", required=True),
}
"""The fields that records of the check may have."""


def check_format(
    make: Callable[[Layout], Decoder], good: Sequence[bytes] = (), *, time: str | None = "at"
) -> None:
    """Hold a format of messages to its contract on random bytes, empty and cut messages, and ``good`` ones.

    Args:
        make: the decoder of a layout, as ``open_format`` gives it.
        good: messages that it can read, with some of the fields of :data:`FIELDS`; each must become a row.
        time: the field with the event time; None = the source's timestamps.

    Raises:
        AssertionError: which promise is broken, by which messages.
    """
    from hypothesis import strategies as st

    fields = FIELDS if time is not None else {name: spec for name, spec in FIELDS.items() if name != "at"}
    decoder = make(Layout("checked", fields, time))
    whole = decoder.decode(_slice(list(good)), NOW)
    assert len(whole) == len(good), f"good messages were refused: {[bad.reason for bad in whole.bad]}"
    broken = [message[: len(message) // 2] for message in good] + [message + b"}" for message in good]
    message = st.one_of(st.none(), st.binary(max_size=40), st.sampled_from([b"", *good, *broken]))

    def check(payloads: list[bytes | None], cut: int) -> None:
        expected = _shown(_decoded(decoder, payloads, 0))
        head, rest = payloads[:cut], payloads[cut:]
        parts = [_shown(_decoded(decoder, head, 0)), _shown(_decoded(decoder, rest, len(head)))]
        assert [*parts[0], *parts[1]] == expected, f"decoding {payloads} in two parts gives other records"

    for_any(check, payloads=st.lists(message, max_size=12), cut=st.integers(0, 12))


def _decoded(decoder: Decoder, payloads: list[bytes | None], start: int) -> Batch:
    piece = _slice(payloads, start)
    try:
        batch = decoder.decode(piece, NOW)
    except Exception as error:  # the contract is exactly that it does not
        raise AssertionError(f"decode raised {error!r} for {payloads}; such records are bad ones") from error
    found = sorted([*batch.offsets.tolist(), *(bad.offset for bad in batch.bad)])
    assert found == piece.offsets.tolist(), (
        f"of offsets {piece.offsets.tolist()} only {found} came out, of {payloads}"
    )
    assert batch.next_offset == piece.next_offset, f"next_offset became {batch.next_offset}"
    assert all(len(column) == len(batch) for column in batch.columns.values()), "columns of several lengths"
    assert all(bad.reason for bad in batch.bad), f"a bad record of {payloads} has no reason"
    return batch


def _slice(payloads: list[bytes | None], start: int = 0) -> Slice:
    n = len(payloads)
    return Slice(PART, np.arange(start, start + n), np.full(n, NOW), start + n, payloads)


def _shown(batch: Batch) -> list[Any]:
    rows = [
        (int(batch.offsets[i]), int(batch.times[i]), repr(sorted(batch.record(i).items())))
        for i in range(len(batch))
    ]
    return sorted([*rows, *((bad.offset, bad.at, bad.reason) for bad in batch.bad)], key=lambda row: row[0])
