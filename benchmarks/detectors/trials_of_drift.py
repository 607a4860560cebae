"""Trials of drift, of a model's quality, of forecasts, and of odd records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detectors.trials import Draw, Fault, Given, Trial
from benchmarks.detectors.trials_of_rules import HOUR

ROWS, WINDOW = 20_000, 500
"""Records of a drift run, and of a window."""


def _normal(draw: Draw, n: int) -> NDArray[np.float64]:
    return draw.normal(0, 1, n)


def _skewed(draw: Draw, n: int) -> NDArray[np.float64]:
    return draw.lognormal(0, 0.8, n)


def _heavy(draw: Draw, n: int) -> NDArray[np.float64]:
    return draw.standard_t(3, n)


def _few(draw: Draw, n: int) -> NDArray[np.float64]:
    """Small counts, most of them zero."""
    return draw.poisson(0.8, n).astype(np.float64)


FEATURES: Mapping[str, Callable[[Draw, int], NDArray[np.float64]]] = {
    "normal": _normal, "skewed": _skewed, "heavy": _heavy, "few": _few,
}  # fmt: skip


def drawn(draw: Draw, rows: int) -> dict[str, list[Any]]:
    """The features."""
    return {name: make(draw, rows).round(4).tolist() for name, make in FEATURES.items()}


def _moved(by: Callable[[NDArray[np.float64], Draw], NDArray[np.float64]], feature: str = "normal") -> Fault:
    """From the moment on one feature is another."""

    def fault(draw: Draw, given: Given, at: float) -> Given:
        times, held = given
        values, later = np.array(held[feature]), np.array(times) >= at
        values[later] = by(values[later], draw)
        return times, {**held, feature: values.round(4).tolist()}

    return fault


def drift(**faults: Fault) -> Sequence[Trial]:
    """A distance to a reference, over windows of time; all detectors of drift find the first."""
    shifted = {"one of four features by half a deviation": _moved(lambda x, _: x + 0.5)}
    return [Trial(
        "four features (normal, log-normal, Student t with 3 degrees, counts), windows of 500 records, a reference of 5,000",
        lambda draw: {"reference": drawn(draw, 5_000)},
        lambda draw: ([float(t) for t in range(ROWS)], drawn(draw, ROWS)),
        {**shifted, **{name.replace("_", " "): fault for name, fault in faults.items()}},
        {"records": "count(*)"}, f"{WINDOW}s", allowed=0.01, of_checks=True,
    )]  # fmt: skip


WIDER = _moved(lambda x, _: 1.5 * x)
GONE = _moved(lambda x, _: np.where(x > 0, 3.0, x), "few")


def scored(draw: Draw) -> Given:
    """A day of predictions of a yes/no model, 90 % of its yes are right; the truth comes an hour later."""
    times = np.sort(draw.uniform(0, 24 * HOUR, 7_000)).round(3)
    yes = draw.random(len(times)) < 0.3
    truth = np.where(yes, draw.random(len(times)) < 0.9, draw.random(len(times)) < 0.05)
    score = np.where(yes, draw.uniform(0.5, 1, len(times)), draw.uniform(0, 0.5, len(times)))
    ids = [f"p{i}" for i in range(len(times))]
    blank = [None] * len(times)
    return [*times.tolist(), *(times + HOUR).round(3).tolist()], {
        "id": ids * 2, "score": [*score.round(4).tolist(), *blank], "truth": [*blank, *truth.tolist()],
    }  # fmt: skip


def _wrong(share: float) -> Fault:
    """Predictions from the moment on: the truth is another for a share of them."""

    def fault(draw: Draw, given: Given, at: float) -> Given:
        times, held = given
        first = dict(zip(held["id"], times, strict=False))  # a label comes later, under the same id
        for name, t in zip(reversed(held["id"]), reversed(times), strict=True):
            first[name] = min(first[name], t)
        hit = draw.random(len(times)) < share
        truth = [
            (not value) if value is not None and first[name] >= at and hit[i] else value
            for i, (name, value) in enumerate(zip(held["id"], held["truth"], strict=True))
        ]
        return times, {**held, "truth": truth}

    return fault


def arriving(draw: Draw) -> Given:
    """A day of foretold durations, 3 off in the mean; the truth comes an hour later."""
    times = np.sort(draw.uniform(0, 24 * HOUR, 5_000)).round(3)
    took = draw.lognormal(3, 0.5, len(times))
    eta = took + draw.laplace(0, 3, len(times))
    blank = [None] * len(times)
    return [*times.tolist(), *(times + HOUR).round(3).tolist()], {
        "id": [f"p{i}" for i in range(len(times))] * 2, "eta": [*eta.round(3).tolist(), *blank],
        "took": [*blank, *took.round(3).tolist()],
    }  # fmt: skip


def _late(by: float) -> Fault:
    """Predictions from the moment on are too small."""

    def fault(_: Draw, given: Given, at: float) -> Given:
        times, held = given
        eta = [v - by if v is not None and t >= at else v for t, v in zip(times, held["eta"], strict=True)]
        return times, {**held, "eta": eta}

    return fault


def calibrated(draw: Draw) -> Given:
    """A day of probabilities."""
    times = np.sort(draw.uniform(0, 24 * HOUR, 20_000)).round(3)
    return times.tolist(), {"score": draw.beta(0.4, 0.4, len(times)).round(5).tolist()}


def _unsure(draw: Draw, given: Given, at: float) -> Given:
    times, held = given
    middling = draw.beta(3, 3, len(times)).tolist()
    score = [m if t >= at else v for t, v, m in zip(times, held["score"], middling, strict=True)]
    return times, {**held, "score": score}


EXPECTED = float(
    np.round(1 - np.mean(np.minimum(x := np.random.default_rng(1).beta(0.4, 0.4, 10**6), 1 - x)), 4)
)


def load(draw: Draw) -> Given:
    """Six weeks of a load with its day, a value a quarter of an hour."""
    steps = np.arange(42 * 96)
    course = 50 - 20 * np.cos(2 * np.pi * steps / 96) - 8 * (steps // 96 % 7 >= 5)
    return (steps * 900.0).tolist(), {"value": (course + draw.normal(0, 3, len(steps))).round(3).tolist()}


def _added(by: float, seconds: float = np.inf) -> Fault:
    def fault(_: Draw, given: Given, at: float) -> Given:
        times, held = given
        return times, {
            "value": [
                v + by if at <= t < at + seconds else v for t, v in zip(times, held["value"], strict=True)
            ]
        }

    return fault


def mixed(draw: Draw, rows: int = 6_000, every: float = 120.0) -> Given:
    """Eight days of records: three numbers that belong together, one with a heavy tail."""
    size = draw.lognormal(3, 0.6, rows)
    return (np.arange(rows) * every).tolist(), {
        "size": size.round(3).tolist(), "took": (size * draw.lognormal(0, 0.2, rows)).round(3).tolist(),
        "noise": draw.standard_t(5, rows).round(3).tolist(),
    }  # fmt: skip


def _odd(**fields: float) -> Fault:
    """One record is another."""

    def fault(_: Draw, given: Given, at: float) -> Given:
        times, held = given
        hit = next(i for i, t in enumerate(times) if t >= at)
        changed = {
            name: [*column[:hit], fields.get(name, column[hit]), *column[hit + 1 :]]
            for name, column in held.items()
        }
        return times, changed

    return fault


ODD = Trial(
    "three numbers that belong together, log-normal and with a heavy tail; a budget of one per week",
    {"features": ["size", "took", "noise"]}, mixed,
    {"all far beyond": _odd(size=2000.0, took=9000.0, noise=40.0), "two that do not belong together": _odd(size=400.0, took=2.0)},
    runs=6, allowed=1.0,
)  # fmt: skip
JOINED: Mapping[str, Any] = {"id": "id", "size": "2h", "min_labels": 60}

TRIALS: Mapping[str, Sequence[Trial]] = {
    "psi": drift(its_spread_by_half=WIDER, half_of_the_counts_are_others=GONE),
    "jensen_shannon": drift(its_spread_by_half=WIDER, half_of_the_counts_are_others=GONE),
    "hellinger": drift(its_spread_by_half=WIDER, half_of_the_counts_are_others=GONE),
    "chi_square": drift(its_spread_by_half=WIDER, half_of_the_counts_are_others=GONE),
    "kolmogorov_smirnov": drift(half_of_the_counts_are_others=GONE),
    "wasserstein": drift(its_spread_by_half=WIDER, half_of_the_counts_are_others=GONE),
    "gaussian": drift(its_spread_by_half=WIDER, half_of_the_counts_are_others=GONE),
    "classification": [Trial(
        "a model whose yes is right in 90 %, limit 80 % with certainty",
        {**JOINED, "prediction": "score", "label": "truth", "when": "precision_upper < 0.8"}, scored,
        {"it is wrong in a third": _wrong(0.33)}, at=0.6,
    )],
    "regression": [Trial(
        "a model that is 3 off in the mean, limit 5", {**JOINED, "prediction": "eta", "label": "took", "when": "mae > 5"},
        arriving, {"it is 8 too small": _late(8.0)}, at=0.6,
    )],
    "estimated_performance": [Trial(
        "calibrated probabilities, windows of 800 records; the accuracy to be expected of them as reference",
        {"prediction": "score", "reference": {"accuracy": EXPECTED}}, calibrated, {"it becomes unsure": _unsure},
        None, "1h", allowed=0.01, of_checks=True,
    )],
    "forecast": [Trial(
        "six weeks of a load with its day and its week-ends, a value a quarter of an hour", {}, load,
        {"40 above for two hours": _added(40.0, 2 * HOUR), "20 above from then on": _added(20.0)}, runs=8, allowed=1.0,
    )],
    "outlier": [ODD],
    "half_space_trees": [ODD],
    "isolation_forest": [ODD],
}  # fmt: skip
