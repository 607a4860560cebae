"""How the process logs: lines for people on a terminal, one JSON object per line everywhere else.

All goes to the error output, what libraries log through :mod:`logging` too. Secrets never show: values of keys
that tell of one (``password``, ``token`` …), passwords within URLs, and all texts that came into the
configuration through ``${NAME}`` (see :func:`keep_secret`).
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from streamgauge.errors import ConfigError
from streamgauge.settings import Settings, hide, nearest

LEVELS = {name: getattr(logging, name.upper()) for name in ("debug", "info", "warning", "error")}

_TALKATIVE = dict.fromkeys(("alembic", "asyncio", "httpcore", "httpx", "uvicorn"), logging.WARNING)
"""Libraries of which less is said than of ourselves."""

_secrets: dict[str, str] = {}


def set_up(*, level: str = "info", as_json: bool | None = None, to: TextIO | None = None) -> None:
    """Log from now on; called once by each verb that runs for long.

    Args:
        level: debug, info, warning or error.
        as_json: JSON lines; None (and False) leave it to whether ``to`` is a terminal.
        to: default: the error output.

    Raises:
        ConfigError: there is no such level.
    """
    if level.lower() not in LEVELS:
        raise ConfigError(f"--log-level: there is no level {level!r}; {nearest(level, LEVELS)}")
    out = to if to is not None else sys.stderr
    for_people = out.isatty() and not as_json
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(for_people=for_people))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(LEVELS[level.lower()])
    for name, least in _TALKATIVE.items():
        logging.getLogger(name).setLevel(max(least, LEVELS[level.lower()]))
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level.lower()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def keep_secret(settings: Settings) -> None:
    """Never show, in any log line from now on, the secrets that ``settings`` hold (a whole configuration)."""
    _secrets.update(settings._secrets)


def _hide(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace secrets in every value, the traceback's text included."""
    hidden: MutableMapping[str, Any] = hide(
        {key: value if isinstance(value, _PLAIN) else str(value) for key, value in event.items()}, _secrets
    )
    return hidden


_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
]


def _formatter(*, for_people: bool) -> logging.Formatter:
    shape: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
    ]
    if for_people:
        render: Any = structlog.dev.ConsoleRenderer(timestamp_key="at")
    else:
        render = structlog.processors.JSONRenderer(serializer=_as_json)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED, processors=[*shape, _hide, render], keep_exc_info=False
    )


def _as_json(event: MutableMapping[str, Any], **_options: Any) -> str:
    """The moment, the level and what happened first."""
    first = {key: event.pop(key) for key in ("at", "level", "event") if key in event}
    return json.dumps({**first, **event}, ensure_ascii=False, default=str)
