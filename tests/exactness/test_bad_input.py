"""Bad input on a real Kafka: what is bad is kept with its reason, what is good counts, and nothing stops."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from streamgauge.formats.reasons import PAYLOAD
from streamgauge.testing import Reply, WebhookReceiver
from tests.exactness import watching
from tests.exactness.running import Run, looking, peek, read_so_far, until, write
from tests.exactness.stream import BASE
from tests.services.kafka import Broker, unique

pytestmark = pytest.mark.services

SIZE = 5
"""Seconds of a window."""
FIVE_MB = "x" * 5_000_000
KEYS = (2**53, 2**53 + 1, 2**63 - 2, 2**63 - 1, -(2**63), 7)
"""As floats the first two were one, and the next two another."""


def record(key: object, amount: str, at: float, more: str = "") -> bytes:
    """One record as raw JSON; ``at`` in seconds after the beginning."""
    return f'{{"id":{key},"amount":{amount},"at":{round((BASE + at) * 1000)}{more}}}'.encode()


def next_year(at: float) -> bytes:
    """A good record but for its moment."""
    ahead = datetime.now(UTC) + timedelta(days=365)
    return record(7, "1.0", ahead.timestamp() - BASE)


BAD: Mapping[str, tuple[Callable[[float], bytes | list[bytes] | None], str]] = {
    "5 MB cut short": (lambda at: record(7, "1.0", at, f',"x":"{FIVE_MB}'), "not JSON: Unterminated string"),
    "nested in a list": (lambda at: record(7, "1.0", at, ',"x":' + "[" * 50_000), "nested too deeply"),
    "nested and closed": (
        lambda at: record(7, "1.0", at, ',"x":' + "[" * 50_000 + "]" * 50_000),
        "nested too deeply",
    ),
    "nested in objects": (lambda _: b'{"at":' * 50_000, "nested too deeply"),
    "not UTF-8": (lambda _: b'{"id":7,"amount":1.0,"at":"\xff\xfe"}', "not UTF-8: byte 0xff at position 27"),
    "Infinity": (lambda at: record(7, "Infinity", at), "amount: the number is infinite or beyond 1.8e308"),
    "1e400": (lambda at: record(7, "1e400", at), "amount: the number is infinite or beyond 1.8e308"),
    "beyond int64": (
        lambda at: record(2**63, "1.0", at),
        f"id: expected an integer of 64 bits, got the number {2**63}",
    ),
    "far beyond": (lambda at: record("9" * 5_000, "1.0", at), "id: expected an integer"),
    "below its min": (lambda at: record(7, "-1", at), "amount: expected at least 0, got the number -1"),
    "twice, the last bad": (
        lambda at: record(7, "1.0", at, ',"amount":"much"'),
        'amount: expected a number, got the text "much"',
    ),
    "two halves": (lambda at: [record(7, "1.0", at)[:20], record(7, "1.0", at)[20:]], "not JSON"),
    "empty": (lambda _: b"", "an empty message; expected a JSON object"),
    "tombstone": (lambda _: None, "a message without a value (a tombstone)"),
    "no moment": (lambda _: b'{"id":7,"amount":1.0}', "at is missing"),
    "a year ahead": (next_year, "ahead of the wall clock; max_ahead allows 10m"),
}
"""What makes it (or several next to each other), from the moment it stands at; and what its reason must say."""

ODD: Mapping[str, tuple[Callable[[float], bytes], int, float | None]] = {
    "5 MB": (lambda at: record(7, "2.0", at, f',"x":"{FIVE_MB}"'), 7, 2.0),
    "NaN": (lambda at: record(7, "NaN", at), 7, None),
    "null": (lambda at: record(7, "null", at), 7, None),
    "deep, but not too deep": (lambda at: record(7, "2.0", at, ',"x":' + "[" * 100 + "]" * 100), 7, 2.0),
    "unused and huge": (lambda at: record(7, "2.0", at, ',"x":1e400,"y":Infinity'), 7, 2.0),
    "twice": (lambda at: record(7, '"bad"', at, ',"amount":3.0,"id":8'), 8, 3.0),
}
"""Looks bad and counts: what makes it, under which key, with which amount."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Good and bad records of one partition, and what they come to."""

    payloads: Sequence[bytes | None]
    reasons: Mapping[int, str]
    windows: Mapping[tuple[int, int], tuple[int, int, float | None]]
    """(key, start in seconds) → records, those with an amount, and their sum."""
    late: int


