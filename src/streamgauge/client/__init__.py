"""Tell a running Streamgauge what was found elsewhere: from Spark's ``foreachBatch``, an Airflow task, a script.

``push_metrics`` sets the gauges of a model, ``push_records`` posts records to a stream that reads by HTTP. Both try again
while the server is away or asks for patience. With a ``queue`` (a file) everything is written there first and removed
once the server has it: nothing is lost to a kill or a server that is away for the night, and what waits goes first with
the next call, also of another process. ``push_waiting`` sends what waits and brings nothing new.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final
from urllib.parse import quote

from streamgauge.client.telling import TRIES, Door, NotTakenError, Request
from streamgauge.errors import ConfigError, OutsideError

__all__ = ["push_metrics", "push_records", "push_waiting"]

LONGEST_KEY: Final = 200
"""Characters of a caller's key; the number of a part comes behind it."""

MOST_BYTES: Final = 1_000_000
"""Of one request; the server's ``max_bytes`` is 1 MiB where the stream says nothing else."""

File = str | os.PathLike[str]


def push_metrics(
    url: str,
    *,
    precision: float | None = None,
    recall: float | None = None,
    accuracy: float | None = None,
    drift_score: float | None = None,
    key: str | None = None,
    token: str | None = None,
    queue: File | None = None,
    tries: int = TRIES,
    timeout: float = 10.0,
    wait: Callable[[float], None] = time.sleep,
) -> bool:
    """Set the gauges ``fraud_model_*`` of the server at ``url``; any subset.

    Args:
        url: of the server, such as ``http://127.0.0.1:8000``.
        precision: 0 to 1.
        recall: 0 to 1.
        accuracy: 0 to 1.
        drift_score: from 0 on.
        key: names what is told, such as ``quality-17`` for batch 17: told again under it, the ``queue`` drops it.
        token: one for ``ingest``, where the server asks for one.
        queue: a file for what cannot be told now. Without it, what is not told in ``tries`` is lost.
        tries: of each request.
        timeout: seconds per try.
        wait: how to wait between tries.

    Returns:
        Whether all is told, what waited before included. False: it waits in the ``queue``.

    Raises:
        ConfigError: the server will never take it (a wrong value, a wrong token), and says why.
        OutsideError: it could not be told, and there is no ``queue``; or the ``queue`` cannot be written.
    """
    given = {"precision": precision, "recall": recall, "accuracy": accuracy, "drift_score": drift_score}
    body = json.dumps({name: value for name, value in given.items() if value is not None}).encode()
    name, place = _checked(key), _place(url, None)
    request = Request(place, name, name, "application/json", body)
    return _push(place, [request], queue, Door(token, tries, timeout, wait))


def push_records(
    url: str,
    stream: str,
    records: Iterable[Mapping[str, Any]],
    *,
    key: str | None = None,
    token: str | None = None,
    queue: File | None = None,
    max_bytes: int = MOST_BYTES,
    tries: int = TRIES,
    timeout: float = 10.0,
    wait: Callable[[float], None] = time.sleep,
) -> bool:
    """Post records to a stream that reads by HTTP; each counts once however often a request was repeated.

    Args:
        url: of the server, such as ``http://127.0.0.1:8000``.
        stream: its name, with ``source: {type: http}``.
        records: mappings, or rows of Spark; moments become ISO 8601.
        key: names these records, such as ``quality-17`` for batch 17. Given again under it, they count once: with a
            ``queue`` for a week, whatever they hold then; without one for the stream's ``remember``, if they are the
            same in the same order.
        token: of the stream, where it asks for one.
        queue: a file for what cannot be posted now.
        max_bytes: the largest request; more records go in several.
        tries: of each request.
        timeout: seconds per try.
        wait: how to wait between tries.

    Returns:
        Whether all is posted, what waited before included. False: it waits in the ``queue``.

    Raises:
        ConfigError: the server will never take it (no such stream, a wrong token, a record too large), and says why.
        OutsideError: it could not be posted, and there is no ``queue``; or the ``queue`` cannot be written.
    """
    name, place = _checked(key), _place(url, stream)
    requests = [
        Request(place, name, f"{name}:{number}", "application/x-ndjson", body)
        for number, body in enumerate(_bodies(records, max_bytes))
    ]
    return _push(place, requests, queue, Door(token, tries, timeout, wait))


def push_waiting(
    url: str,
    stream: str | None = None,
    *,
    queue: File,
    token: str | None = None,
    tries: int = TRIES,
    timeout: float = 10.0,
    wait: Callable[[float], None] = time.sleep,
) -> bool:
    """Send what waits for a stream, or without one what ``push_metrics`` left; whether nothing waits any more.

    For the end of a job, or one that runs by itself. The arguments are those of :func:`push_records`.

    Raises:
        ConfigError: the server will never take something of it, and says why.
        OutsideError: the ``queue`` cannot be read.
    """
    return _push(_place(url, stream), [], queue, Door(token, tries, timeout, wait))


def _place(url: str, stream: str | None) -> str:
    end = "update_metrics" if stream is None else f"api/v1/streams/{quote(stream, safe='')}/events"
    return f"{url.rstrip('/')}/{end}"


def _push(place: str, requests: Sequence[Request], queue: File | None, door: Door) -> bool:
    if queue is None:
        return _directly(requests, door)
    from streamgauge.client.queue import Queue

    with closing(Queue(queue)) as waiting:
        waiting.put(requests)
        with waiting.alone():
            return waiting.send(place, door)


def _directly(requests: Sequence[Request], door: Door) -> bool:
    for request in requests:
        try:
            problem = door.tell(request)
        except NotTakenError as error:
            raise ConfigError(str(error)) from None
        if problem is not None:
            raise OutsideError(f"{request.url}: {problem}; with `queue=` it would be kept")
    return True


def _checked(key: str | None) -> str:
    if key is None:
        return uuid.uuid4().hex
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise ConfigError(
            f"key: {key[:40]!r} will not do; give 1 to {LONGEST_KEY} printable ASCII characters"
        )
    return key


def _bodies(records: Iterable[Mapping[str, Any]], most: int) -> Iterator[bytes]:
    """One record per line, as many as fit into a request."""
    import msgspec

    encode = msgspec.json.Encoder(enc_hook=_plain).encode
    lines: list[bytes] = []
    size = 0
    for number, record in enumerate(records):
        line = encode(record.asDict(recursive=True) if hasattr(record, "asDict") else record)
        if len(line) >= most:
            raise ConfigError(f"record {number} takes {len(line):,} bytes; a request holds {most:,}")
        if lines and size + len(line) + 1 > most:
            yield b"\n".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield b"\n".join(lines)


def _plain(value: Any) -> Any:
    """Numbers of NumPy as numbers."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
