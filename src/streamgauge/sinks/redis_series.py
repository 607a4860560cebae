"""Series in Redis: numbers by millisecond, one series per column and key, in TimeSeries or in sorted sets.

Both kinds offer the same: samples are put (a repeat changes nothing, a revision overwrites), removed, counted, read a
page at a time, and removed where they are still exactly what was read. Which series a sink has made, and of which column
and key each is, stands in one hash, so that whoever reads them later need not take names apart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from streamgauge.sinks.redis_link import Client, has_module

Samples = dict[tuple[str, int], float | None]
"""By series and millisecond; None removes."""

Page = list[tuple[int, str]]
"""Milliseconds and values as Redis writes them, in the order of time."""

# What a page holds as one text: what is read here and what the script finds there are compared by its hash.
_SAME_TS: Final = """
local found = redis.call('TS.RANGE', KEYS[1], ARGV[1], ARGV[2])
local parts = {}
for i, one in ipairs(found) do
  local value = one[2]
  if type(value) == 'table' then value = value['ok'] or value['double'] end
  parts[i] = string.format('%d %s', one[1], value)
end
if redis.sha1hex(table.concat(parts, '\\n')) ~= ARGV[3] then return -1 end
return redis.call('TS.DEL', KEYS[1], ARGV[1], ARGV[2])
"""
_SAME_SET: Final = """
local found = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2])
if redis.sha1hex(table.concat(found, '\\n')) ~= ARGV[3] then return -1 end
return redis.call('ZREMRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2])
"""
OWNERS: Final = "streamgauge:owners"
"""The hash of all series of this Redis, each with the sink that made it: two that share one would spoil both."""

_NONE = "not a TSDB key"
_ALL = 2**52
"""A bucket of milliseconds that holds every moment."""


@dataclass(frozen=True, slots=True)
class Made:
    """A series that is to be there.

    Attributes:
        column, key: what it is of.
        labels: by which others find it.
    """

    column: str
    key: str
    labels: Mapping[str, str]


class Series(Protocol):
    """What both kinds offer; all raise ``redis.RedisError`` where the server does."""

    def make(self, series: Mapping[str, Made]) -> dict[str, str]:
        """Have them there, with labels and retention as declared; what they hold stays. By name why one cannot be."""
        ...

    def put(self, samples: Samples) -> dict[tuple[str, int], str]:
        """Write and remove; by sample why it was not taken."""
        ...

    def count(self, names: Sequence[str], until: int) -> list[int]:
        """How many samples each has before a millisecond."""
        ...

    def pages(self, names: Sequence[str], until: int, length: int) -> list[Page]:
        """The oldest samples of each before a millisecond, so many at most."""
        ...

    def remove(self, pages: Mapping[str, Page]) -> list[str]:
        """Remove what was read; the names of those that hold something else by now, which are left alone."""
        ...


class Book:
    """Which series a sink has: a hash ``streamgauge:NAME``; and in ``streamgauge:owners`` whose each is."""

    def __init__(self, client: Client, sink: str) -> None:
        self._client = client
        self._sink = sink
        self._name = f"streamgauge:{sink}"

    def note(self, series: Mapping[str, Made]) -> dict[str, str]:
        """Write down what is made, before it is; by name whose they are that another sink has made."""
        pipe = self._client.pipeline(transaction=False)
        for name in series:
            pipe.hsetnx(OWNERS, name, self._sink)
        pipe.hmget(OWNERS, list(series))
        owners: dict[str, str] = dict(zip(series, pipe.execute()[-1], strict=True))
        entries = {
            name: json.dumps([made.column, made.key])
            for name, made in series.items()
            if owners[name] == self._sink
        }
        if entries:
            self._client.hset(self._name, mapping=entries)
        return {name: owner for name, owner in owners.items() if owner != self._sink}

    def all(self) -> dict[str, tuple[str, str]]:
        """Column and key by the series' name."""
        found: dict[str, str] = self._client.hgetall(self._name)
        return {name: (entry[0], entry[1]) for name, entry in ((n, json.loads(e)) for n, e in found.items())}


def series_in(client: Client, retention: int, *, plain: bool) -> Series | None:
    """TimeSeries where the server has it, else sorted sets where ``plain`` allows it, else None.

    Args:
        client: the server.
        retention: milliseconds; 0 keeps everything.
        plain: whether sorted sets will do.
    """
    if has_module(client):
        return TimeSeries(client, retention)
    return SortedSets(client, retention) if plain else None


class TimeSeries:
    """Series of the module: a repeat of a moment overwrites (``DUPLICATE_POLICY LAST``)."""

    def __init__(self, client: Client, retention: int) -> None:
        self._client = client
        self._retention = retention
        self._same = client.register_script(_SAME_TS)

    def make(self, series: Mapping[str, Made]) -> dict[str, str]:
        """Those that are there get the declared labels and retention."""
        options = {
            name: ["RETENTION", self._retention, "DUPLICATE_POLICY", "LAST", "LABELS", *_pairs(made.labels)]
            for name, made in series.items()
        }
        pipe = self._client.pipeline(transaction=False)
        for name, words in options.items():
            pipe.execute_command("TS.CREATE", name, *words)
        there = [
            name
            for name, answer in zip(options, pipe.execute(raise_on_error=False), strict=True)
            if _refused(answer, unless="already exists")
        ]
        for name in there:
            pipe.execute_command("TS.ALTER", name, *options[name])
        altered = zip(there, pipe.execute(raise_on_error=False), strict=True)
        return {
            name: "a key of another kind has this name; remove it, or change `series`"
            for name, answer in altered
            if _refused(answer, unless="not a TSDB key", also="WRONGTYPE")
        }

    def put(self, samples: Samples) -> dict[tuple[str, int], str]:
        """All that is to be written in one command."""
        words: list[str | int | float] = []
        pipe = self._client.pipeline(transaction=False)
        for (name, at), value in samples.items():
            if value is None:
                pipe.execute_command("TS.DEL", name, at, at)
            else:
                words += [name, at, repr(value)]
        for answer in pipe.execute(raise_on_error=False):
            _refused(answer, unless=_NONE)
        if not words:
            return {}
        answers = self._client.execute_command("TS.MADD", *words)
        written = [place for place, value in samples.items() if value is not None]
        return {
            place: str(answer)
            for place, answer in zip(written, answers, strict=True)
            if isinstance(answer, Exception)
        }

    def count(self, names: Sequence[str], until: int) -> list[int]:
        """By the server."""
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.execute_command("TS.RANGE", name, 0, max(0, until - 1), "AGGREGATION", "count", _ALL)
        answers = pipe.execute(raise_on_error=False)
        return [
            0 if _refused(answer, unless=_NONE) else sum(int(float(value)) for _, value in answer)
            for answer in answers
        ]

    def pages(self, names: Sequence[str], until: int, length: int) -> list[Page]:
        """A series that is gone is an empty one."""
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.execute_command("TS.RANGE", name, 0, max(0, until - 1), "COUNT", length)
        answers = pipe.execute(raise_on_error=False)
        return [[] if _refused(answer, unless=_NONE) else answer for answer in answers]

    def remove(self, pages: Mapping[str, Page]) -> list[str]:
        """Looked at and removed in one step of the server."""
        texts = {name: "\n".join([f"{at} {value}" for at, value in page]) for name, page in pages.items()}
        return _removed(self._client, self._same, pages, texts)


class SortedSets:
    """Series as sorted sets: the score is the moment, the member ``MILLISECOND VALUE``; labels in a hash beside."""

    def __init__(self, client: Client, retention: int) -> None:
        self._client = client
        self._retention = retention
        self._same = client.register_script(_SAME_SET)

    def make(self, series: Mapping[str, Made]) -> dict[str, str]:
        """A sorted set is there with its first member; its labels lie in ``streamgauge:labels``."""
        labels = {name: json.dumps(dict(made.labels)) for name, made in series.items()}
        self._client.hset("streamgauge:labels", mapping=labels)
        return {}

    def put(self, samples: Samples) -> dict[tuple[str, int], str]:
        """What was at a moment goes, and the new value comes, together."""
        pipe = self._client.pipeline(transaction=True)
        newest: dict[str, int] = {}
        for (name, at), value in samples.items():
            pipe.zremrangebyscore(name, at, at)
            if value is not None:
                pipe.zadd(name, {f"{at} {value!r}": at})
                newest[name] = max(at, newest.get(name, at))
        for name, at in newest.items():
            if self._retention:
                pipe.zremrangebyscore(name, "-inf", at - self._retention - 1)
        pipe.execute()
        return {}

    def count(self, names: Sequence[str], until: int) -> list[int]:
        """By the server."""
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.zcount(name, "-inf", until - 1)
        return list(pipe.execute())

    def pages(self, names: Sequence[str], until: int, length: int) -> list[Page]:
        """By score."""
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.zrangebyscore(name, "-inf", until - 1, start=0, num=length)
        return [[_sample(member) for member in found] for found in pipe.execute()]

    def remove(self, pages: Mapping[str, Page]) -> list[str]:
        """Looked at and removed in one step of the server."""
        texts = {name: "\n".join([f"{at} {value}" for at, value in page]) for name, page in pages.items()}
        return _removed(self._client, self._same, pages, texts)


def _removed(client: Client, script: Any, pages: Mapping[str, Page], texts: Mapping[str, str]) -> list[str]:
    """The names of those that hold something else than what was read."""
    from redis.exceptions import NoScriptError

    def all_at_once() -> list[int]:
        pipe = client.pipeline(transaction=False)
        for name, page in pages.items():
            digest = hashlib.sha1(texts[name].encode(), usedforsecurity=False).hexdigest()
            pipe.evalsha(script.sha, 1, name, page[0][0], page[-1][0], digest)
        return list(pipe.execute())

    try:
        answers = all_at_once()
    except NoScriptError:  # the server was restarted, or is new
        client.script_load(script.script)
        answers = all_at_once()
    return [name for (name, page), answer in zip(pages.items(), answers, strict=True) if answer != len(page)]


def _refused(answer: Any, *, unless: str, also: str = "does not exist") -> bool:
    """Whether an answer is an error that is expected; raises another."""
    if isinstance(answer, Exception):
        if unless not in str(answer) and also not in str(answer):
            raise answer
        return True
    return False


def _pairs(labels: Mapping[str, str]) -> list[str]:
    return [word for pair in labels.items() for word in pair]


def _sample(member: str) -> tuple[int, str]:
    at, _, value = member.partition(" ")
    return int(at), value
