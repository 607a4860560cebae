"""Look at a topic or a file and write a configuration with rules that fit it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from streamgauge.profiling.declaring import Declared
    from streamgauge.profiling.guess import Wishes
    from streamgauge.profiling.proposals import Findings
    from streamgauge.profiling.sample import Sample

RECORDS = 50_000


def command(  # noqa: PLR0917  typer's options are its parameters
    path: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Records: NDJSON, CSV, Parquet or Avro.", show_default=False),
    ] = None,
    topic: Annotated[str | None, typer.Option(help="A Kafka topic instead.", show_default=False)] = None,
    brokers: Annotated[
        str | None, typer.Option(help="Its brokers, such as localhost:9092.", show_default=False)
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A librdkafka setting; may be repeated. A secret stands as ${NAME} in the file.",
            show_default=False,
        ),
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The schema registry of a topic with Avro.", show_default=False),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The stream's name.", show_default=False)] = None,
    time: Annotated[
        str | None, typer.Option(metavar="FIELD", help="The field with the event time.", show_default=False)
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="The field that names whose record it is.", show_default=False),
    ] = None,
    lateness: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How much out of order they may come.", show_default=False),
    ] = None,
    records: Annotated[int, typer.Option(min=10, help="How many records to look at.")] = RECORDS,
    out: Annotated[Path, typer.Option(metavar="FILE", help="What to write.")] = Path("streamgauge.yaml"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON; asks nothing.")] = False,
) -> None:
    """Look at a topic or a file and write a configuration with rules that fit it.

    Guesses fields, event time, key and lateness, proposes rules, and tries them over the records it looked at.
    Nothing is written but the file. On a terminal it asks for what it is unsure of.

    Example: streamgauge init payments.ndjson --yes
    """
    from streamgauge.clock import SystemClock
    from streamgauge.errors import ConfigError
    from streamgauge.profiling import guess

    if out.exists() and not force:
        raise ConfigError(f"{out} is there already; name another file with --out, or replace it with --force")
    source, environ = _source(path or [], topic, brokers, setting or [])
    clock = SystemClock()
    looked_at = _sample(name or _named(path or [], topic), source, environ, (records, registry))
    wishes = _wishes(time, key, lateness)
    found = guess.findings(looked_at, wishes, clock)
    asking = not yes and not json and sys.stdin.isatty() and sys.stdout.isatty()
    if asking:
        found = guess.findings(looked_at, _asked(found, wishes), clock)
    declared = guess.declare(_seen_from(out.parent, source), found, environ, clock)
    _write(out, declared, environ)
    _told(out, declared, sorted(set(environ) - set(os.environ)), json=json)


def _source(
    paths: list[str], topic: str | None, brokers: str | None, settings: list[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The source as it will stand in the file, and the values of the references in it."""
    from streamgauge.errors import ConfigError

    if (topic is None) == (not paths):
        raise ConfigError("what shall be looked at? Name a file, or --topic and --brokers")
    if topic is None:
        return {"type": "files", "path": paths[0] if len(paths) == 1 else paths}, dict(os.environ)
    if brokers is None:
        raise ConfigError(f"where is topic {topic}? Add --brokers, such as --brokers localhost:9092")
    kept, environ = _settings(settings)
    source: dict[str, Any] = {"type": "kafka", "brokers": brokers, "topic": topic, "start": "latest"}
    return {**source, **({"settings": kept} if kept else {})}, environ


def _seen_from(folder: Path, source: dict[str, Any]) -> dict[str, Any]:
    """The source with its files named as a configuration in ``folder`` names them."""
    if source["type"] != "files" or folder == Path():
        return source
    paths = [path if Path(path).is_absolute() else os.path.relpath(path, folder) for path in _paths(source)]
    return {**source, "path": paths[0] if len(paths) == 1 else paths}


def _paths(source: Mapping[str, Any]) -> list[str]:
    return [source["path"]] if isinstance(source["path"], str) else list(source["path"])