def mixture() -> Mixture:
    """Around each bad record stand good ones of the same windows."""
    payloads: list[bytes | None] = []
    reasons: dict[int, str] = {}
    held: dict[tuple[int, int], list[float | None]] = defaultdict(list)

    def good(payload: bytes, key: int, amount: float | None, at: float) -> None:
        payloads.append(payload)
        held[key, int(at // SIZE) * SIZE].append(amount)

    at = 100.0
    for name in [*BAD, *ODD, *BAD]:
        for key in KEYS:
            good(record(key, "1.5", at), key, 1.5, at)
        if name in BAD:
            make, reason = BAD[name]
            made = make(at)
            for payload in made if isinstance(made, list) else [made]:
                reasons[len(payloads)] = reason
                payloads.append(payload)
        else:
            well, key, amount = ODD[name]
            good(well(at), key, amount, at)
        good(record(7, "0.25", at - 1.5), 7, 0.25, at - 1.5)  # the clock jumps back within the lateness
        payloads.append(record(7, "1.0", 0.0))  # and far behind it
        at += 0.7
    late = sum(payload == record(7, "1.0", 0.0) for payload in payloads)
    windows = {where: _result(amounts) for where, amounts in held.items()}
    return Mixture([*payloads, record(7, "1.0", 3600.0)], reasons, windows, late)


def _result(amounts: Sequence[float | None]) -> tuple[int, int, float | None]:
    given = [amount for amount in amounts if amount is not None]
    return len(amounts), len(given), sum(given) if given else None


def stream(broker: Broker, topic: str, fields: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A stream of one partition with the moment in ``at``."""
    basis = watching.payments(broker, topic, settings=settings)
    return {**basis, "fields": {**fields, "at": "timestamp"}, "key": "id", "partitioned_by": "id"}


def threshold(name: str, size: float, compute: dict[str, str], when: str, **more: Any) -> dict[str, Any]:
    """A monitor over tumbling windows of ``size`` seconds; ``by`` is ``id`` unless told."""
    by = more.pop("by", "id")
    window = {"type": "tumbling", "size": f"{size}s", "by": by, "compute": compute}
    return {"stream": name, "window": window, "detect": {"type": "threshold", "when": when}, **more}


def rows(config: Path, monitor: str, before: int) -> dict[tuple[Any, int], tuple[Any, ...]]:
    """Closed windows that start less than ``before`` seconds after the beginning, each once."""
    with looking(config) as look:
        frame = look.history(monitor)
    values = [name for name in frame.columns if name not in ("key", "window_start", "window_end")]
    found: dict[tuple[Any, int], tuple[Any, ...]] = {}
    for key, start, *rest in frame.select("key", "window_start", *sorted(values)).rows():
        second = start // 1_000_000 - BASE
        if second < before:
            assert (json.loads(key), second) not in found, "a window is told once"
            found[json.loads(key), second] = tuple(rest)
    return found


def fill(broker: Broker, payloads: Sequence[bytes | None]) -> str:
    """A new topic of one partition that takes large records."""
    largest = 10_000_000
    topic = broker.create_topic(unique("bad"), 1, max_message_bytes=largest)
    producer = broker.new_producer({"message.max.bytes": largest})
    for payload in payloads:
        producer.produce(topic, payload, partition=0)
    assert producer.flush(60) == 0
    return topic


def test_bad_records_are_kept_with_their_reasons_and_all_others_count(kafka: Broker, tmp_path: Path):
    mixed = mixture()
    topic = fill(kafka, mixed.payloads)
    fields = {"id": "int", "amount": {"type": "float", "min": 0}}
    compute = {"a": "count(*)", "b": "count(amount)", "c": "sum(amount)"}
    letters = "streamgauge.dead_letters"
    with WebhookReceiver() as receiver:
        path = write(
            tmp_path,
            {
                "streams": {"payments": stream(kafka, topic, fields)},
                "monitors": {
                    "all": threshold("payments", SIZE, compute, "a > 100000"),
                    "bad": threshold(letters, 3600, {"n": "count(*)"}, "n > 30", by="stream", notify="ops"),
                },
                "channels": {"ops": {"type": "webhook", "url": receiver.url}},
            },
        )
        watching.finish(path, {"payments": watching.ends_of(kafka, topic, 1)})
        (told,) = [body for body in receiver.distinct.values() if body["monitor"] == "bad" and body["n"] == 1]
    assert told["observed"]["n"] == 31
    with looking(path) as look:
        kept = {letter.offset: letter for letter in look.dead_letters(limit=1000)}
        late = sum(each.count for each in look.late_counts(monitor="all"))
    assert kept.keys() == mixed.reasons.keys()
    for offset, words in mixed.reasons.items():
        reason, payload = kept[offset].reason, mixed.payloads[offset]
        assert words in reason
        assert reason.isprintable()
        assert kept[offset].payload == (payload if payload is None else payload[:PAYLOAD])
        assert kept[offset].truncated == (payload is not None and len(payload) > PAYLOAD)
    assert rows(path, "all", 3600) == mixed.windows
    assert late == mixed.late


def test_a_division_by_zero_is_no_data_and_no_more(kafka: Broker, tmp_path: Path):
    """Of two keys one never tries at all; the other fires, has a window without a try, then recovers."""
    tries = {
        "never": [(0, 0), (3, 0), (0, 0), (0, 0)],
        "often": [(3, 4), (3, 0), (0, 0), (1, 4)],
    }
    payloads = [
        json.dumps({"id": key, "refused": bad, "total": total, "at": (BASE + SIZE * n) * 1000}).encode()
        for n in range(4)
        for key, (bad, total) in zip(tries, (counts[n] for counts in tries.values()), strict=True)
    ]
    end = json.dumps({"id": "often", "refused": 0, "total": 1, "at": (BASE + 100) * 1000}).encode()
    topic = fill(kafka, [*payloads, end])
    sums = {"refused": "sum(refused)", "total": "sum(total)"}
    share = "refused / total > 0.5"
    with WebhookReceiver() as receiver:
        fields = {"id": "string", "refused": "int", "total": "int"}
        path = write(
            tmp_path,
            {
                "streams": {"orders": stream(kafka, topic, fields)},
                "monitors": {
                    "share": threshold("orders", SIZE, sums, share, notify="ops"),
                    "each": {
                        **threshold("orders", 60, {"n": "count(*)"}, "n >= 1", by="id", notify="ops"),
                        "where": "refused / total > 0.5 or refused % total > 0",
                    },
                },
                "channels": {"ops": {"type": "webhook", "url": receiver.url}},
            },
        )
        watching.finish(path, {"orders": watching.ends_of(kafka, topic, 1)})
        with looking(path) as look:
            incidents = {incident.monitor: incident for incident in look.incidents()}
            assert len(incidents) == len(look.incidents()) == 2, "the key that never tries opens none"
            assert look.dead_letters() == []
        fired = incidents["share"]
        assert (fired.key, fired.observed["refused"], fired.observed["total"]) == ("often", 3, 4)
        assert fired.window_start == BASE * 1_000_000
        assert str(fired.state) == "resolved"
        resolved = [body for body in receiver.notices if body["monitor"] == "share" and body["n"] == 2]
        assert fired.last_start == BASE * 1_000_000, "a window without a try is no firing one"
        assert fired.resolved_at == (BASE + SIZE * 4) * 1_000_000, "nor one that clears"
        assert len(resolved) == 1
        assert rows(path, "each", 60) == {("often", 0): (2,)}, (
            "3 of 4 and 1 of 4; nothing of nothing is no share"
        )


def refusals(secured: Broker, kafka: Broker) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """What is refused at the start: a name, the stream, and what the sentence must say."""
    fields = {"id": "string"}
    wrong = unique("no-such-topic")
    yield (
        "topic",
        stream(kafka, wrong, fields),
        [f"topic '{wrong}' does not exist", kafka.bootstrap, "create it"],
    )
    login = secured.client("reader")
    closed = secured.create_topic(unique("closed"), 1)
    outsider = stream(secured, closed, fields, **login)
    secured.allow("reader", group=outsider["source"]["group"])
    yield (
        "permission",
        outsider,
        [f"user 'reader' may not read topic '{closed}'", "allow READ on that topic"],
    )
    readable = secured.create_topic(unique("readable"), 1)
    secured.allow("reader", topic=readable)
    member = stream(secured, readable, fields, **login)
    group = member["source"]["group"]
    yield "group", member, [f"may not join the consumer group '{group}'", "allow READ on that group"]
    stranger = secured.client("reader", password="not-this-one")
    yield (
        "password",
        stream(secured, readable, fields, **stranger),
        ["refused the login of user 'reader'", "check sasl.username, sasl.password"],
    )


def test_what_the_brokers_refuse_ends_with_3_and_one_sentence(
    kafka: Broker, secured_kafka: Broker, tmp_path: Path
):
    with ExitStack() as children:
        started = []
        for name, refused, words in refusals(secured_kafka, kafka):
            folder = tmp_path / name
            folder.mkdir()
            monitors = {"all": threshold("payments", SIZE, {"n": "count(*)"}, "n > 1")}
            path = write(folder, {"streams": {"payments": refused}, "monitors": monitors})
            started.append((children.enter_context(Run(path)), words))
        for run, words in started:
            assert run.ended() == 3, run.log
            spoken = [line for line in run.log.splitlines() if not line.startswith("{")]
            assert len(spoken) == 1, run.log
            assert spoken[0].startswith("stream 'payments': ")
            assert all(word in spoken[0] for word in words), spoken[0]
            assert "Traceback" not in run.log
            assert "not-this-one" not in run.log


TROUBLES: Mapping[str, Reply] = {
    "broken": Reply(500),
    "busy": Reply(429, {"Retry-After": "2"}),
    "silent": Reply(kind="never"),
    "endless": Reply(kind="trickle"),
    "slow": Reply(delay=timedelta(seconds=0.5)),
}
FAILING = ("broken", "busy", "silent", "endless")
WAITING = ("silent", "endless")
"""Those where a try ends by its time-out alone. To wait for the others may take longer: a slow machine is no trouble."""


def test_receivers_that_answer_badly_never_stop_the_reading_and_hear_all_in_the_end(
    kafka: Broker, tmp_path: Path
):
    topic = kafka.create_topic(unique("orders"), 1)
    with ExitStack() as open_:
        heard = {
            name: open_.enter_context(WebhookReceiver(otherwise=reply)) for name, reply in TROUBLES.items()
        }
        watch = threshold("orders", SIZE, {"n": "count(*)"}, "n >= 1", notify=list(heard))
        channels = {
            name: {"type": "webhook", "url": each.url, "timeout": "2s" if name in WAITING else "30s"}
            for name, each in heard.items()
        }
        streams = {"orders": stream(kafka, topic, {"id": "string"})}
        path = write(tmp_path, {"streams": streams, "monitors": {"any": watch}, "channels": channels})
        run = open_.enter_context(Run(path))
        kafka.produce(topic, [orders(n) for n in range(4)])
        until(lambda: all(each.received for each in heard.values()), "each was told", alive=run)
        for n in range(4, 8):
            kafka.produce(topic, [orders(n)])
            until(partial(is_read, path, n + 1), "reading goes on", alive=run)
        depth = peek(path, lambda look: look.outbox_depth())
        assert all(depth[name] == 8 for name in FAILING), depth
        until(lambda: len(heard["busy"].received) > 8, "a second try after Retry-After", alive=run)
        before = {name: len(each.received) for name, each in heard.items()}
        for name in FAILING:
            heard[name].otherwise = Reply()
        ends = {"orders": watching.ends_of(kafka, topic, 1)}
        until(lambda: watching.is_done(path, ends), "all told", alive=run)
        assert run.stop() == 0, run.log
        wanted = watching.found(path, {"any": watch}).notices
        assert len(wanted) == 8
        for name, each in heard.items():
            check_heard(each, before[name] if name in FAILING else 0, set(wanted))
        assert shortest_wait(heard["busy"]) >= 2.0


def is_read(path: Path, records: int) -> bool:
    """Whether so many records are committed."""
    return read_so_far(path, "orders") == records


def orders(key: int) -> bytes:
    """Each opens an incident of its own."""
    return json.dumps({"id": f"k-{key}", "at": (BASE + 1) * 1000}).encode()


def check_heard(receiver: WebhookReceiver, since: int, wanted: set[str]) -> None:
    """All ids came, each with one body, and none again once it had been taken."""
    bodies: dict[str, Any] = {}
    for request in receiver.received:
        assert bodies.setdefault(request.headers["idempotency-key"], request.json) == request.json
    assert {f"{body['id']}#{body['n']}" for body in bodies.values()} == wanted
    taken = Counter(request.headers["idempotency-key"] for request in receiver.received[since:])
    assert set(taken.values()) == {1}


def shortest_wait(receiver: WebhookReceiver) -> float:
    """Seconds between two tries of one notice, at least."""
    last: dict[str, float] = {}
    waits = []
    for request in receiver.received:
        name = request.headers["idempotency-key"]
        if name in last:
            waits.append(request.at - last[name])
        last[name] = request.at
    return min(waits)
