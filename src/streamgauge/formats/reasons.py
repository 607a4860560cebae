"""The sentences of the dead-letter: what came, what was expected, never longer than a line.

Values are shown bounded and with control characters escaped, so a reason is safe in a log, a terminal and a
table.
"""

from __future__ import annotations

from streamgauge.batch import BadRecord, Partition

SHOWN = 60
"""Characters of a value that a reason shows."""

REASON = 300
"""Characters of a whole reason."""

PAYLOAD = 64 * 1024
"""Bytes of a bad record that the dead-letter keeps."""


def shown(value: object) -> str:
    r"""A value as it reads in a sentence.

    >>> shown("a\nb"), shown(5), shown(None), shown({"a": 1}), shown(True)
    ('the text "a\\nb"', 'the number 5', 'null', 'an object', 'true')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {_number(value)}"
    if isinstance(value, str):
        return f'the text "{clean(value, SHOWN)}"'
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"


def _number(value: float) -> str:
    if isinstance(value, int) and value.bit_length() > 128:
        return f"of about {int(value.bit_length() * 0.30103)} digits"
    return str(value)


def clean(text: str, limit: int) -> str:
    """At most ``limit`` characters, unprintable ones escaped."""
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:limit])
    return escaped[:limit] + "…" if len(text) > limit or len(escaped) > limit else escaped


def bad_record(partition: Partition, offset: int, reason: str, payload: bytes | None, at: int) -> BadRecord:
    """A dead-letter with its reason bounded and its payload cut, saying so."""
    sentence = clean(reason, REASON)
    truncated = payload is not None and len(payload) > PAYLOAD
    if payload is not None and truncated:
        sentence += f" (kept: the first {PAYLOAD} of {len(payload)} bytes)"
        payload = payload[:PAYLOAD]
    return BadRecord(partition, int(offset), sentence, payload, int(at), truncated)
