"""The JSON Schema of the file, for editors, made from the models and the plug-ins that are installed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from streamgauge.clock import format_duration
from streamgauge.config.given import giving
from streamgauge.config.models import Config

_REFERENCE = {"$ref": "#/$defs/reference"}
_WORDS = ("integer", "number", "boolean")


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12). What is not any text may also be a reference, ``${NAME}``."""
    made = Config.model_json_schema(by_alias=True, schema_generator=_Generator, mode="validation")
    definitions = {name: _tidy(part) for name, part in sorted(made.pop("$defs").items())}
    monitor = definitions["MonitorConfig"]
    monitor["required"] = [key for key in monitor["required"] if key != "stream"]
    monitor["anyOf"] = [{"required": ["stream"]}, {"required": ["sql"]}]
    _leave_out_given(definitions["StreamConfig"])
    reference = {
        "description": "taken from the environment or a secret file",
        "type": "string",
        "pattern": r"\$\{[^}]+\}",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Streamgauge configuration",
        **_tidy(made),
        "$defs": {**definitions, "reference": reference},
    }


def _leave_out_given(stream: dict[str, Any]) -> None:
    """Streams of sources that say what their records hold need not say it."""
    asks = {"properties": {"source": {"properties": {"type": {"enum": giving()}}}}}
    needed = [key for key in stream["required"] if key in ("format", "fields")]
    stream["required"] = [key for key in stream["required"] if key not in needed]
    stream["anyOf"] = [{"required": needed}, asks]


def schema_text() -> str:
    """The schema as ``streamgauge schema`` prints it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Writes durations as people do."""

    def encode_default(self, dft: Any) -> Any:
        """``10m``, not ISO 8601's ``PT10M``."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def _tidy(part: Any) -> Any:
    """One part of the schema without titles made from names, and open to references where it is strict."""
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    tidy: dict[str, Any] = {key: _tidy_entry(key, value) for key, value in part.items() if key != "title"}
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    return _with_reference(tidy) if _strict(tidy) else tidy


def _tidy_entry(key: str, value: Any) -> Any:
    if key in ("properties", "patternProperties"):
        return {name: _tidy(item) for name, item in value.items()}
    if key == "description":
        return " ".join(str(value).partition("\n\n")[0].replace("``", "`").split())
    return value if key in ("default", "propertyNames") else _tidy(value)


def _strict(part: dict[str, Any]) -> bool:
    return (
        part.get("type") in _WORDS or "enum" in part or (part.get("type") == "string" and "pattern" in part)
    )


def _with_reference(part: dict[str, Any]) -> dict[str, Any]:
    """Words for people stay outside; what is allowed becomes one of two."""
    outside = {key: value for key, value in part.items() if key in ("description", "default", "examples")}
    inside = {key: value for key, value in part.items() if key not in outside}
    return {**outside, "anyOf": [inside, _REFERENCE]}
