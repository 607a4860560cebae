"""The parts of the docs that are written by a program: ``make docs`` writes them, a test holds them to that.

On a page, ``<!-- table: NAME -->`` and ``<!-- end -->`` hold what :func:`made` answers for NAME.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from streamgauge.cli._group import FOLDER, first_line
from streamgauge.config import plugins
from streamgauge.config.schema import schema
from streamgauge.engines.spark.native_refusals import NATIVE_DIFFERENCES, NATIVE_REFUSALS
from streamgauge.engines.spark.refusals import DIFFERENCES, REFUSALS
from tests.docs import pictures, ports, reference, standing
from tests.docs.pages import ROOT, pages

_PLACE = re.compile(r"(?<=<!-- table: )(?P<name>[a-z_ :]+)( -->\n)(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
_DURATION = "us|ms|s|m|h|d|w"
_SEE = {
    "source": "a source, see [sources](index.md#sources)",
    "format": "a format's name, or a mapping with `type:`, see [formats](index.md#formats)",
    "window": "a window, see [windows](windows.md)",
    "detect": "a detector, see [detectors](index.md#detectors)",
    "fields": "a type, or a mapping, see [fields](#a-field)",
    "dead_letters": "a mapping, see [where bad records go](#where-bad-records-go)",
    "write": "a sink, see [sinks](sinks.md)",
    "limits": "a mapping, see [limits](#limits)",
    "streams": "a mapping of names, see [a stream](#a-stream)",
    "monitors": "a mapping of names, see [a monitor](#a-monitor)",
    "channels": "a mapping of names, see [channels](index.md#channels)",
    "store": "an address, or a mapping, see [the store](#the-store)",
    "server": "a mapping, see [the server](#the-server)",
    "schedule": "a mapping of names, see [a job](schedule.md)",
    "route": "a mapping, see [routes](incidents.md#routes-groups-and-repeats)",
    "routes": "a list of mappings, see [routes](incidents.md#routes-groups-and-repeats)",
    "rate_limit": "a mapping, see [routes](incidents.md#routes-groups-and-repeats)",
    "inhibit": "a list of mappings, see [inhibition](incidents.md#inhibition-one-cause-told-once)",
    "maintenance": "a mapping of names, see [silences](incidents.md#silences)",
    "flapping": "a mapping, see [when it ends](incidents.md#settle-when-it-begins-and-ends)",
    "spark": "a mapping, see [how Spark runs it](engines.md#how-spark-runs-it)",
    "update_metrics": "a mapping, see [values of models](server.md#values-of-models)",
    "predict": "a mapping, see [one record at once](server.md#one-record-at-once)",
}


def filled(page: Path) -> str:
    """The page's text with its tables as they should be."""
    return _PLACE.sub(
        lambda place: f"{place['name']}{place[2]}{made(place['name'])}", page.read_text("utf-8")
    )


def names(page: Path) -> list[str]:
    """The tables that a page has."""
    return [place["name"] for place in _PLACE.finditer(page.read_text("utf-8"))]


def made(name: str) -> str:
    """A table by its name: ``keys monitor``, ``lesson silence``, ``list channels`` …"""
    kind, _, about = name.partition(" ")
    return _MAKERS[kind](about) + "\n"


def _keys(about: str) -> str:
    definitions = schema()["$defs"]
    models = {"file": schema(), "stream": definitions["StreamConfig"], "field": definitions["FieldConfig"]}
    models |= {
        "letters": definitions["DeadLettersConfig"],
        "limits": definitions["LimitsConfig"],
        "monitor": definitions["MonitorConfig"],
    }
    models |= {"store": definitions["StoreConfig"], "server": definitions["ServerConfig"]}
    models |= {"job": definitions["JobConfig"]}
    return _table(models[about])


def _windows(_: str) -> str:
    shapes = {one["properties"]["type"]["const"]: one for one in _choices("window")}
    return "\n\n".join(
        f"### {name}\n\n{shape['description']}\n\n{_table(shape)}" for name, shape in shapes.items()
    )


def _detector(name: str) -> str:
    (shape,) = [one for one in _choices("detect") if one["properties"]["type"]["const"] == name]
    return _table(shape)


def _choices(key: str) -> list[dict[str, Any]]:
    value = schema()["$defs"]["MonitorConfig"]["properties"][key]
    while "oneOf" not in value:
        value = next(option for option in value["anyOf"] if option.get("type") != "null")
    found: list[dict[str, Any]] = value["oneOf"]
    return found


def _lesson(name: str) -> str:
    """A detector's docstring as Markdown; its examples run as they stand."""
    text = inspect.getdoc(plugins.module("detectors", name)) or ""
    paragraphs = text.partition("\n\n")[2].replace("``", "`").split("\n\n")
    return "\n\n".join(
        f"```python\n{part}\n\n```" if part.startswith(">>> ") else part for part in paragraphs
    )


def _picture(name: str) -> str:
    """The picture of a run, with its title as the text for those who do not see it."""
    return f"![{plugins.module('detectors', name).PICTURE.title}](../images/detectors/{name}.svg)"


