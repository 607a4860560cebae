"""What Prometheus answers to PromQL, asked again and again: one query or several, as they stand now or step by step.

Each series is a record: which ``query``, its ``value`` and its moment ``at``, and its labels by their names.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from streamgauge.batch import FieldKind
from streamgauge.clock import SECOND, to_datetime, to_micros
from streamgauge.settings import PositiveDuration, wrong
from streamgauge.sources.polling.settings import WebPollerConfig
from streamgauge.sources.polling.target import TargetError

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.sources.polling.source import PolledSource

FIELDS: Mapping[str, FieldKind] = {
    "query": "string",
    "metric": "string",
    "value": "float",
    "at": "timestamp",
}
"""What its records hold; a label with such a name is called ``label_…``."""

_MOST_STEPS = 10_000  # per series; Prometheus itself refuses more than 11,000


class Config(WebPollerConfig):
    """``source: {type: prometheus, url: "http://localhost:9090", query: "up == 0"}``."""

    given_fields: ClassVar[Mapping[str, FieldKind]] = FIELDS

    type: Literal["prometheus"] = "prometheus"
    query: Annotated[str, Field(min_length=1)] | None = None
    """One PromQL expression; its records are told as the query called `query`."""
    queries: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """Several, each under a name."""
    range: PositiveDuration | None = None
    """Ask for every step since the last answer, at first (and after a time away at most) this far back."""
    step: PositiveDuration = timedelta(seconds=15)
    """How far the moments of a `range` lie apart."""

    @model_validator(mode="after")
    def _some_query(self) -> Config:
        if (self.query is None) == (not self.queries):
            raise wrong("query", "expected either `query`, or `queries` with a name each")
        return self

    @model_validator(mode="after")
    def _sensible_steps(self) -> Config:
        if self.range is not None and not self.step <= self.range <= self.step * _MOST_STEPS:
            raise wrong("range", f"expected between one and {_MOST_STEPS:,} times `step`")
        return self

    @property
    def asked(self) -> Mapping[str, str]:
        """The expressions by their names."""
        return self.queries if self.query is None else {"query": self.query}


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> PolledSource:
    """The poller of a stream; nothing is asked before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    from streamgauge.sources.polling.source import open_polled

    return open_polled(config, stream, clock, Queries(config, clock), store_url)


class Queries:
    """The queries of one Prometheus; see :class:`streamgauge.sources.polling.target.Target`.

    Args:
        config: what is asked.
        clock: says up to which moment the steps of a range go.
    """

    def __init__(self, config: Config, clock: Clock) -> None:
        from streamgauge.sources.polling.web import opened

        self._config = config
        self._clock = clock
        self._web = opened(config)
        self._told: int | None = None

    def ask(self, seconds: float) -> Sequence[bytes]:
        """A record per series, and per step of it where a range is asked for, in the order of time.

        Raises:
            TargetError: no answer, a refusal, or one that is no numbers.
        """
        from streamgauge.sources.polling.source import as_records

        until = time.monotonic() + seconds
        steps = self._steps()
        if steps is not None and not steps:
            return ()
        path, moments = self._where(steps)
        found: list[dict[str, Any]] = []
        for name, expression in self._config.asked.items():
            left = max(0.001, until - time.monotonic())
            answer = self._web.json(left, {"query": expression, **moments}, path=path)
            try:
                found.extend(points(name, answer["data"]))
            except (LookupError, TypeError, ValueError) as error:
                raise TargetError(f"{self._config.url} gives no numbers for `{name}`: {error}") from None
        if steps:
            self._told = steps[-1]
        found.sort(key=lambda row: row["at"])  # else each series would come behind the time of the one before
        return as_records(found)

    def close(self) -> None:
        """Let go of the connection."""
        self._web.close()

    def _steps(self) -> range | None:
        """The moments to ask for, in microseconds: those since the last answer; None: as it stands now."""
        if self._config.range is None:
            return None
        step, back = to_micros(self._config.step), to_micros(self._config.range)
        end = self._clock.now() // step * step
        start = end - back // step * step
        if self._told is not None:
            start = max(start, self._told + step)
        return range(start, end + 1, step)

    def _where(self, steps: range | None) -> tuple[str, dict[str, str]]:
        if steps is None:
            return "/api/v1/query", {}
        said = {"start": steps[0], "end": steps[-1], "step": steps.step}
        return "/api/v1/query_range", {name: f"{micros / SECOND:.3f}" for name, micros in said.items()}


def points(name: str, data: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """The series of an answer's ``data`` as plain rows.

    Raises:
        LookupError, TypeError, ValueError: it is not as Prometheus says it, or holds no numbers.

    >>> [row] = points("down", {"resultType": "vector", "result": [{"metric": {"job": "a"}, "value": [5, "1"]}]})
    >>> row["query"], row["value"], row["at"].isoformat(), row["job"]
    ('down', 1.0, '1970-01-01T00:00:05+00:00', 'a')
    """
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        result = [{"metric": {}, "value": result}]
    elif kind not in ("vector", "matrix"):
        raise ValueError(f"a {kind} is no number")
    for series in result:
        if "histogram" in series or "histograms" in series:
            raise ValueError(
                "a native histogram is no number; ask for its histogram_quantile(…) or histogram_count(…)"
            )
        labels = {_field(label): text for label, text in series["metric"].items()}
        for moment, value in series["values"] if kind == "matrix" else [series["value"]]:
            at = to_datetime(round(moment * SECOND))
            yield {"query": name, "value": float(value), "at": at, **labels}


def _field(label: str) -> str:
    if label == "__name__":
        return "metric"
    return f"label_{label}" if label in FIELDS else label
