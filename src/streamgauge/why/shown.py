"""The evidence and the answer as plain data: what the API sends and the verb prints."""

from __future__ import annotations

from typing import Any

from streamgauge.clock import iso
from streamgauge.why.answer import Answer
from streamgauge.why.evidence import Evidence, Seen
from streamgauge.why.naming import moment, records, span


def shown(evidence: Evidence, answer: Answer) -> dict[str, Any]:
    """One object; moments are ISO 8601."""
    e = evidence
    return {
        "monitor": e.monitor,
        "key": list(e.key) if isinstance(e.key, tuple) else e.key,
        "state": answer.state,
        "answer": answer.sentence,
        "notes": notes(e),
        "windows": [_seen(seen) for seen in e.windows],
        "when": e.when,
        "clear_when": e.clear,
        "where": e.where,
        "incident": None if e.incident is None else e.incident.as_json(),
        "time": {
            "watermark": iso(e.time.watermark),
            "partitions": {name: iso(mark) for name, mark in e.time.partitions.items()},
            "held_back": list(e.time.held_back),
        },
        "kind": e.rule.kind,
        "why_this_kind": e.rule.why,
        "last_record": iso(e.known.last_seen),
        "live": e.live,
    }


def notes(e: Evidence) -> list[str]:
    """What else is worth knowing, weightiest first."""
    found = []
    if e.starting is not None:
        found.append(f"the engine is starting: {e.starting}")
    if e.store is not None:
        found.append(f"the store refuses commits ({e.store}): nothing is told before it takes them")
    if e.chosen and e.key is not None:
        found.append("no key was named; this is the one with the newest incident or window")
    found += _open_window(e)
    if e.where is not None and e.windows:
        found.append(f"only records for which `{e.where}` holds are counted")
    found += [
        f"{records(seen.late)} came too late for the window from {moment(seen.start)}, over all keys"
        for seen in e.windows
        if seen.late
    ]
    found += [
        f"the window from {moment(seen.start)} is partial: reading began in the middle of it"
        for seen in e.windows
        if seen.partial
    ]
    if e.windows and e.clear is not None and e.windows[-1].holds is False and e.windows[-1].clears is False:
        found.append(
            f"neither `when` nor `clear_when: {e.clear}` holds: an open incident would stay as it is"
        )
    if not e.live:
        found.append("no running server was asked: this is how the last commit left it")
    return found


def _open_window(e: Evidence) -> list[str]:
    if e.time.watermark is None:
        return []
    if e.gap is not None:
        return _open_session(e, e.time.watermark, e.gap)
    if e.grid is None:
        return []
    size, advance = e.grid
    ends = (e.time.watermark - size) // advance * advance + advance + size
    if e.windows and e.windows[-1].end >= ends:
        return []  # the streams have ended, and everything was closed
    sentence = (
        f"the window from {moment(ends - size)} to {moment(ends)} closes once the watermark has reached its end, "
        f"{span(ends - e.time.watermark)} from where it stands{_told_early(e)}"
    )
    return [sentence]


def _open_session(e: Evidence, watermark: int, gap: int) -> list[str]:
    last = e.known.last_seen
    if last is None or last + gap < watermark or (e.windows and e.windows[-1].end >= last):
        return []
    sentence = (
        f"its session is still open: it is over once the watermark has passed {moment(last + gap)} ({span(gap)} after "
        f"its last record), {span(last + gap - watermark)} from where it stands{_told_early(e)}"
    )
    return [sentence]


def _told_early(e: Evidence) -> str:
    return "; this condition is told at the very record at which it begins to hold" if e.early else ""


def _seen(seen: Seen) -> dict[str, Any]:
    return {
        "window_start": iso(seen.start),
        "window_end": iso(seen.end),
        "values": dict(seen.values),
        "holds": seen.holds,
        "clears": seen.clears,
        "parts": [{"text": part.text, "holds": part.holds} for part in seen.parts],
        "partial": seen.partial,
        "late": seen.late,
    }
