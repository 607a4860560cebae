"""The answer in one sentence, by rules: the first that fits speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from streamgauge.clock import format_duration
from streamgauge.incident import IncidentState
from streamgauge.keys import key_label
from streamgauge.why.evidence import Evidence, Seen
from streamgauge.why.naming import moment, records, span


@dataclass(frozen=True, slots=True)
class Answer:
    """``state`` is one of: paused, fires, pending, unknown key, no window, does not fire, ended, not judged."""

    state: str
    sentence: str


def answer(evidence: Evidence) -> Answer:
    """The first rule that fits."""
    for rule in _RULES:
        found = rule(evidence)
        if found is not None:
            return found
    raise AssertionError("the last rule always fits")


def _paused(e: Evidence) -> Answer | None:
    if e.paused is None:
        return None
    return Answer(
        "paused",
        f"{e.monitor} is paused ({e.paused}): it judges nothing, and what passes meanwhile is lost to it",
    )


def _fires(e: Evidence) -> Answer | None:
    if e.incident is None or not e.incident.open:
        return None
    return Answer("fires", f"it fires since {moment(e.incident.opened_at)}: {e.incident.title}")


def _pending(e: Evidence) -> Answer | None:
    if (
        e.incident is None
        or e.incident.state is not IncidentState.PENDING
        or e.incident.pending_since is None
    ):
        return None
    since, wait = e.incident.pending_since, format_duration(timedelta(microseconds=e.hold_for))
    return Answer(
        "pending",
        f"the condition holds since {moment(since)}, but it is told only once it has held `for: {wait}`, at "
        f"{moment(since + e.hold_for)}",
    )


def _never_seen(e: Evidence) -> Answer | None:
    if e.windows or e.known.last_seen is not None:
        return None
    if not e.known.saved:
        return Answer("unknown key", f"nothing of {e.rule.stream} has been committed for this monitor yet")
    if not e.rule.by:
        return Answer("unknown key", f"no record of {e.rule.stream} has come yet")
    hint = f"; the nearest known key is {e.known.near}" if e.known.near else ""
    return Answer(
        "unknown key",
        f"no record with {_by(e)} has come to {e.rule.stream}, or it was so long ago that the key is forgotten{hint}",
    )


def _quiet(e: Evidence) -> Answer | None:
    """For ``silence``: how long the gap is by now."""
    if e.after is None or e.known.last_seen is None:
        return None
    due = e.known.last_seen + e.after
    told = (
        f"silence is told once the watermark has passed {moment(due)} ({span(e.after)} after its last record)"
    )
    if e.time.watermark is None:
        return Answer("does not fire", f"{told}; there is no watermark yet")
    if e.time.watermark < due:
        return Answer(
            "does not fire",
            f"{told}; it stands at {moment(e.time.watermark)}, {span(due - e.time.watermark)} before",
        )
    return Answer(
        "ended", f"the last gap was told and has ended; its last record came at {moment(e.known.last_seen)}"
    )


def _single(e: Evidence) -> Answer | None:
    """For what judges record by record: it speaks at a record, or keeps to itself."""
    if not e.single or e.windows or e.known.last_seen is None:
        return None
    whose = f" of {_by(e)}" if e.rule.by else ""
    came = f"it judges single records, the last{whose} came at {moment(e.known.last_seen)}"
    if e.incident is not None and e.incident.resolved_at is not None:
        over = f"the incident of {moment(e.incident.opened_at)} has ended ({e.incident.reason})"
        return Answer("ended", f"{came}; {over}, and nothing was found since")
    looked = f" of those that fit `where: {e.where}`" if e.where else ""
    return Answer("does not fire", f"{came}, and none{looked} was found to be a case for it")


def _no_window(e: Evidence) -> Answer | None:
    if e.windows or e.known.last_seen is None:
        return None
    reasons = []
    if e.where:
        reasons.append(f"none of them fits `where: {e.where}`")
    if e.late:
        reasons.append(f"they came too late ({records(e.late)} of this monitor did)")
    if not _surely_closed(e):
        reasons.append("the first window is still open")
    reasons.append(
        "they have left the last hour of event time" if e.live else "their windows have left the history"
    )
    whose = f"of {_by(e)} " if e.rule.by else ""
    return Answer(
        "no window",
        f"records {whose}came, the last at {moment(e.known.last_seen)}, but no closed window holds any: "
        f"{', or '.join(reasons)}",
    )


def _surely_closed(e: Evidence) -> bool:
    """Whether the last window that the key's last record belongs to has closed."""
    if e.time.watermark is None or e.known.last_seen is None:
        return False
    if e.gap is not None:
        return e.known.last_seen + e.gap < e.time.watermark
    if e.grid is None:
        return False
    size, advance = e.grid
    return e.known.last_seen // advance * advance + size <= e.time.watermark


def _not_judged(e: Evidence) -> Answer | None:
    last = e.windows[-1]
    if not last.partial or e.early:
        return None
    return Answer(
        "not judged",
        f"{_window(last)} is partial (reading began in the middle of it), and a condition that can also become "
        "false again is not judged on such",
    )


def _ended(e: Evidence) -> Answer | None:
    last = e.windows[-1]
    if last.holds is not True:
        return None
    if e.incident is not None and e.incident.resolved_at is not None:
        said = f"the incident of it has ended ({e.incident.reason})"
    else:
        said = "its incident is not in the store yet, or was dropped from it"
    return Answer("ended", f"`{e.when}` held in {_window(last)}, but {said}")


def _cannot_say(e: Evidence) -> Answer | None:
    last = e.windows[-1]
    if last.holds is not None or e.when is None:
        return None
    missing = sorted({name for part in last.parts for name, value in part.values.items() if value is None})
    return Answer(
        "does not fire",
        f"`{e.when}` cannot be said of {_window(last)}: {', '.join(missing) or 'a value'} is missing",
    )


def _does_not_hold(e: Evidence) -> Answer:
    last = e.windows[-1]
    if e.when is None:
        return Answer(
            "does not fire", f"its detector found nothing in {_window(last)}: {_values(dict(last.values))}"
        )
    failing = [part for part in last.parts if part.holds is False]
    because = "; ".join(f"`{part.text}` does not hold ({_values(dict(part.values))})" for part in failing)
    return Answer("does not fire", f"in {_window(last)} {because or f'`{e.when}` does not hold'}")


_RULES: tuple[Callable[[Evidence], Answer | None], ...] = (
    _paused,
    _fires,
    _pending,
    _never_seen,
    _quiet,
    _single,
    _no_window,
    _not_judged,
    _ended,
    _cannot_say,
    _does_not_hold,
)


def _by(e: Evidence) -> str:
    return f"{', '.join(e.rule.by)} = {key_label(e.key)}"


def _window(seen: Seen) -> str:
    return f"the last closed window ({moment(seen.start)} to {moment(seen.end)})"


def _values(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
