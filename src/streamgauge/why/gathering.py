"""Looks up the evidence: in the store, in its saved states, and in the engine's picture."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamgauge.batch import NEVER, Column, Partition
from streamgauge.clock import iso, to_micros
from streamgauge.config.models import Config
from streamgauge.config.windows import HoppingConfig, SessionConfig, TumblingConfig
from streamgauge.engines.reporting.status import EngineStatus
from streamgauge.engines.running.beginnings import partial_until
from streamgauge.engines.running.bundle import bundle_key, moved
from streamgauge.errors import ConfigError
from streamgauge.expressions import Expression, parse_aggregate
from streamgauge.expressions.wording import parts
from streamgauge.incident import Incident
from streamgauge.keys import Key, key_from_text, key_text
from streamgauge.plan import make_plan
from streamgauge.settings import nearest
from streamgauge.stores.contract import SavedState
from streamgauge.why.evidence import Evidence, Known, Part, Seen
from streamgauge.why.holding import Time, time_from_positions, time_from_status, with_grace
from streamgauge.why.naming import read_key

if TYPE_CHECKING:
    from streamgauge.stores.sql import SqlVisitor

SHOWN = 3
"""Closed windows that are shown."""

LOOK_BACK = 3_600_000_000
"""Microseconds of event time of history that a running server looks through; a verb takes all."""

COMPARED = 10_000
"""Known keys among which a key that is spelled alike is looked for."""


class Search:
    """For the evidence about one monitor.

    Args:
        config: what runs.
        look: into its store.
        name: of the monitor.
        status: how the engine stands; None where none was asked.

    Raises:
        ConfigError: there is no such monitor.
    """

    def __init__(self, config: Config, look: SqlVisitor, name: str, status: EngineStatus | None) -> None:
        if name not in config.monitors:
            raise ConfigError(f"there is no monitor {name!r}; {nearest(name, config.monitors)}")
        plan = make_plan(config)
        self._config = config
        self._look = look
        self._status = status
        self._settings = config.monitors[name]
        self._monitor = plan.monitors[name]
        if self._monitor.stream not in plan.streams:
            watched = self._monitor.stream
            raise ConfigError(
                f"{name} watches the rows of {watched}; ask `streamgauge why {watched}`, whose rows they are"
            )
        self._stream = plan.streams[self._monitor.stream]
        self._group = next(group for group in self._stream.groups if self._monitor in group.monitors)
        self._positions = look.positions(self._stream.name)
        self._since = self._beginning()
        self._late = {count.window_start: count.count for count in look.late_counts(monitor=name)}

    def evidence(self, text: str | None) -> Evidence:
        """All of it for the key that ``text`` names; None: the key that is most likely meant.

        Raises:
            ConfigError: the key does not fit the monitor.
        """
        monitor, settings, status = self._monitor, self._settings, self._status
        chosen = text is None and bool(monitor.by)
        kinds = self._config.kinds_of(monitor.stream)
        key = self._likely() if chosen else read_key(text, monitor, kinds)
        known = self._known(key)
        paused = self._look.monitor_status().get(monitor.name)
        return Evidence(
            monitor=monitor.name,
            key=key,
            chosen=chosen,
            rule=monitor,
            where=settings.where,
            when=getattr(settings.detect, "when", None),
            clear=getattr(settings.detect, "clear_when", None),
            after=getattr(monitor.detector, "after", None) if settings.window is None else None,
            hold_for=to_micros(settings.for_),
            early=bool(monitor.detector.needs.watches),
            grid=self._grid(),
            windows=self._windows(key, known.partial_until),
            late=sum(self._late.values()),
            known=known,
            incident=self._incident(key),
            paused=paused.reason if paused is not None else None,
            time=self._time(known.partition),
            live=status is not None,
            starting=status.starting if status is not None else None,
            store=status.store if status is not None else None,
            gap=to_micros(window.gap) if isinstance(window := self._settings.window, SessionConfig) else None,
            single=settings.window is None,
        )

    def _beginning(self) -> int | None:
        """From when on a running server looks through the history."""
        reached = [p.largest_time for p in self._positions.values() if p.largest_time != NEVER]
        return None if self._status is None or not reached else min(reached) - LOOK_BACK

    def _likely(self) -> Key:
        """The key of the newest incident, else that of the newest window; None where nothing is known."""
        incidents = [
            i for i in self._look.incidents(monitor=self._monitor.name, limit=10) if i.kind == "verdict"
        ]
        if incidents:
            return incidents[0].key
        frame = self._look.history(self._monitor.name, start=self._since)
        return key_from_text(frame["key"][-1]) if frame.height else None

    def _incident(self, key: Key) -> Incident | None:
        """The newest of the key."""
        found = self._look.incidents(monitor=self._monitor.name, limit=1000)
        return next((one for one in found if one.key == key and one.kind == "verdict"), None)

    def _grid(self) -> tuple[int, int] | None:
        match self._settings.window:
            case HoppingConfig(size=size, advance=advance):
                return to_micros(size), to_micros(advance)
            case TumblingConfig(size=size):
                return to_micros(size), to_micros(size)
            case _:
                return None

    def _time(self, partition: Partition | None) -> Time:
        kind, name = self._monitor.kind, self._stream.name
        if self._status is not None and name in self._status.streams:
            time = time_from_status(self._status.streams[name], kind, partition)
        else:
            time = time_from_positions(self._positions, self._stream.lateness, kind, partition)
        return with_grace(time, self._group.shift)

    def _known(self, key: Key) -> Known:
        """Search the saved dictionaries of the monitor's grouping."""
        wanted = key_text(key) if self._group.by else "[]"
        aligned = self._group.kind == "aligned"
        partitions: list[Partition | None] = list(self._positions) if aligned else [None]
        saved, until = False, NEVER
        names: set[str] = set()
        for partition in partitions:
            state = self._look.load(bundle_key(self._stream, self._group.by, partition))
            if state is None:
                continue
            saved = True
            own = self._partial_until(state)
            until = max(until, own)
            texts: list[str | None] = state.tables["keys"]["text"].tolist()
            if wanted in texts:
                seen = int(state.tables["keys"]["last_seen"][texts.index(wanted)])
                return Known(saved, seen, partition, own)
            names.update(text for text in texts if text is not None)
        return Known(saved, partial_until=until, near=_near(wanted, names))

    def _partial_until(self, state: SavedState) -> int:
        scopes = [f"window/{self._group.shape}", f"detector/{self._monitor.name}/{self._monitor.shape}"]
        return moved(max(partial_until(state.tables, scope) for scope in scopes), self._group.margin)

    def _windows(self, key: Key, partial_until: int) -> list[Seen]:
        window, name = self._settings.window, self._monitor.name
        frame = self._look.history(name, key=key, start=self._since) if window is not None else None
        if window is None or frame is None or not frame.height:
            return []
        frame = frame.sort("window_end", "window_start", maintain_order=True).tail(SHOWN)
        return [
            self._seen(
                row, self._late.get(row["window_start"], 0), partial=row["window_start"] <= partial_until
            )
            for row in frame.to_dicts()
        ]

    def _seen(self, row: Mapping[str, Any], late: int, *, partial: bool) -> Seen:
        assert self._settings.window is not None
        fields = self._config.kinds_of(self._monitor.stream)
        columns = {
            name: Column(parse_aggregate(text, fields, frozenset()).kind, values=[row.get(name)])
            for name, text in self._settings.window.compute.items()
        }
        values = {
            name: iso(column.at(0)) if column.kind == "timestamp" else column.at(0)
            for name, column in columns.items()
        }
        when: Expression | None = getattr(self._monitor.detector, "when", None)
        clear: Expression | None = getattr(self._monitor.detector, "clear", None)
        within = parts(when) if when is not None else []
        return Seen(
            start=int(row["window_start"]),
            end=int(row["window_end"]),
            values=values,
            holds=_truth(when, columns),
            clears=_truth(clear, columns),
            parts=[
                Part(p.text, _truth(p, columns), {n: values[n] for n in sorted(p.columns)}) for p in within
            ],
            partial=partial,
            late=late,
        )


def _near(wanted: str, names: set[str]) -> str | None:
    close = difflib.get_close_matches(wanted, sorted(names)[:COMPARED], n=1)
    return str(key_from_text(close[0])) if close else None


def _truth(condition: Expression | None, columns: Mapping[str, Column]) -> bool | None:
    if condition is None:
        return None
    found = int(condition.truth(columns, 1)[0])
    return None if found < 0 else bool(found)
