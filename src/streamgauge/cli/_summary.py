"""What a run came to, for whoever started it as a job: what was read, and what of its rows has arrived."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamgauge.engines.embedded.session import Session


def print_summary(session: Session) -> None:
    """One JSON object per stream, then one per sink; to be called once the session has ended."""
    from streamgauge.cli._table import print_lines

    print_lines([*_streams(session), *_sinks(session)])


def _streams(session: Session) -> Iterator[dict[str, Any]]:
    totals = session.status.totals
    for name in session.config.streams:
        partitions = {part: count for (of, part), count in totals.consumed.items() if of == name}
        yield {
            "kind": "stream",
            "stream": name,
            "records": totals.records[name],
            "late": totals.late[name],
            "dead_letters": totals.dead_letters[name],
            "partitions": partitions,
        }


def _sinks(session: Session) -> Iterator[dict[str, Any]]:
    """What still waits is asked of the store: it leaves with the next start."""
    from streamgauge.stores import open_reading

    config, rows = session.config, session.status.totals.rows
    sinks = [f"stream {name}" for name, stream in config.streams.items() if stream.write is not None]
    sinks += [f"monitor {name}" for name, monitor in config.monitors.items() if monitor.write is not None]
    if not sinks:
        return
    with closing(open_reading(config.store.url)) as look:
        waiting = look.spool_depth()
    for sink in sinks:
        counts = {word: rows[sink, word] for word in ("written", "refused", "dropped")}
        yield {"kind": "sink", "sink": sink, **counts, "waiting": waiting.get(sink, 0)}
