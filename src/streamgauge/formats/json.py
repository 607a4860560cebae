"""JSON, one object per message, decoded message by message.

Only the fields that some monitor uses are decoded; the rest of a record is skipped, and checked no further
than JSON's own shape. Messages are never joined before decoding: two messages that each hold half an object
are two bad records, not a good one. Lines that stand in one buffer already are taken at once where each is
plainly an object of its own, and one by one as soon as one of them is refused.

Of a key that occurs twice in an object the last one counts, as in most JSON parsers. ``null``, absence and
``NaN`` (which Python's ``json`` writes) mean missing; ``Infinity`` and numbers beyond a float are refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import msgspec
import numpy as np

from streamgauge.batch import Batch, Column, FloatArray, IntArray
from streamgauge.formats.assembly import Sieve, time_problems
from streamgauge.formats.contract import Decoder, FieldSpec, FormatConfig, Layout
from streamgauge.formats.event_time import Moments, moments
from streamgauge.formats.json_lines import Lines
from streamgauge.formats.json_struct import Way, numbers_of, struct_of, tree_of, values_of
from streamgauge.formats.reasons import clean, shown
from streamgauge.formats.shapes import JsonShapes, of_frame
from streamgauge.formats.values import UnfitError, find, fit
from streamgauge.sources.contract import Slice

_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError)
_LONGEST_INTEGER = 400


class Config(FormatConfig):
    """``format: json``."""

    type: Literal["json"] = "json"
    numbers_as_strings: bool = False
    """Whether ``"12.5"`` may stand for 12.5, as producers write that mistrust floats."""
    any_case: bool = False
    """Whether names may also stand in upper or in lower case in the records, as ksqlDB writes them."""


def open_format(config: Config, layout: Layout) -> Decoder:
    """A decoder for one stream.

    Raises:
        ConfigError: when two fields contradict each other (``user`` a string and ``user.id`` within it).
    """
    return RecordDecoder(layout, texts=config.numbers_as_strings, any_case=config.any_case)


class RecordDecoder:
    """Decodes JSON messages, and frames by the same rules."""

    def __init__(self, layout: Layout, *, texts: bool, any_case: bool = False) -> None:
        """Build the Struct once; ``texts`` lets text stand for numbers and booleans.

        ``any_case``: a field is also found under its path in upper and in lower case.
        """
        self._layout = layout = _with_required_time(layout)
        self._texts = texts
        self._spelled = _spelled(layout) if any_case else {n: [spec] for n, spec in layout.fields.items()}
        self._required = [spec for spec in layout.fields.values() if any_case and spec.required]
        self._specs = [spec for group in self._spelled.values() for spec in group]
        self._tree = tree_of(self._specs)
        self.struct, self._ways = struct_of(self._tree)
        decoder = msgspec.json.Decoder(self.struct, strict=not texts)
        self._decode: Callable[[Any], msgspec.Struct] = decoder.decode
        self._decode_lines: Callable[[Any], list[Any]] = decoder.decode_lines
        self._at_once = True
        self._shapes = JsonShapes()
        self._moment_fields = [spec for spec in layout.fields.values() if spec.kind == "timestamp"]

    def decode(self, piece: Slice, now: int) -> Batch:
        """See :class:`~streamgauge.formats.contract.Decoder`."""
        if piece.frame is not None:
            from streamgauge.formats.columnar import decode_frame

            return decode_frame(self._layout, piece, now, texts=self._texts)
        payloads = piece.payloads or ()
        sieve = Sieve(piece, payloads.__getitem__)
        rows = self._rows(payloads, piece, sieve)
        times = {
            spec.name: moments(self._values(rows, spec.name), spec.unit, empty_is_missing=self._texts)
            for spec in self._moment_fields
        }
        return self.assembled(rows, times, (sieve, piece, now), endless=self._texts)

    def shapes(self, piece: Slice, rows: IntArray) -> list[str | None]:
        """See :class:`~streamgauge.formats.shapes.Shaped`."""
        if piece.frame is not None:
            return of_frame(piece.frame, rows, texts=self._texts)
        return self._shapes.of(piece.payloads or (), rows)

    def assembled(
        self, rows: list[Any], times: dict[str, Moments], about: tuple[Sieve, Slice, int], *, endless: bool
    ) -> Batch:
        """The batch of decoded ``rows`` (Structs) and their moments; ``about``: the sieve, the slice, and now.

        ``endless``: whether a float may have come through as infinite, which is refused here.
        """
        sieve, piece, now = about
        problems = time_problems(self._layout, times, sieve, trusted=piece.trusted, now=now)
        if endless:
            problems |= self._endless(rows)
        problems = self._without_required(rows) | problems
        if problems:
            keep = sieve.drop_rows(problems)
            rows = [row for row, stays in zip(rows, keep.tolist(), strict=True) if stays]
            times = {name: column.only(keep) for name, column in times.items()}
        event_times = sieve.timestamps() if self._layout.time is None else times[self._layout.time].micros
        return sieve.batch(self._layout.stream, event_times, self._columns(rows, times))

    def moment_fields(self) -> list[tuple[FieldSpec, Way]]:
        """The timestamp fields, each with the way to it in a row."""
        return [(spec, self._ways[spec.name]) for spec in self._moment_fields]

    def _rows(self, payloads: Sequence[bytes | None], piece: Slice, sieve: Sieve) -> list[Any]:
        """The Structs of the readable messages. A bad one costs itself; none is decoded twice, but lines at once."""
        if type(payloads) is Lines and not piece.unreadable:  # isinstance of a Sequence asks its registry
            rows = self._lines(payloads)
            if rows is not None:
                return rows
        positions: Sequence[int] = range(len(payloads))
        if piece.unreadable:
            positions = [at for at in positions if at not in piece.unreadable]
            payloads = [payloads[at] for at in positions]
        rows = []
        messages = iter(payloads)
        refused = looked = 0
        while True:
            try:
                rows.extend(map(self._decode, messages))  # keeps what it has when a message raises
            except _REFUSED:
                at = len(rows) + refused
                looked += 1
                try:
                    rows.append(self._second_look(payloads[at]))
                except UnfitError as reason:
                    sieve.drop(positions[at], str(reason))
                    refused += 1
            else:
                self._at_once = not looked
                return rows

    def _lines(self, lines: Lines) -> list[Any] | None:
        """The Structs of all lines at once; None where they must be looked at one by one.

        Where one was refused, those of the next slice are not tried at once: it would be for nothing.
        """
        if not self._at_once or not lines.braced:
            return None
        try:
            rows = self._decode_lines(lines.data)
        except _REFUSED:
            return None
        return rows if len(rows) == len(lines) else None

    def _second_look(self, payload: bytes | None) -> Any:
        """Read a refused message by the tolerant rules: NaN, a key that occurs twice, 5.0 for an integer.

        Raises:
            UnfitError: with the reason for the dead-letter.
        """
        return self.fitted(_parse(payload))

    def fitted(self, record: dict[str, Any]) -> Any:
        """A record as a Struct by the rules of :mod:`.values`, slowly.

        Raises:
            UnfitError: with the reason for the dead-letter.
        """
        found = {}
        for spec in self._specs:
            raw = find(record, spec)
            value = fit(spec, raw, texts=self._texts)
            found[spec.name] = raw if spec.kind == "timestamp" and value is not None else value
        try:
            return msgspec.convert(_nest(self._tree, found), self.struct)
        except msgspec.ValidationError as error:
            raise UnfitError(f"the record does not fit: {error}") from None

    def _endless(self, rows: list[Any]) -> dict[int, str]:
        """Rows where the text ``inf`` came through as a number."""
        problems = {}
        for spec in self._layout.fields.values():
            if spec.kind == "float":
                numbers = self._numbers(rows, spec.name)
                for row in np.flatnonzero(np.isinf(numbers)).tolist():
                    problems[row] = f"{spec.name}: the number is infinite; expected a finite one"
        return problems

    def _columns(self, rows: list[Any], times: dict[str, Moments]) -> dict[str, Column]:
        columns = {}
        for name, spec in self._layout.fields.items():
            if spec.kind == "timestamp":
                columns[name] = times[name].column()
            elif spec.kind == "float":
                columns[name] = Column("float", numbers=self._numbers(rows, name))
            else:
                columns[name] = Column(spec.kind, values=self._values(rows, name))
        return columns

    def _values(self, rows: list[Any], name: str) -> list[Any]:
        """One field, under the first of its spellings that a record has."""
        first, *others = self._spelled[name]
        values = values_of(rows, self._ways[first.name])
        for spec in others:
            if None not in values:
                break
            more = values_of(rows, self._ways[spec.name])
            values = [b if a is None else a for a, b in zip(values, more, strict=True)]
        return values

    def _numbers(self, rows: list[Any], name: str) -> FloatArray:
        first, *others = self._spelled[name]
        numbers = numbers_of(rows, self._ways[first.name])
        for spec in others:
            missing = np.isnan(numbers)
            if not missing.any():
                break
            numbers = np.where(missing, numbers_of(rows, self._ways[spec.name]), numbers)
        return numbers

    def _without_required(self, rows: list[Any]) -> dict[int, str]:
        """Rows that lack what each must carry, where the Struct cannot say it: under none of its spellings."""
        problems: dict[int, str] = {}
        for spec in self._required:
            if spec.kind == "float":
                gone = np.flatnonzero(np.isnan(self._numbers(rows, spec.name))).tolist()
            else:
                gone = [row for row, value in enumerate(self._values(rows, spec.name)) if value is None]
            problems.update((row, f"{spec.name} is missing, and every record must carry it") for row in gone)
        return problems


def _spelled(layout: Layout) -> dict[str, list[FieldSpec]]:
    """Each field as declared, in upper and in lower case; no two of them in one place."""
    taken = {spec.steps for spec in layout.fields.values()}
    spelled: dict[str, list[FieldSpec]] = {}
    for name, spec in layout.fields.items():
        relaxed = replace(spec, required=False)
        spelled[name] = [relaxed]
        path = ".".join(spec.steps)
        for n, other in enumerate((path.upper(), path.lower())):
            more = replace(relaxed, name=f"{name}\0{n}", path=other)
            if more.steps not in taken:
                taken.add(more.steps)
                spelled[name].append(more)
    return spelled


def _with_required_time(layout: Layout) -> Layout:
    if layout.time is None:
        return layout
    time = replace(layout.fields[layout.time], required=True)
    return replace(layout, fields={**layout.fields, layout.time: time})


def _nest(tree: Any, found: dict[str, Any]) -> dict[str, Any]:
    """The found values as the record holds them, missing ones left out."""
    record = {}
    for key, below in tree.items():
        value = found[below.name] if isinstance(below, FieldSpec) else _nest(below, found)
        if value is not None:
            record[key] = value
    return record


def _parse(payload: bytes | None) -> dict[str, Any]:
    if payload is None:
        raise UnfitError("a message without a value (a tombstone); expected a JSON object")
    if not payload.strip():
        raise UnfitError("an empty message; expected a JSON object")
    try:
        record = json.loads(payload.decode(), parse_int=_integer)
    except UnicodeDecodeError as error:
        raise UnfitError(f"not UTF-8: byte 0x{payload[error.start]:02x} at position {error.start}") from None
    except RecursionError:
        raise UnfitError("not readable: objects or lists nested too deeply") from None
    except json.JSONDecodeError as error:
        near = clean(error.doc[max(0, error.pos - 10) : error.pos + 10], 20)
        raise UnfitError(f'not JSON: {error.msg} at character {error.pos}, near "{near}"') from None
    if not isinstance(record, dict):
        raise UnfitError(f"expected a JSON object, got {shown(record)}")
    return record


def _integer(digits: str) -> float:
    """Python refuses to read integers of thousands of digits; they fit no field anyway."""
    if len(digits) <= _LONGEST_INTEGER:
        return int(digits)
    return -math.inf if digits.startswith("-") else math.inf
