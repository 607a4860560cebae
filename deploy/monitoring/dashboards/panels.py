"""How our dashboards look, in one place: each panel has a unit, an axis that does not lie, and says what is healthy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    GridPos,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
    VariableSort,
)

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
"""As ``provisioning/datasources.yaml`` pins it."""
WIDTH, NUMBER_HEIGHT, CHART_HEIGHT = 24, 4, 8


@dataclass(frozen=True)
class Query:
    """One line of a panel: what is asked, and how its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """A panel, before it is Grafana's.

    Attributes:
        title: what is seen, without its unit.
        healthy: what is seen when all is well, and what it means when it is not; its description.
        queries: what is asked.
        unit: one of Grafana's units, such as ``s``, ``bytes``, ``reqps``, ``percentunit``.
        low, high: ends of the axis that do not follow the data.
        good_below, good_above: the limit beyond which it turns red.
        kind: ``chart`` as lines over time, ``bars`` over time, or ``number`` for now.
        width: of 24 columns.
    """

    title: str
    healthy: str
    queries: tuple[Query, ...]
    unit: str = "short"
    low: float | None = 0
    high: float | None = None
    good_below: float | None = None
    good_above: float | None = None
    kind: str = "chart"
    width: int = 8
    stacked: bool = False


@dataclass(frozen=True)
class Variable:
    """A choice at the top of a dashboard: all values of a label."""

    name: str
    label: str
    metric: str
    values_of: str
    within: tuple[str, ...] = ()
    """Variables that narrow it."""


@dataclass(frozen=True)
class Board:
    """A dashboard, before it is Grafana's: rows of panels by their titles."""

    uid: str
    title: str
    tags: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    variables: tuple[Variable, ...] = field(default=())


def chart(title: str, healthy: str, *queries: tuple[str, str], **settings: Any) -> Panel:
    """Lines over time; each query with the name of its series."""
    return Panel(title, healthy, tuple(Query(*query) for query in queries), **settings)


def number(title: str, healthy: str, expr: str, **settings: Any) -> Panel:
    """One number, as it is now."""
    return Panel(title, healthy, (Query(expr),), kind="number", **{"width": 4, **settings})


def built(board: Board) -> Any:
    """The dashboard as Grafana reads it."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .tags(list(board.tags))
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    for variable in board.variables:
        made = made.with_variable(_variable(variable))
    at, identity = 0, 1
    for title, panels in board.rows:
        made = made.with_row(dashboard.Row(title))
        at += 1
        for panel, place in zip(panels, _places(panels, at), strict=True):
            made = made.with_panel(_panel(panel).id(identity).grid_pos(place))
            identity += 1
            at = max(at, place.y + place.h)
    return made.build()


def _places(panels: Sequence[Panel], top: int) -> list[GridPos]:
    """Left to right, and below where a line is full."""
    places, x, y, tallest = [], 0, top, 0
    for panel in panels:
        height = NUMBER_HEIGHT if panel.kind == "number" else CHART_HEIGHT
        if x + panel.width > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        places.append(GridPos(h=height, w=panel.width, x=x, y=y))
        x, tallest = x + panel.width, max(tallest, height)
    return places


def _panel(panel: Panel) -> Any:
    kinds = {"chart": _chart, "number": _number, "bars": _bars}
    made = kinds[panel.kind](panel)
    made = made.title(panel.title).description(panel.healthy).unit(panel.unit).datasource(PROMETHEUS)
    made = made.thresholds(_thresholds(panel))
    if panel.low is not None:
        made = made.min(panel.low)
    if panel.high is not None:
        made = made.max(panel.high)
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter)
        target = target.datasource(PROMETHEUS)
        made = made.with_target(target.instant() if panel.kind == "number" else target.range())
    return made


def _chart(panel: Panel) -> Any:
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
    )
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    made = timeseries.Panel().legend(legend).tooltip(tooltip).line_width(1).fill_opacity(8)
    if panel.stacked:
        made = made.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)
    if panel.good_below is not None or panel.good_above is not None:
        made = made.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    return made


def _number(_: Panel) -> Any:
    return stat.Panel().reduce_options(_last())


def _bars(panel: Panel) -> Any:
    """Sums that only grow, side by side in time."""
    return _chart(panel).draw_style(GraphDrawStyle.BARS).fill_opacity(60)


def _last() -> Any:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _thresholds(panel: Panel) -> Any:
    """Green where it is healthy, red beyond the limit; one colour where nothing is asked of it."""
    steps = [Threshold(value=None, color="green")]
    if panel.good_below is not None:
        steps.append(Threshold(value=panel.good_below, color="red"))
    elif panel.good_above is not None:
        steps = [Threshold(value=None, color="red"), Threshold(value=panel.good_above, color="green")]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _variable(variable: Variable) -> Any:
    narrowed = ", ".join(f'{name}=~"${name}"' for name in variable.within)
    chosen = f"{variable.metric}{{{narrowed}}}" if narrowed else variable.metric
    return (
        dashboard.QueryVariable(variable.name)
        .label(variable.label)
        .query(f"label_values({chosen}, {variable.values_of})")
        .datasource(PROMETHEUS)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def as_json(board: Board) -> str:
    """The text of its file, without what Grafana's own schema does not know of a query variable."""
    made = json.loads(JSONEncoder().encode(built(board)))
    for variable in made.get("templating", {}).get("list", []):
        for name in ("auto", "auto_count", "auto_min"):
            variable.pop(name, None)
    return json.dumps(made, sort_keys=True, indent=2) + "\n"
