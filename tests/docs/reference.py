"""The page with every key of the configuration file, made from the models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from streamgauge.config.schema import schema

_SECTIONS = {
    "StreamConfig": "A stream",
    "FieldConfig": "A field",
    "LimitsConfig": "Limits",
    "DeadLettersConfig": "Where bad records go",
    "MonitorConfig": "A monitor",
    "StoreConfig": "The store",
    "ServerConfig": "The server",
    "JobConfig": "A job",
    "RouteConfig": "Routes",
    "BranchConfig": "A branch of a route",
    "RateLimitConfig": "The limit of notices",
    "InhibitConfig": "Inhibition",
    "MaintenanceConfig": "Maintenance",
    "FlappingConfig": "Flapping",
    "UpdateMetricsConfig": "Values of models",
    "PredictConfig": "One record at once",
    "SparkConfig": "Spark",
}
_KINDS = {
    "Sources": ("StreamConfig", "source"),
    "Formats": ("StreamConfig", "format"),
    "Windows": ("MonitorConfig", "window"),
    "Detectors": ("MonitorConfig", "detect"),
    "Sinks": ("MonitorConfig", "write"),
    "Channels": ("", "channels"),
}
"""Heading, and where the choices stand in the schema."""
_LINKS = {
    "index.md#sources": "#sources",
    "index.md#formats": "#formats",
    "index.md#detectors": "#detectors",
    "index.md#channels": "#channels",
    "index.md#sinks": "#sinks",
    "windows.md": "#windows",
    "sinks.md": "#sinks",
    "schedule.md": "#a-job",
    "incidents.md#routes-groups-and-repeats": "#routes",
    "incidents.md#inhibition-one-cause-told-once": "#inhibition",
    "incidents.md#silences": "#maintenance",
    "incidents.md#settle-when-it-begins-and-ends": "#flapping",
    "engines.md#how-spark-runs-it": "#spark",
    "server.md#values-of-models": "#values-of-models",
    "server.md#one-record-at-once": "#one-record-at-once",
}
"""From links of other pages to the headings of this one."""

Table = Callable[[Mapping[str, Any]], str]


def page(table: Table) -> str:
    """All of it; ``table`` makes the rows of one model."""
    text = "\n\n".join(_parts(table))
    for elsewhere, here in _LINKS.items():
        text = text.replace(f"]({elsewhere})", f"]({here})")
    return text


def _parts(table: Table) -> Iterator[str]:
    whole = schema()
    definitions = whole["$defs"]
    yield f"## The file\n\n{table(whole)}"
    for name, title in _SECTIONS.items():
        yield f"## {title}\n\n{definitions[name]['description']}\n\n{table(definitions[name])}"
    for title, (model, key) in _KINDS.items():
        owner = definitions[model] if model else whole
        if key not in owner["properties"]:
            continue
        yield f"## {title}\n\nThe word after `type:` decides which further keys may stand there."
        for choice in _choices(owner["properties"][key]):
            yield _choice(choice, table)
    known = {*_SECTIONS, "reference"}
    for name in sorted(set(definitions) - known):
        shape = definitions[name]
        if "properties" in shape:
            title = name.removesuffix("Config")
            yield f"## Further: {title}\n\n{shape['description']}\n\n{table(shape)}"


def _choice(shape: Mapping[str, Any], table: Table) -> str:
    name = shape["properties"]["type"]["const"]
    first = shape.get("description", "").partition("\n\n")[0].replace("\n", " ")
    keys = [key for key in shape["properties"] if key != "type"]
    return f"### {name}\n\n{first}\n\n{table(shape) if keys else 'It has no further keys.'}"


def _choices(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The models among which ``type`` chooses, wherever they stand in a value's shape."""
    if "oneOf" in value:
        return [one for one in value["oneOf"] if "properties" in one]
    inner = [
        *value.get("anyOf", ()),
        value.get("additionalProperties"),
        *value.get("patternProperties", {}).values(),
    ]
    found = [_choices(one) for one in inner if isinstance(one, Mapping)]
    return next((choices for choices in found if choices), [])
