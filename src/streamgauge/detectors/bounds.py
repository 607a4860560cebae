"""What rules about a number of a window share: it must lie between two limits, once there is enough to say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import BoolArray, Column, FloatArray
from streamgauge.detectors.contract import Context, DetectorConfig
from streamgauge.errors import ConfigError
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults


class WindowRuleConfig(DetectorConfig):
    """The key that every rule about windows has."""

    severity: Literal["warning", "critical"] = "critical"
    """How bad it is."""


def severity_of(config: WindowRuleConfig) -> Severity:
    """As it was written."""
    return Severity.CRITICAL if config.severity == "critical" else Severity.WARNING


def check_window(config: DetectorConfig, context: Context) -> None:
    """Raises ConfigError where there is no window."""
    if not context.windowed:
        raise ConfigError(
            f"{config.type} judges windows; add `window:`, such as `window: {{type: tumbling, size: 5m}}`"
        )


def check_grid(config: DetectorConfig, context: Context) -> None:
    """Raises ConfigError where windows do not lie side by side in event time."""
    check_window(config, context)
    if not context.size:
        raise ConfigError(f"{config.type} compares windows of one length; use a tumbling or hopping window")


def check_limits(low: float | None, high: float | None) -> None:
    """Raises ConfigError where there is no limit, or no number between them."""
    if low is None and high is None:
        raise ConfigError("give `max`, `min` or both")
    if low is not None and high is not None and low > high:
        raise ConfigError(f"min: {low:g} lies above max: {high:g}; no number fits")


def in_words(low: float | None, high: float | None, unit: str = "") -> str:
    """What is expected.

    >>> in_words(None, 5, " %"), in_words(2, 5), in_words(2, None)
    ('at most 5 %', '2 to 5', 'at least 2')
    """
    if low is None:
        return f"at most {high:g}{unit}"
    return f"at least {low:g}{unit}" if high is None else f"{low:g} to {high:g}{unit}"


def unasked(results: WindowResults, *, include_empty: bool) -> BoolArray:
    """bool[n]: windows without records that a state must not answer for, see ``Context.include_empty``."""
    return (results.offsets < 0) & (not include_empty)


def limit(value: float | None, otherwise: float) -> float:
    """``value``, or what stands for no limit."""
    return otherwise if value is None else value


def judged(
    results: WindowResults, numbers: FloatArray, outside: BoolArray, severity: Severity
) -> NDArray[np.int8]:
    """int8[n]: the answers: outside fires, inside is fine, a missing number is no data, a part of a window is neither."""
    answers = np.where(outside, severity, Severity.OK).astype(np.int8)
    answers[np.isnan(numbers)] = Severity.NO_DATA
    answers[results.partial] = Severity.NEITHER
    return answers


def verdicts(
    monitor: str,
    results: WindowResults,
    answers: tuple[NDArray[np.int8], BoolArray],
    observed: Mapping[str, Column],
    **more: Any,
) -> Verdicts:
    """The verdicts of the results that are kept.

    Args:
        monitor: whose they are.
        results: what was judged.
        answers: int8[n] and bool[n]: the severities, and which rows are answers at all.
        observed: columns of n rows.
        more: ``expected`` (for all), and ``lower``, ``upper`` (float64[n] each).
    """
    severities, kept = answers
    keep = np.nonzero(kept)[0]
    arrays = {name: value[keep] for name, value in more.items() if isinstance(value, np.ndarray)}
    return Verdicts(
        monitor, results.keys, results.slots[keep], severities[keep], results.at[keep], results.starts[keep],
        results.ends[keep], results.early[keep], results.partial[keep], results.offsets[keep],
        {name: column.take(keep) for name, column in observed.items()}, rows=results.rows[keep],
        positions=results.positions[keep], **{**more, **arrays},
    )  # fmt: skip


def numbers_of(results: WindowResults, name: str) -> FloatArray:
    """float64[n]: one column; a step without results may have none."""
    return results.columns[name].numbers() if len(results) else np.empty(0, np.float64)


def quoted(field: str) -> str:
    """The name of a field as expressions read it, whatever it holds."""
    return '"' + field.replace('"', '""') + '"'
