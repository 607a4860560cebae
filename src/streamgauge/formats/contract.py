"""The contract of a format: slices of undecoded records in, batches of typed columns out.

A format decodes only the fields that some monitor uses. A record that cannot be read becomes a
:class:`~streamgauge.batch.BadRecord` with its reason and the rest goes on: **no input raises**. Where a
slice ends changes nothing: decoding a slice in parts gives the same records, bad ones included.

A module in this folder offers::

    class Config(FormatConfig): ...                 # frozen pydantic model: the keys beside ``type:``
    def open_format(config: Config, layout: Layout) -> Decoder: ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from streamgauge.batch import Batch, FieldKind
from streamgauge.settings import Settings
from streamgauge.sources.contract import Slice

TimeUnit: TypeAlias = Literal["s", "ms", "us", "ns"]


class FormatConfig(Settings):
    """Base of every format's configuration: frozen, unknown keys are errors."""

    type: str


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field that is decoded.

    Attributes:
        name: its name in expressions and columns.
        kind: its type; values of another type make the record bad.
        path: where it is found; a dot walks into objects. Empty means ``name``, as it stands.
        min: smallest allowed number (int and float fields).
        max: largest allowed number.
        unit: of numbers in a timestamp field; None guesses by magnitude (see :mod:`.event_time`).
        required: whether a record without it is bad.
        from_key: whether it lies in the message's key instead of its value.
    """

    name: str
    kind: FieldKind
    path: str = ""
    min: float | None = None
    max: float | None = None
    unit: TimeUnit | None = None
    required: bool = False
    from_key: bool = False

    @property
    def steps(self) -> tuple[str, ...]:
        """The object keys to walk through, at least one.

        >>> FieldSpec("who", "string", path="user.id").steps
        ('user', 'id')
        """
        return tuple(self.path.split(".")) if self.path else (self.name,)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a decoder must find in the records of one stream.

    Attributes:
        stream: the stream's name, for batches.
        fields: the fields used, by name; the event-time field must be among them.
        time: the field that holds the event time (always required); None takes the source's timestamps.
        max_ahead: how far an event time may lie beyond the broker's timestamp, or beyond the wall clock
            where the broker's is not trusted; in microseconds.
    """

    stream: str
    fields: Mapping[str, FieldSpec]
    time: str | None = None
    max_ahead: int = 600_000_000


class Decoder(Protocol):
    """Turns slices into batches; holds no state between them."""

    def decode(self, piece: Slice, now: int) -> Batch:
        """Every record of ``piece`` is a row of the batch or one of its bad records.

        Args:
            piece: undecoded records of one partition.
            now: wall clock at reading in microseconds (in a replay: at its start).
        """
        ...


@runtime_checkable
class Fetching(Decoder, Protocol):
    """A decoder that fetches what it needs from elsewhere (schemas); a live engine never waits for that."""

    def ready(self, piece: Slice) -> bool:
        """Whether ``decode`` would answer at once. Never blocks: what is missing is fetched in the background.

        It becomes true within a bounded time, whatever happens; a live engine keeps the slice until then.
        """
        ...
