"""A series judged by a detector, as the letters of its answers: . ok, ! alarm, ~ learning, ? no data."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from streamgauge.batch import Column
from streamgauge.config import plugins
from streamgauge.detectors.contract import Context
from streamgauge.keys import KeySlots
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults

LETTERS = {0: ".", 1: "w", 2: "!", 3: "~", 4: "n", 5: "?"}
DAY = 86_400.0

SERIES = (
    "auto", "composite", "seasonal", "zscore", "ewma", "mad", "page_hinkley", "change_point", "adwin",
)  # fmt: skip
"""The detectors of one series that answer each value with score, rarity and band."""


def results(
    values: Sequence[float | None], every: float, start: int, apart: Sequence[int], keys: KeySlots
) -> WindowResults:
    """Single records, one ``every`` seconds, from the ``start``-th on; those ``apart`` are maintenance."""
    count = len(values)
    at = (np.arange(start, start + count) * every * 1e6).astype(np.int64)
    no, places = np.zeros(count, np.bool_), np.arange(count)
    columns = {"value": Column("float", values=list(values))}
    marked = np.isin(places + start, list(apart)) if len(apart) else None
    return WindowResults(
        keys, keys.whole(count), at, at, at, places, no, no, columns, columns, places + 1, int(at[-1]), places,
        apart=marked,
    )  # fmt: skip


def judged(
    name: str,
    values: Sequence[float | None],
    *,
    every: float = 60.0,
    apart: Sequence[int] = (),
    **config: Any,
) -> Verdicts:
    """The verdicts over ``values``."""
    module = plugins.module("detectors", name)
    detector = module.build(module.Config(**config), Context("m", {"value": "float"}, windowed=False))
    found: Verdicts = detector.step(detector.initial(), results(values, every, 0, apart, KeySlots()))
    return found


def said(name: str, values: Sequence[float | None], **how: Any) -> str:
    """One letter per value."""
    return "".join(LETTERS[code] for code in judged(name, values, **how).severities.tolist())


def usual(count: int, seed: int = 0) -> list[float]:
    """Values around 10, standard deviation 1."""
    drawn: list[float] = (10 + np.random.default_rng(seed).standard_normal(count)).round(3).tolist()
    return drawn
