"""Makes a series small: so many buckets of equal time, of each the least, the greatest and the mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamgauge.clock import iso
from streamgauge.verdict import Severity

if TYPE_CHECKING:
    import polars as pl

BOUNDS = ("key", "window_start", "window_end")
BAND = ("expected", "lower", "upper")

_RANKS = (
    Severity.OK, Severity.NEITHER, Severity.FORGOTTEN, Severity.LEARNING, Severity.NO_DATA, Severity.NOT_ENOUGH_DATA,
    Severity.WARNING, Severity.CRITICAL,
)  # fmt: skip
"""From what matters least."""


@dataclass(frozen=True, slots=True)
class Series:
    """Columns of one length, oldest first; see :class:`streamgauge.server.history.Series`."""

    bucket_seconds: float | None = None
    start: Sequence[str] = ()
    at: Sequence[str] = ()
    windows: Sequence[int] = ()
    severity: Sequence[str] = ()
    score: Sequence[float | None] = ()
    band: Mapping[str, Sequence[float | None]] = field(default_factory=lambda: dict.fromkeys(BAND, ()))
    values: Mapping[str, Mapping[str, Sequence[float | None]]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "start": self.start,
            "at": self.at,
            "windows": self.windows,
            "severity": self.severity,
            "score": self.score,
            **self.band,
            "values": self.values,
        }


def numbers(frame: pl.DataFrame) -> list[str]:
    """The columns that hold numbers."""
    return [name for name, kind in frame.schema.items() if kind.is_numeric() and name not in BOUNDS]


def series(found: pl.DataFrame, judged: pl.DataFrame, names: Sequence[str], points: int) -> Series:
    """At most ``points`` buckets of what was ``found`` and ``judged``; a drift monitor's value counts as one of its values."""
    import polars as pl

    if not found.height:
        return Series()
    first, last = _ends(found)
    width = None if found.height <= points else max(1, -(-(last - first + 1) // points))
    by = list(BOUNDS) if width is None else ["bucket"]
    found, judged = (_placed(frame, first, width) for frame in (found, judged))
    means = [pl.col(name).cast(pl.Float64).alias(name) for name in names]
    small = found.group_by(by).agg(
        pl.col("window_start").min().alias("first"),
        pl.col("window_end").max().alias("last"),
        pl.len().alias("windows"),
        *(getattr(each, how)().name.suffix(f"\x1f{how}") for each in means for how in ("mean", "min", "max")),
    )
    word = judged["word"].drop_nulls().first() if "word" in judged.columns else None
    if judged.height:
        small = small.join(_small(judged, by), on=by, how="left", nulls_equal=True)
    return _columns(small.sort("last", "first"), [*names, *([str(word)] if word else [])], width)


def _ends(frame: pl.DataFrame) -> tuple[int, int]:
    ends = frame["window_end"]
    return int(ends.min()), int(ends.max())  # type: ignore[arg-type]  # whole numbers


def _placed(frame: pl.DataFrame, first: int, width: int | None) -> pl.DataFrame:
    import polars as pl

    if width is None or not frame.height:
        return frame
    placed = frame.with_columns(((pl.col("window_end") - first) // width).alias("bucket"))
    # As windows close, so they lie: said once, each bucket is a run of rows and nothing has to be hashed.
    return placed.with_columns(pl.col("bucket").set_sorted()) if placed["bucket"].is_sorted() else placed


def _small(judged: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Of each bucket what was judged of it."""
    import polars as pl

    there = set(judged.columns)
    judged = judged.with_columns(_rank(pl.col("severity")).alias("rank"))
    wanted = [pl.col("rank").max()]
    if "score" in there:
        wanted.append(pl.col("score").max())
    wanted += [pl.col(name).mean() for name in BAND if name in there]
    if "word" in there:
        word = str(judged["word"].drop_nulls().first())
        wanted += [
            getattr(pl.col("value"), how)().alias(f"{word}\x1f{how}") for how in ("mean", "min", "max")
        ]
    return judged.group_by(by).agg(*wanted)


def _rank(severity: pl.Expr) -> pl.Expr:
    """How much it matters: looked up by the number, for what is none of ours nothing."""
    import polars as pl

    ranks = pl.Series([_RANKS.index(Severity(number)) for number in range(len(_RANKS))], dtype=pl.Int8)
    ours = severity.is_between(0, len(_RANKS) - 1)
    return pl.when(ours).then(pl.lit(ranks).gather(pl.when(ours).then(severity).otherwise(0))).otherwise(0)


def _columns(small: pl.DataFrame, names: Sequence[str], width: int | None) -> Series:
    nothing = [None] * small.height
    there = set(small.columns)

    def column(name: str) -> list[Any]:
        return small[name].to_list() if name in there else nothing

    return Series(
        bucket_seconds=None if width is None else width / 1e6,
        start=[str(iso(at)) for at in column("first")],
        at=[str(iso(at)) for at in column("last")],
        windows=column("windows"),
        severity=[_RANKS[rank or 0].label for rank in column("rank")],
        score=column("score"),
        band={name: column(name) for name in BAND},
        values={name: {how: column(f"{name}\x1f{how}") for how in ("mean", "min", "max")} for name in names},
    )
