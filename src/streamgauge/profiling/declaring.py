"""A stream's declaration from what was found: as plain data, and as lines of YAML with comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from streamgauge.clock import format_duration, iso
from streamgauge.profiling.fields import Field
from streamgauge.profiling.proposals import Findings, Proposal

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Declared:
    """What is written.

    Attributes:
        source: the source as plain data; references such as ``${KAFKA_PASSWORD}`` stay references.
        findings: what was found in the sample.
        proposals: the rules.
    """

    source: Mapping[str, Any]
    findings: Findings
    proposals: tuple[Proposal, ...] = ()


def stream(source: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The stream as plain data."""
    return {key: value for key, value, _ in _entries(source, findings)}


def text(declared: Declared) -> str:
    """The whole file."""
    lines = [*_head(declared), "streams:", f"  {declared.findings.sample.name}:"]
    for key, value, comment in _entries(declared.source, declared.findings):
        if key == "fields":
            lines += ["    fields:", *_fields(declared.findings)]
        else:
            lines.append(_commented(f"    {key}: {_flow(value)}", comment))
    lines += ["", "monitors:"]
    for proposal in declared.proposals:
        lines += _monitor(proposal)
    lines += ["", "store: sqlite:///streamgauge.db", ""]
    return "\n".join(lines)


def _head(declared: Declared) -> Iterator[str]:
    sample, found = declared.findings.sample, declared.findings.timing
    which = "newest" if sample.of_topic else "first" if sample.partial else ""
    yield f"# Guessed by `streamgauge init` from {'the ' + which if which else 'all'} {sample.records:,} records,"
    yield f"# {iso(found.first)} to {iso(found.last)}. Limits stand above what these hold; correct what you know better."
    if sample.unreadable:
        yield f"# {sample.unreadable:,} of them cannot be read."


def _entries(source: Mapping[str, Any], findings: Findings) -> Iterator[tuple[str, Any, str]]:
    """Keys of the stream in order, with a comment each."""
    found, keys = findings.timing, findings.keys
    yield "source", dict(source), ""
    yield "format", _format(findings), _texts(findings)
    yield "fields", {one.name: _field(one) for one in findings.fields.found}, ""
    if keys.field is not None:
        yield "key", keys.field.name, keys.why
        if keys.placed:
            yield "partitioned_by", keys.field.name, "each was seen on one partition only"
    if found.field is not None:
        others = f"; {', '.join(found.others)} could be it too" if found.others else ""
        yield "time", found.field.name, f"event time{others}"
    yield "lateness", format_duration(found.lateness), _disorder(findings)


def _disorder(findings: Findings) -> str:
    found = findings.timing
    if not found.disorder:
        return "all came in order"
    late = f"; {found.beyond:,} came later than this" if found.beyond else ""
    return f"records came up to {found.disorder / 1e6:,.3g} s out of order{late}"


def _format(findings: Findings) -> Any:
    if findings.sample.registry is not None:
        return {"type": "avro", "registry": findings.sample.registry}
    if findings.fields.texts_for_numbers:
        return {"type": findings.sample.format, "numbers_as_strings": True}
    return findings.sample.format


def _texts(findings: Findings) -> str:
    return "numbers are written as texts" if findings.fields.texts_for_numbers else ""


def _field(one: Field) -> Any:
    """A type alone, or a mapping where more is to be said."""
    more: dict[str, Any] = {}
    if one.path is not None:
        more["path"] = one.path
    if one.unit is not None:
        more["unit"] = one.unit
    if one.min is not None:
        more["min"] = int(one.min)
    if one.mask:
        more["mask"] = True
    return {"type": one.type, **more} if more else one.type


def _fields(findings: Findings) -> Iterator[str]:
    for one in findings.fields.found:
        yield _commented(f"      {_flow(one.name)}: {_flow(_field(one))}", "; ".join(one.notes))
    for path, why in findings.fields.left_out.items():
        yield f"      # left out: {_plain(path)} ({why})"


def _monitor(proposal: Proposal) -> Iterator[str]:
    yield f"  {proposal.name}:"
    for words in proposal.words:
        yield f"    # {words}"
    for key, value in proposal.monitor.items():
        line = f"    {key}: {_flow(value)}"
        if len(line) > _WIDTH and isinstance(value, Mapping):
            yield f"    {key}:"
            yield from (f"      {inner}: {_flow(held)}" for inner, held in value.items())
        else:
            yield line


def _flow(value: Any) -> str:
    """YAML on one line."""
    import yaml

    written = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return written.removesuffix("\n").removesuffix("\n...").strip()


def _commented(line: str, comment: str) -> str:
    return f"{line}   # {comment}" if comment else line


def _plain(text_: str) -> str:
    """One line for a comment, whatever strangers called their fields."""
    return "".join(one if one.isprintable() else "?" for one in text_)[:80]
