"""Moments of the API as the reader sees them: local on axes and in tables, UTC beside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def parsed(text: str) -> datetime:
    """An aware moment of ISO 8601.

    >>> parsed("2026-01-01T12:00:00.500Z").hour
    12
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def millis(text: str | None) -> int | None:
    """Milliseconds since 1970, as charts count.

    >>> millis("1970-01-01T00:00:01.500Z")
    1500
    """
    return None if text is None else round(parsed(text).timestamp() * 1000)


def utc(text: str | None) -> str:
    """As people read it on hover.

    >>> utc("2026-01-01T12:00:00.000Z")
    '2026-01-01 12:00:00 UTC'
    """
    if text is None:
        return ""
    moment = parsed(text).astimezone(UTC)
    digits = f".{moment.microsecond // 1000:03d}" if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{digits} UTC"


def zone_of(name: str | None) -> tzinfo:
    """The reader's time zone; UTC where it is not known here."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def local(text: str | None, zone: tzinfo) -> str:
    """The moment in ``zone``.

    >>> local("2026-01-01T12:00:00Z", zone_of("Europe/Zurich"))
    '2026-01-01 13:00:00'
    """
    return "" if text is None else f"{parsed(text).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def iso(moment: datetime) -> str:
    """As the API takes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span_text(seconds: float) -> str:
    """A duration as people glance at it.

    >>> span_text(0.25), span_text(90), span_text(7200), span_text(3 * 86400)
    ('250 ms', '1 m 30 s', '2 h', '3 d')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    whole = timedelta(seconds=round(seconds))
    minutes, rest = divmod(whole.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(whole.days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
