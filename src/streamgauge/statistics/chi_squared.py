"""The chi-squared law with any degrees of freedom, whole or not, for arrays of arguments.

Use it to turn statistics into chances and chances into limits. It is the regularised incomplete gamma function:
its series below the mean, Legendre's continued fraction above (Abramowitz & Stegun 26.4), both to the last digits
of a double.
"""

from __future__ import annotations

import math

import numpy as np

from streamgauge.batch import FloatArray

_TINY = 1e-300
_ENOUGH = 1e-16
_TURNS = 10_000
_FEW = 16
"""So many arguments are faster one by one."""


def upper_tail(statistic: float | FloatArray, freedom: float | FloatArray) -> FloatArray:
    """The chance of a value above ``statistic``; shapes are broadcast, ``freedom`` > 0.

    >>> float(upper_tail(3.841458820694124, 1.0).round(12))
    0.05
    """
    x, a = np.broadcast_arrays(np.asarray(statistic, np.float64) / 2, np.asarray(freedom, np.float64) / 2)
    if x.size <= _FEW:
        tails = [_tail(one, half) for one, half in zip(x.ravel().tolist(), a.ravel().tolist(), strict=True)]
        return np.array(tails).reshape(x.shape)
    answer = np.where(np.isnan(x), np.nan, np.where(x == np.inf, 0.0, 1.0))
    inside = (x > 0) & (x < np.inf)
    low, high = inside & (x < a + 1), inside & (x >= a + 1)
    if low.any():
        answer[low] = 1 - _series(x[low], a[low])
    if high.any():
        answer[high] = _fraction(x[high], a[high])
    return answer


def tail_above(statistic: float, freedom: float) -> float:
    """As :func:`upper_tail`, of two numbers.

    >>> round(tail_above(3.841458820694124, 1), 12)
    0.05
    """
    return _tail(statistic / 2, freedom / 2)


def limit(tail: float | FloatArray, freedom: float | FloatArray) -> FloatArray:
    """The value above which lies the share ``tail`` (0 < tail < 1); shapes are broadcast, ``freedom`` > 0.

    >>> float(limit(0.05, 1.0).round(9))
    3.841458821
    """
    p, k = np.broadcast_arrays(np.asarray(tail, np.float64), np.asarray(freedom, np.float64))
    low, high = np.zeros(p.shape), np.maximum(4 * k, 40.0)
    while (short := upper_tail(high, k) > p).any():
        high = np.where(short, 2 * high, high)
    x = np.clip(_wilson_hilferty(p, k), low, high)
    for _ in range(200):
        above = upper_tail(x, k) - p
        low, high = np.where(above >= 0, x, low), np.where(above < 0, x, high)
        with np.errstate(all="ignore"):
            step = x + above / _density(x, k)
        outside = ~((step > low) & (step < high))
        new = np.where(outside, (low + high) / 2, step)
        if (np.abs(new - x) <= 1e-9 * np.maximum(x, _TINY)).all():
            return np.asarray(new)  # a step of Newton's doubles the digits
        x = new
    return x


def _tail(x: float, a: float) -> float:
    """As the functions below, for one argument."""
    if math.isnan(x) or x <= 0 or x == math.inf:
        return math.nan if math.isnan(x) else 1.0 if x <= 0 else 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        turn = 1
        while term > total * _ENOUGH and turn < _TURNS:
            term *= x / (a + turn)
            total += term
            turn += 1
        return 1 - total * front
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    h = d
    for turn in range(1, _TURNS):
        factor = -turn * (turn - a)
        b += 2
        d = 1 / (factor * d + b or _TINY)
        c = b + factor / c or _TINY
        h *= d * c
        if abs(d * c - 1) <= _ENOUGH:
            break
    return h * front


def _series(x: FloatArray, a: FloatArray) -> FloatArray:
    term = 1 / a
    total = term.copy()
    for turn in range(1, _TURNS):
        term = term * x / (a + turn)
        total += term
        if (term <= total * _ENOUGH).all():
            break
    return total * np.exp(a * np.log(x) - x - _log_gamma(a))


def _fraction(x: FloatArray, a: FloatArray) -> FloatArray:
    b = x + 1 - a
    c, d = np.full_like(x, 1 / _TINY), 1 / b
    h = d.copy()
    for turn in range(1, _TURNS):
        factor = -turn * (turn - a)
        b = b + 2
        d = 1 / _away(factor * d + b)
        c = _away(b + factor / c)
        h = h * d * c
        if (np.abs(d * c - 1) <= _ENOUGH).all():
            break
    return h * np.exp(a * np.log(x) - x - _log_gamma(a))


def _away(value: FloatArray) -> FloatArray:
    """Never quite zero."""
    return np.where(np.abs(value) < _TINY, _TINY, value)


def _log_gamma(a: FloatArray) -> FloatArray:
    different, place = np.unique(a, return_inverse=True)
    return np.array([math.lgamma(one) for one in different.tolist()])[place].reshape(a.shape)


def _density(x: FloatArray, freedom: FloatArray) -> FloatArray:
    a = freedom / 2
    return np.asarray(np.exp((a - 1) * np.log(x / 2) - x / 2 - _log_gamma(a)) / 2)


def _wilson_hilferty(tail: FloatArray, freedom: FloatArray) -> FloatArray:
    """A start: the cube root is nearly normal."""
    from statistics import NormalDist

    different, place = np.unique(tail, return_inverse=True)
    normal = np.array([NormalDist().inv_cdf(1 - one) for one in different.tolist()])[place].reshape(
        tail.shape
    )
    spread = 2 / (9 * freedom)
    return np.asarray(freedom * np.maximum(1 - spread + normal * np.sqrt(spread), 0.01) ** 3)
