"""List incidents, newest first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from streamgauge.cli._store import ConfigOption, JsonOption, StoreOption, open_look
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    from streamgauge.incident import Incident, IncidentState


def command(
    *,
    state: Annotated[
        str | None,
        typer.Option(
            help="Only those that are pending, firing, acknowledged, suppressed, resolved.",
            show_default=False,
        ),
    ] = None,
    monitor: Annotated[
        str | None, typer.Option(help="Only those of this monitor.", show_default=False)
    ] = None,
    severity: Annotated[
        str | None, typer.Option(help="Only those that are warning, or critical.", show_default=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Only those of this key; several values by commas.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    config: ConfigOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List incidents, newest first.

    Reads the store, also while `run` writes to it.

    Example: streamgauge incidents --config payments.yaml --state firing
    """
    from streamgauge.cli._table import print_lines, print_table
    from streamgauge.keys import key_texts

    wanted = _state(state)
    if severity not in (None, "warning", "critical"):
        raise ConfigError(f"--severity: {severity!r} is neither warning nor critical")
    keys = None if key is None else key_texts(key)
    with open_look(config, store) as look:
        found = look.incidents(state=wanted, monitor=monitor, severity=severity, keys=keys, limit=limit)
    if json:
        print_lines(incident.as_json() for incident in found)
    else:
        names = ("opened", "monitor", "key", "state", "severity", "lasted", "owner", "title")
        print_table(names, [_row(incident) for incident in found], "no incidents")


def _state(text: str | None) -> IncidentState | None:
    from streamgauge.incident import IncidentState
    from streamgauge.settings import nearest

    if text is None:
        return None
    try:
        return IncidentState(text)
    except ValueError:
        raise ConfigError(f"--state: there is no state {text!r}; {nearest(text, IncidentState)}") from None


def _row(incident: Incident) -> list[object]:
    from streamgauge.clock import format_duration, iso
    from streamgauge.keys import key_label

    lasted = (
        None if incident.lasted is None else format_duration(timedelta(milliseconds=incident.lasted // 1000))
    )
    return [
        iso(incident.opened_at),
        incident.monitor,
        key_label(incident.key),
        str(incident.state),
        incident.severity,
        lasted,
        incident.owner,
        incident.title,
    ]
