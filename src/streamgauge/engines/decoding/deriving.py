"""Fields that are computed of others: a decoder that adds them to each batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from streamgauge.batch import Batch
from streamgauge.config.models import FieldConfig
from streamgauge.expressions import Expression, parse_value
from streamgauge.formats.contract import Decoder, FieldSpec, Layout
from streamgauge.sources.contract import Slice


class Deriving:
    """Reads what the computed fields need, and computes them over whole columns.

    Args:
        decoder: of the fields that are read.
        made: the expression of each computed field.
    """

    ready: Callable[[Slice], bool]
    """There where the decoder fetches schemas; see :class:`streamgauge.formats.contract.Fetching`."""

    def __init__(self, decoder: Decoder, made: Mapping[str, Expression]) -> None:
        self._decoder = decoder
        self._made = made
        ready = getattr(decoder, "ready", None)
        if ready is not None:
            self.ready = ready

    def decode(self, piece: Slice, now: int) -> Batch:
        """The batch with its computed columns."""
        batch = self._decoder.decode(piece, now)
        made = {
            name: expression.evaluate(batch.columns, len(batch)) for name, expression in self._made.items()
        }
        return replace(batch, columns={**batch.columns, **made})


def computed(fields: Mapping[str, FieldConfig], layout: Layout) -> dict[str, Expression]:
    """The computed fields among those of ``layout``."""
    kinds = {name: spec.type for name, spec in fields.items() if spec.compute is None}
    return {
        name: parse_value(spec.compute, kinds)
        for name, spec in fields.items()
        if spec.compute is not None and name in layout.fields
    }


def read_only(fields: Mapping[str, FieldConfig], layout: Layout, made: Mapping[str, Expression]) -> Layout:
    """What must be decoded so that ``made`` can be computed."""
    specs = {name: spec for name, spec in layout.fields.items() if name not in made}
    for expression in made.values():
        for name in sorted(expression.columns - specs.keys()):
            spec = fields[name]
            specs[name] = FieldSpec(
                name,
                spec.type,
                spec.path or "",
                spec.min,
                spec.max,
                spec.unit,
                spec.required,
                spec.from_ == "key",
            )
    return replace(layout, fields=specs)
