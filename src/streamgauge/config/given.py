"""Fields that need not be declared: a source that asks a system knows what its records hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamgauge.config.plugins import config_class, names
from streamgauge.errors import ConfigError
from streamgauge.settings import Settings


def with_given_fields(stream: Mapping[str, Any]) -> Mapping[str, Any]:
    """``stream`` with the fields and the format that its source gives; what is declared comes before them."""
    source = stream.get("source")
    kind: Any = type(source) if isinstance(source, Settings) else _kind(source)
    given = getattr(kind, "given_fields", None)
    fields = stream.get("fields", {})
    if not given or not isinstance(fields, Mapping):
        return stream
    return {"format": "json", **stream, "fields": {**given, **fields}}


def giving() -> list[str]:
    """The types of sources that say what their records hold."""
    return [name for name in names("sources") if getattr(config_class("sources", name), "given_fields", None)]


def _kind(source: object) -> type[Settings] | None:
    name = source.get("type") if isinstance(source, Mapping) else None
    try:
        return config_class("sources", name) if isinstance(name, str) else None
    except ConfigError:
        return None