def _settings(given: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Secrets become references: in the file stands ``${KAFKA_SASL_PASSWORD}``, never the value."""
    from streamgauge.sources.kafka.client_settings import is_secret

    kept, environ = {}, dict(os.environ)
    for text in given:
        setting, separator, value = text.partition("=")
        if not separator or not setting:
            raise typer.BadParameter(f"{setting!r}: write KEY=VALUE, such as security.protocol=SASL_SSL")
        if is_secret(setting) and setting != "sasl.username" and not value.startswith("${"):
            variable = "KAFKA_" + re.sub(r"\W+", "_", setting).upper()
            environ[variable] = value
            value = "${" + variable + "}"
        kept[setting] = value
    return kept, environ


def _named(paths: list[str], topic: str | None) -> str:
    """A name for the stream: the topic's, or the file's without its extensions."""
    given = topic or Path(paths[0]).name.split(".")[0]
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", given).strip("-") or "stream"
    return plain if re.match(r"[A-Za-z_]", plain) else f"stream-{plain}"


def _sample(
    name: str, source: Mapping[str, Any], environ: dict[str, str], wanted: tuple[int, str | None]
) -> Sample:
    """``wanted``: how many records, and the registry of a topic with Avro."""
    from dataclasses import replace

    from streamgauge.clock import SystemClock
    from streamgauge.config import load
    from streamgauge.profiling import sample
    from streamgauge.sources.kafka import Config

    records, registry = wanted
    written = None if registry is None else _address(registry, environ)
    form = "json" if written is None else {"type": "avro", "registry": {"url": written, "wait": "5s"}}
    stream = {"source": source, "format": form, "fields": {"any": "string"}}
    opened: Any = load({"streams": {name: stream}}, environ=environ).streams[name]
    if isinstance(opened.source, Config):
        asked = getattr(opened.format, "registry", None)
        found = sample.of_topic(name, opened.source, records, SystemClock(), asked)
        return replace(found, registry=written)
    return sample.of_files(name, list(opened.source.path), records, SystemClock())


def _address(registry: str, environ: dict[str, str]) -> str:
    """The registry's address as it will stand in the file: one that holds a password becomes a reference."""
    if "@" not in registry or registry.startswith("${"):
        return registry
    environ["REGISTRY_URL"] = registry
    return "${REGISTRY_URL}"


def _wishes(time: str | None, key: str | None, lateness: str | None) -> Wishes:
    from streamgauge.clock import parse_duration
    from streamgauge.profiling.guess import Wishes

    try:
        return Wishes(time, key, None if lateness is None else parse_duration(lateness))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--lateness") from None


def _asked(found: Findings, wishes: Wishes) -> Wishes:
    """What a person says to the guesses; a line feed takes the guess."""
    from streamgauge.clock import format_duration

    print(f"{found.sample.records:,} records looked at. A line feed takes what stands in brackets.")
    time = wishes.time or (found.timing.field.name if found.timing.field else None)
    if wishes.time is None and found.timing.others:
        time = typer.prompt("Which field is the event time", default=time)
    key = wishes.key or (found.keys.field.name if found.keys.field else None)
    if wishes.key is None:
        key = typer.prompt("Which field names whose record it is (- for none)", default=key or "-")
    lateness = format_duration(found.timing.lateness)
    if wishes.lateness is None:
        lateness = typer.prompt("How much out of order may records come", default=lateness)
    return _wishes(time, None if key == "-" else key, lateness)


def _write(out: Path, declared: Declared, environ: Mapping[str, str]) -> None:
    """Write the file, once it is known to be right."""
    from streamgauge.config import load
    from streamgauge.errors import OutsideError
    from streamgauge.profiling import declaring

    text = declaring.text(declared)
    load(text, environ=environ)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutsideError(f"cannot write {out}: {error.strerror}") from error


def _print_json(out: Path, declared: Declared) -> None:
    import json

    from streamgauge.clock import format_duration
    from streamgauge.profiling import declaring

    found = declared.findings
    monitors = {one.name: {**one.monitor, "expected": one.incidents} for one in declared.proposals}
    said = {
        "file": str(out),
        "records": found.sample.records,
        "unreadable": found.sample.unreadable,
        "stream": {found.sample.name: declaring.stream(declared.source, found)},
        "left_out": found.fields.left_out,
        "lateness": format_duration(found.timing.lateness),
        "monitors": monitors,
    }
    print(json.dumps(said, ensure_ascii=False))


def _told(out: Path, declared: Declared, unset: list[str], *, json: bool) -> None:
    if json:
        _print_json(out, declared)
    else:
        _tell(out, declared, unset)


def _tell(out: Path, declared: Declared, unset: list[str]) -> None:
    """What was found, in a few lines, and what to run next."""
    from streamgauge.clock import format_duration

    found = declared.findings
    when = found.timing.field.name if found.timing.field else "the topic's own timestamp"
    whose = found.keys.field.name if found.keys.field else "none"
    print(
        f"{found.sample.records:,} records of {found.sample.name} looked at, {found.sample.unreadable:,} unreadable"
    )
    print(f"fields     {', '.join(one.name for one in found.fields.found)}")
    print(f"event time {when}, lateness {format_duration(found.timing.lateness)}; key: {whose}")
    masked = [one.name for one in found.fields.found if one.mask]
    if masked:
        print(f"masked     {', '.join(masked)}: never shown in notices")
    for one in declared.proposals:
        print(f"{one.name}: {one.monitor['description']} {one.words[-1]}")
    print(f"\nwritten: {out}. Next:")
    for line in _next(out, declared, unset):
        print(f"  {line}")


def _next(out: Path, declared: Declared, unset: list[str]) -> list[str]:
    from streamgauge.settings import FileName

    source = declared.source
    steps = [f"export {name}=…" for name in unset]
    if source["type"] == "files":
        folder = "" if out.parent == Path() else str(out.parent)
        paths = [os.path.normpath(FileName(path, folder)) for path in _paths(source)]
        given = " ".join(f"--stream {declared.findings.sample.name}={path}" for path in paths)
        return [
            *steps,
            f"streamgauge check {out}",
            f"streamgauge replay {out} {given}",
            f"streamgauge run {out}",
        ]
    return [*steps, f"streamgauge doctor {out}", f"streamgauge run {out} --dry-run", f"streamgauge run {out}"]
