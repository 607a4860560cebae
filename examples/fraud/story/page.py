"""The story as one page, which needs nothing from elsewhere: what happened when, what moved, what Prometheus saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from examples.fraud.story.chart import Line, Mark, bins, lines

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; background: var(--ground); color: var(--text); margin: 0 auto; padding: 1.5rem;
  max-width: 1160px; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; } p { margin: .3rem 0; }
.quiet, .legend { color: var(--quiet); } code { font-size: .92em; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 1rem;
  align-items: start; }
.numbers { display: flex; flex-wrap: wrap; gap: 1rem; margin-bottom: 1rem; } .numbers figure { flex: 1 1 200px; }
.numbers b { display: block; font-size: 1.9rem; font-weight: 600; }
figure { margin: 0; padding: .8rem; background: var(--raised); border: 1px solid var(--rule); border-radius: 6px; }
figcaption { font-weight: 600; } figure code { color: var(--quiet); font-weight: 400; display: block; overflow-wrap: anywhere; }
table { border-collapse: collapse; background: var(--raised); } td, th { border: 1px solid var(--rule); padding: .3rem .7rem;
  text-align: left; vertical-align: top; } td:first-child { white-space: nowrap; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.planted td { background: var(--warn-ground); } tr.told td { background: var(--bad-ground); }
svg { width: 100%; height: auto; } svg text { fill: var(--quiet); font-size: 11px; } .scale { text-anchor: end; }
.day, .small { text-anchor: middle; } .small { font-size: 8.5px !important; }
.grid { stroke: var(--rule); } .line { fill: none; stroke-width: 2; } .limit { stroke: var(--bad); stroke-dasharray: 2 4; }
.mark { stroke-dasharray: 5 4; stroke-width: 1.5; } .planted { stroke: var(--warn); } .told { stroke: var(--bad); }
.legend span { margin-right: 1rem; } .legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem;
  vertical-align: -1px; border-radius: 2px; }
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the story.

    Attributes:
        when: in the story's time, as people read it.
        what: a sentence.
        kind: ``planted``, ``told`` or empty.
    """

    when: str
    what: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel of the dashboard shows."""

    title: str
    queries: Sequence[str]
    series: Mapping[str, Line]
    limit: float | None = None
    newest: bool = False
    """Whether only the newest value counts."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a metric, as exposed and as worked out from the payments."""

    name: str
    exposed: float
    reckoned: float


@dataclass(frozen=True)
class Told:
    """Everything that the page shows.

    Attributes:
        moments: in their order.
        incident: the drift incident, as the API gives it.
        features: as ``/api/v1/drift`` gives them for the window that was told, the most drifted first.
        panels: of the dashboard, as Prometheus answered.
        values: every `fraud_*` value at the end.
        marks: moments that all charts show.
        days: how long the story lasts.
        colours: a style sheet of variables, and the colours of series, light and dark.
    """

    moments: Sequence[Moment]
    incident: Mapping[str, Any]
    features: Sequence[Mapping[str, Any]]
    panels: Sequence[Panel]
    values: Sequence[Value]
    marks: Sequence[Mark]
    days: float
    colours: tuple[str, Mapping[str, Sequence[str]]] = field(default=("", {}))


def page(told: Told) -> str:
    """HTML."""
    style, colours = told.colours
    sheet = style + STYLE + _series(colours.get("light", ()))
    sheet += f"@media (prefers-color-scheme: dark) {{ {_series(colours.get('dark', ()))} }}"
    parts = [_moments(told.moments), _moved(told), _panels(told), _values(told.values)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The fraud story</title>'
        f"<style>{sheet}</style></head><body><h1>A fraud model, from a payment to tomorrow's label</h1>"
        + "".join(parts)
        + "</body></html>\n"
    )


def _series(colours: Sequence[str]) -> str:
    return "".join(
        f".line.s{number} {{ stroke: {colour}; }} rect.s{number} {{ fill: {colour}; }} i.s{number} {{ background: {colour}; }} "
        for number, colour in enumerate(colours)
    )


def _moments(moments: Sequence[Moment]) -> str:
    rows = "".join(
        f'<tr class="{one.kind}"><td>{escape(one.when)}</td><td>{escape(one.what)}</td></tr>'
        for one in moments
    )
    return f"<h2>What happened</h2><table>{rows}</table>"


def _moved(told: Told) -> str:
    rows = "".join(
        f'<tr><td>{escape(one["feature"])}</td><td class="number">{one["value"]:.3f}</td>'
        f'<td class="number">{one["floor"]:.3f}</td><td>{escape(one["state"])}</td></tr>'
        for one in told.features
    )
    most = told.features[0]
    labels = [
        f"≤ {one['high']:g}" if one["high"] is not None else f"> {one['low']:g}" for one in most["bins"]
    ]
    then, now = ([one[name] for one in most["bins"]] for name in ("reference", "current"))
    return (
        f"<h2>Which feature moved</h2><p>{escape(told.incident['title'])}</p>"
        '<div class="charts"><table><tr><th>feature</th><th>PSI</th><th>by chance up to</th><th>state</th></tr>'
        f"{rows}</table><figure><figcaption>{escape(most['feature'])}: share of the payments in each bin</figcaption>"
        f"{bins(labels, then, now)}</figure></div>"
    )


def _panels(told: Told) -> str:
    numbers = "".join(_number(panel) for panel in told.panels if panel.newest)
    charts = "".join(
        f"<figure>{_caption(panel)}{lines(panel.series, told.days, told.marks, panel.limit)}</figure>"
        for panel in told.panels
        if not panel.newest
    )
    return (
        '<h2>What Prometheus saw</h2><p class="quiet">The panels of the dashboard <code>fraud</code>, each by its own query, over '
        "the days of the story. Dashed: the change, then when drift and when quality were told. Gauges of quality begin where "
        "the first labels are complete. Rates are those of the clock on the wall, on which an hour of the story is half a "
        f'second.</p><div class="numbers">{numbers}</div><div class="charts">{charts}</div>'
    )


def _number(panel: Panel) -> str:
    """The newest value, at the end of the story."""
    (line,) = panel.series.values()
    return f"<figure>{_caption(panel)}<b>{line[-1][1]:,.4g}</b></figure>"


def _caption(panel: Panel) -> str:
    queries = "".join(f"<code>{escape(query)}</code>" for query in panel.queries)
    return f"<figcaption>{escape(panel.title)}{queries}</figcaption>"


def _values(values: Sequence[Value]) -> str:
    rows = "".join(
        f'<tr><td><code>{escape(one.name)}</code></td><td class="number">{one.exposed:,.6g}</td>'
        f'<td class="number">{one.reckoned:,.6g}</td></tr>'
        for one in values
    )
    return (
        "<h2>Every value, worked out twice</h2><table><tr><th>metric</th><th>at /metrics</th>"
        f"<th>from the payments alone</th></tr>{rows}</table>"
    )