def _list(kind: str) -> str:
    if kind == "verbs":
        verbs = {path.stem.replace("_", "-"): _plain(first_line(path)) for path in _verb_files()}
        return _rows(
            ("verb", "what it does"), ((f"[{name}](verbs/{name}.md)", text) for name, text in verbs.items())
        )
    if kind == "decisions":
        dated = sorted((ROOT / "docs/decisions").glob("*.md"))
        return "\n".join(f"- [{_title(path)}](decisions/{path.name})" for path in dated)
    found = {name: _first_line(plugins.module(kind, name).__doc__ or "") for name in plugins.names(kind)}
    return _rows(
        ("`type:`", "what it is"), ((f"[{name}]({kind}/{name}.md)", text) for name, text in found.items())
    )


def _layout(_: str) -> str:
    """The package's files and folders, each with the first line of its text; then what lies beside it."""
    package = FOLDER.parent
    rows = [
        (f"`src/streamgauge/{path.name}{'/' if path.is_dir() else ''}`", _plain(first_line(text)))
        for path in sorted(package.iterdir(), key=lambda path: (path.is_file(), path.name))
        if (text := path / "__init__.py" if path.is_dir() else path).suffix == ".py" and text.exists()
        if not path.name.startswith("_")
    ]
    beside = [
        (
            "`tests/`",
            "as the package, folder by folder; `tests/services` brings real servers, `tests/docs` runs the docs",
        ),
        ("`docs/`, `examples/`, `changes/`", "what people read; all of it is tested"),
        ("`benchmarks/`", "speed, memory, delay, beside others on the same broker"),
        ("`connect/`", "the sinks for Kafka Connect, in Java; `make test-connect` builds and tests them"),
        ("`scripts/`", "what the Makefile calls"),
    ]
    return _rows(("where", "what"), [*rows, *beside])


def _engine(about: str) -> str:
    refused = {"refusals": REFUSALS, "native_refusals": NATIVE_REFUSALS}
    if about in refused:
        return _rows(("it", "why"), [(refusal.what, refusal.why) for refusal in refused[about]])
    return _rows(
        ("whose", "what"), {"differences": DIFFERENCES, "native_differences": NATIVE_DIFFERENCES}[about]
    )


def _compose(about: str) -> str:
    if about == "ports":
        return _rows(("what", "profile", "here", "from containers", "moved by"), ports.rows())
    return _rows(("profile", "starts"), ports.profile_rows())


_MAKERS: Mapping[str, Callable[[str], str]] = {
    "keys": _keys,
    "windows": _windows,
    "detector": _detector,
    "lesson": _lesson,
    "picture": _picture,
    "standing": standing.word,
    "trials": standing.trials,
    "list": _list,
    "layout": _layout,
    "reference": lambda _: reference.page(_table),
    "engine": _engine,
    "compose": _compose,
}


def _verb_files() -> list[Path]:
    return [path for path in sorted(FOLDER.glob("*.py")) if not path.stem.startswith("_")]


def _table(shape: Mapping[str, Any]) -> str:
    required = set(shape.get("required", ()))
    rows = [
        (f"`{key}`", _kind(key, value), _default(key, value, required), _meaning(value))
        for key, value in shape["properties"].items()
        if key != "type" or "const" not in value
    ]
    return _rows(("key", "what may stand there", "default", "meaning"), rows)


def _kind(key: str, value: Mapping[str, Any]) -> str:
    options = [option for option in value.get("anyOf", [value]) if option.get("type") != "null"]
    plain = any(
        "string" in str(option.get("items")) for option in options
    )  # a route's `channels`: names of them
    if (
        key in _SEE and not plain and not (key == "dead_letters" and "integer" in str(value))
    ):  # the store's is a number
        return _SEE[key]
    words = [_one_kind(option) for option in options if "$ref" not in option]
    return " or ".join(dict.fromkeys(words))


def _one_kind(value: Mapping[str, Any]) -> str:
    if "anyOf" in value:
        return _kind("", value)
    if "enum" in value:
        return ", ".join(f"`{word}`" for word in value["enum"])
    if value.get("type") == "array":
        return "list of names"
    if value.get("type") == "object":
        return "a mapping"
    if value.get("type") in ("integer", "number"):
        return "whole number" if value["type"] == "integer" else "number"
    if value.get("type") == "boolean":
        return "`true`, `false`"
    return "duration" if _DURATION in value.get("pattern", "") else "text"


def _default(key: str, value: Mapping[str, Any], required: Iterable[str]) -> str:
    if key in required:
        return "required"
    default = value.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict):
        return ""
    shown = ", ".join(default) if isinstance(default, list) else default
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


def _meaning(value: Mapping[str, Any]) -> str:
    return re.sub(r"(?<!`)(__\w+__)", r"`\1`", value.get("description", ""))


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _title(path: Path) -> str:
    return path.read_text("utf-8").partition("\n")[0].removeprefix("# ")


def _first_line(docstring: str) -> str:
    return _plain(docstring.partition("\n")[0].rstrip("."))


def _plain(docstring: str) -> str:
    """Markdown of a docstring's line."""
    return re.sub(r":\w+:(?=`)", "", docstring.replace("``", "`"))


def main() -> None:
    """Write all tables and pictures anew."""
    for path in pictures.write():
        print(f"drawn: {path.relative_to(ROOT)}")  # noqa: T201  make docs tells what it did
    for page in pages():
        text = filled(page)
        if text != page.read_text("utf-8"):
            page.write_text(text, "utf-8")
            print(f"written: {page.relative_to(ROOT)}")  # noqa: T201  make docs tells what it did


if __name__ == "__main__":
    main()
