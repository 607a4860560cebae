"""HTML from templates: everything that a record may have written is escaped, moments and numbers read well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from streamgauge import __version__
from streamgauge.channels.wording import printable
from streamgauge.clock import format_duration, iso, to_datetime

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load: what this server ships, and nothing inside the page itself."""

LONGEST = 300
"""Characters shown of one value."""


class NotHere(Exception):  # noqa: N818  it says what people read
    """There is no such page; the text says what is not there."""


def page(request: Request, template: str, values: Mapping[str, Any], *, status: int = 200) -> HTMLResponse:
    """``template`` with ``values``; only its part ``live`` where htmx asks for that."""
    part = request.headers.get("hx-target") == "live" and request.method == "GET"
    loaded = _environment().get_template(template)
    context = {"part": part, "version": __version__, "path": request.url.path, **values}
    return HTMLResponse(
        loaded.render(context), status, {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    )


def shown(value: Any) -> str:
    r"""One value as people read it: cut where it is long, no cursor moved by it, six digits of a number.

    >>> shown(3.0), shown(0.123456789), shown(None), shown("a\x1b[2J"), shown({"n": 2})
    ('3', '0.123457', '–', 'a\\x1b[2J', 'n 2')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "–"
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
    if isinstance(value, Mapping):
        return printable(" · ".join(f"{name} {shown(item)}" for name, item in value.items()), LONGEST)
    if isinstance(value, (list, tuple)):
        return printable(", ".join(map(shown, value)), LONGEST)
    return printable(value, LONGEST)


def moment(micros: int | None, *, day: bool = False) -> Markup:
    """A moment in UTC: the clock, with the day where asked for; whole in its title.

    >>> moment(1_767_225_600_000_000)
    Markup('<time datetime="2026-01-01T00:00:00.000Z" title="2026-01-01 00:00:00 UTC">00:00:00</time>')
    """
    if micros is None:
        return Markup("–")
    at = to_datetime(micros).astimezone(UTC)
    text = f"{at:%Y-%m-%d %H:%M:%S}" if day else f"{at:%H:%M:%S}"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        iso(micros), f"{at:%Y-%m-%d %H:%M:%S}", text
    )


def lasted(micros: float | None) -> str:
    """A duration: whole seconds from one on.

    >>> lasted(327_000), lasted(75_400_000), lasted(None)
    ('327ms', '1m15s', '–')
    """
    if micros is None:
        return "–"
    seconds = max(0.0, micros / 1e6)
    return format_duration(timedelta(seconds=round(seconds, 3 if seconds < 1 else 0))) or "0s"


def count(value: float | None) -> str:
    """A whole number with its thousands apart.

    >>> count(1234567), count(None)
    ('1,234,567', '–')
    """
    return "–" if value is None else f"{value:,.0f}"


def key_words(key: Any) -> str:
    """A key in words; empty where the monitor has none.

    >>> key_words(("DE", 4)), key_words(None)
    ('DE · 4', '')
    """
    if key is None:
        return ""
    return " · ".join(map(shown, key)) if isinstance(key, (list, tuple)) else shown(key)


def read_moment(text: str | None) -> int | None:
    """Microseconds of an ISO 8601 moment, as our own JSON writes them."""
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1e6)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("streamgauge.server.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name, filter_ in {
        "shown": shown, "moment": moment, "read_moment": read_moment, "lasted": lasted, "count": count, "key_words": key_words,
    }.items():  # fmt: skip
        environment.filters[name] = filter_
    environment.globals["escape"] = escape
    return environment
