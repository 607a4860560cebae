"""Any page of Prometheus metrics, read again and again: a JMX agent, Flink, Spark, an exporter, a service of your own.

Each series is a record: ``metric``, ``value``, and its labels by their names. Several pages are one stream, which tells them
apart by ``instance``: see :mod:`streamgauge.sources.several_pages`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from streamgauge.batch import FieldKind
from streamgauge.channels.posting import is_http_url
from streamgauge.settings import Names, wrong
from streamgauge.sources.polling.settings import NamePattern, PollerConfig
from streamgauge.sources.polling.target import TargetError

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.sources.polling.source import PolledSource

OURS = frozenset({"metric", "value"})
"""Names that a label of a series cannot take: it is called ``label_…`` then."""

MOST_PAGES = 100
"""Of one stream, since each is asked by a thread of its own."""


def _is_url(url: str) -> str:
    if not is_http_url(url):
        raise ValueError("expected the page's address, such as http://localhost:9404/metrics")
    return url


def _are_urls(given: tuple[str, ...]) -> tuple[str, ...]:
    urls = tuple(url.strip() for text in given for url in text.split(","))
    twice = sorted({url for url in urls if urls.count(url) > 1})
    if twice:
        raise ValueError(f"{twice[0]} stands there twice")
    return tuple(_is_url(url) for url in urls)


class Config(PollerConfig):
    """``source: {type: exposition, url: "http://localhost:9404/metrics"}``."""

    given_fields: ClassVar[Mapping[str, FieldKind]] = {
        "metric": "string",
        "value": "float",
        "instance": "string",
        "trouble": "string",
    }

    type: Literal["exposition"] = "exposition"
    url: (
        Annotated[str, AfterValidator(_is_url), Field(json_schema_extra={"pattern": "^https?://"})] | None
    ) = None
    """The page."""
    urls: Annotated[Names, AfterValidator(_are_urls), Field(max_length=MOST_PAGES)] = ()
    """Instead of `url`: several pages, by commas or as a list; `instance` tells their records apart."""
    metrics: NamePattern = ".*"
    """A regular expression that a series' whole name must match; others are not kept."""
    token: str | None = None
    """Sent with each question (`Authorization: Bearer …`); write it as `${NAME}`."""

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if (self.url is None) == (not self.urls):
            raise wrong("url", "write either `url`, the page's address, or `urls`, those of several")
        return self


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> PolledSource:
    """The poller of a stream; nothing is asked before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    from streamgauge.sources.polling.source import open_polled
    from streamgauge.sources.several_pages import SeveralPages

    target = Page(config, config.url) if config.url is not None else SeveralPages(config)
    return open_polled(config, stream, clock, target, store_url)


class Page:
    """One page; see :class:`streamgauge.sources.polling.target.Target`."""

    def __init__(self, config: Config, url: str) -> None:
        from streamgauge.sources.polling.web import Web

        accept = "text/plain;version=0.0.4;q=1,*/*;q=0.1"
        headers = {"Accept": accept}
        if config.token is not None:
            headers["Authorization"] = f"Bearer {config.token}"
        self._url = url
        self._wanted = re.compile(config.metrics)
        self._web = Web(url, headers)

    def ask(self, seconds: float) -> Sequence[bytes]:
        """A record per series.

        Raises:
            TargetError: no answer, or one that is no page of metrics.
        """
        from streamgauge.sources.polling.source import as_records

        return as_records(self.rows(seconds))

    def rows(self, seconds: float) -> Sequence[dict[str, Any]]:
        """The same, as plain rows; raises as :meth:`ask`."""
        text = self._web.get(seconds).decode(errors="replace")
        try:
            return list(series(text, self._wanted))
        except ValueError as error:
            raise TargetError(
                f"{self._url} is no page of metrics as Prometheus reads them: {str(error)[:200]}"
            ) from None

    def close(self) -> None:
        """Let go of the connection."""
        self._web.close()


def series(text: str, wanted: re.Pattern[str]) -> Iterable[dict[str, Any]]:
    r"""The series of a page whose names match, as plain rows; NaN and infinities are missing values.

    Raises:
        ValueError: it is not in the text format.

    >>> list(series('lag{topic="a",value="x",} 5\n', re.compile("lag")))
    [{'metric': 'lag', 'value': 5.0, 'topic': 'a', 'label_value': 'x'}]
    """
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if wanted.fullmatch(sample.name):
                labels = {f"label_{k}" if k in OURS else k: v for k, v in sample.labels.items()}
                yield {"metric": sample.name, "value": float(sample.value), **labels}
