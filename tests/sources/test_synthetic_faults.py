"""What is planted is really in the data, simple rules with sensible limits find it, and nothing else looks alike."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import pytest
from tests.thorough import THOROUGH

from streamgauge.sources import scenarios
from streamgauge.sources.scenarios import contract
from streamgauge.sources.scenarios.contract import Planted, Run
from streamgauge.sources.synthetic import Generation

SEEDS = range(10 if THOROUGH else 1)
START = 1_767_225_600_000_000
SECONDS = {"payments": 45, "logins": 50, "sensors": 90, "weblog": 50}
Record = dict[str, Any]
Day = tuple[list[Record], list[tuple[int, bytes]], list[Planted]]


def generate(run: Run, name: str, records: int) -> Iterator[tuple[int, bytes]]:
    """(arrival in ms, payload) of each record."""
    generation = Generation(scenarios.find(name), run)
    first = 0
    while first < records:
        part = generation.read(first, records - first)
        yield from zip((part.arrivals // 1000).tolist(), part.payloads, strict=True)
        first += len(part)


def day(name: str, seed: int, *, faults: bool = True, rate: float | None = None) -> Day:
    """The readable records in the order of arrival (with ``arrival``), the others, and what is planted."""
    scenario = scenarios.find(name)
    run = contract.start_run(scenario, seed=seed, start=START, rate=rate, faults=faults)
    records = round(run.rate * SECONDS[name])
    good, bad = [], []
    for arrival, payload in generate(run, name, records):
        try:
            record = msgspec.json.decode(payload)
            good.append({**record, "arrival": arrival, "at": int(record["at"])})
        except (msgspec.DecodeError, TypeError, ValueError):
            bad.append((arrival, payload))
    return good, bad, contract.planted(scenario, run, records)


def fault(planted: Iterable[Planted], what: str) -> Planted:
    return next(p for p in planted if p.what == what)


def counts(records: Iterable[Record], size: int, *by: str) -> Counter[tuple[Any, ...]]:
    """How many per window (of ``size`` seconds) and key."""
    return Counter((record["at"] // (size * 1000), *(record[name] for name in by)) for record in records)


def values(records: Iterable[Record], size: int, by: str, field: str) -> dict[tuple[int, Any], list[Any]]:
    """What ``field`` was, per window and key."""
    found: dict[tuple[int, Any], list[Any]] = defaultdict(list)
    for record in records:
        found[record["at"] // (size * 1000), record[by]].append(record[field])
    return found


def gaps(records: Iterable[Record], by: str, until: int) -> dict[Any, float]:
    """The longest time without a record of each key, in seconds of event time."""
    last: dict[Any, int] = {}
    longest: dict[Any, float] = defaultdict(float)
    for at, key in sorted((record["at"], record[by]) for record in records):
        longest[key] = max(longest[key], (at - last.get(key, START // 1000)) / 1000)
        last[key] = at
    return {key: max(longest[key], (until - last[key]) / 1000) for key in last}


def on_time(records: list[Record]) -> list[Record]:
    """Without those that a lateness of 2 s would call late."""
    return [record for record in records if record["arrival"] - record["at"] < 2_000]


def shares(
    records: list[Record], size: int, is_one: Callable[[Record], bool], least: int = 50
) -> dict[int, float]:
    """Which share of each window's records is one, where there are more than ``least``."""
    total = counts(records, size)
    ones = counts(filter(is_one, records), size)
    return {window[0]: ones[window] / count for window, count in total.items() if count > least}


def overlaps(window: int, size: int, planted: Planted) -> bool:
    return window * size * 1_000_000 < planted.end and (window + 1) * size * 1_000_000 > planted.start


def days(name: str, slowest: float) -> Any:
    """A day of each seed at the usual rate and one at the slowest; a fixture, so that each is made once."""
    rates = (None, slowest)

    @pytest.fixture(
        scope="module", params=[(seed, rate) for rate in rates for seed in SEEDS], ids=str, name=name
    )
    def made(request: pytest.FixtureRequest) -> Day:
        seed, rate = request.param
        return day(name, seed, rate=rate)

    return made


payments = days("payments", 100.0)
logins = days("logins", 100.0)
sensors = days("sensors", 20.0)
weblog = days("weblog", 200.0)


def test_payments_burst_stands_out(payments: Day):
    good, _, planted = payments
    burst = fault(planted, "burst")
    found = counts(on_time(good), 5, "account")
    assert max(n for (_, account), n in found.items() if account == burst.key) >= 200
    assert all(overlaps(window, 5, burst) for (window, _), n in found.items() if n > 100)
    assert max(n for (_, account), n in found.items() if account != burst.key) < 30


def test_payments_country_goes_quiet(payments: Day):
    good, _, planted = payments
    quiet = fault(planted, "quiet")
    found = gaps(good, "country", until=START // 1000 + 45_000)
    assert 13.9 < found.pop(quiet.key) < 20
    assert len(found) == 11
    assert max(found.values()) < (1 if len(good) > 50_000 else 5)


def test_payments_refusals_rise(payments: Day):
    good, _, planted = payments
    spike = fault(planted, "refusals")
    found = shares(on_time(good), 5, lambda record: record["status"] == "refused")
    inside = {w: share for w, share in found.items() if overlaps(w, 5, spike)}
    assert max(inside.values()) > 0.38
    assert max(share for w, share in found.items() if w not in inside) < 0.08


def test_payments_broken_records_are_a_cluster(payments: Day):
    good, bad, planted = payments
    cluster = fault(planted, "malformed")
    assert len(bad) == 40
    assert all(cluster.start <= arrival * 1000 + 999 and arrival * 1000 < cluster.end for arrival, _ in bad)
    assert len(good) + len(bad) in {90_000, 4_500}
    assert max(Counter(arrival // 5000 for arrival, _ in bad).values()) >= 20


def test_payments_late_records_are_a_cluster_and_the_rest_keeps_its_bound(payments: Day):
    good, _, planted = payments
    cluster = fault(planted, "late")
    late = [record for record in good if record["arrival"] - record["at"] > 400]
    assert len(late) == 60
    assert all(cluster.start <= r["arrival"] * 1000 + 999 and r["arrival"] * 1000 < cluster.end for r in late)
    assert all(19_999 <= record["arrival"] - record["at"] <= 30_001 for record in late)
    assert fault(planted, "quiet").key not in {record["country"] for record in late}


def test_logins_stuffing_stands_out(logins: Day):
    good, _, planted = logins
    stuffing = fault(planted, "stuffing")
    found = counts((record for record in good if record["result"] == "failed"), 10, "ip")
    assert max(n for (_, ip), n in found.items() if ip == stuffing.key) >= 250
    assert max(n for (_, ip), n in found.items() if ip != stuffing.key) < 10
    attack = [record for record in good if record["ip"] == stuffing.key]
    assert len(attack) == 600
    assert len({record["user"] for record in attack}) > 200


def test_logins_one_user_is_in_two_countries(logins: Day):
    good, _, planted = logins
    travel = fault(planted, "travel")
    successes = [record for record in good if record["result"] == "ok"]
    seen = values(successes, 10, "user", "country")
    assert {key for key, countries in seen.items() if len(set(countries)) > 1} <= {
        key for key in seen if key[1] == travel.key and overlaps(key[0], 10, travel)
    }
    assert any(len(set(countries)) == 2 for (_, user), countries in seen.items() if user == travel.key)


def test_logins_one_service_falls_silent(logins: Day):
    good, _, planted = logins
    found = gaps(good, "service", until=START // 1000 + 50_000)
    assert 14.9 < found.pop(fault(planted, "silent").key) < 18
    assert len(found) == 4
    assert max(found.values()) < (2 if len(good) > 10_000 else 5)


def test_sensors_stuck_and_missing(sensors: Day):
    good, _, planted = sensors
    stuck, missing = fault(planted, "stuck"), fault(planted, "missing")
    seen = values(good, 10, "sensor", "celsius")
    flat = {key for key, readings in seen.items() if len(readings) >= 8 and len(set(readings)) == 1}
    assert len(flat) >= 2
    assert all(sensor == stuck.key and overlaps(window, 10, stuck) for window, sensor in flat)
    found = gaps(good, "sensor", until=START // 1000 + 90_000)
    assert 24.9 < found.pop(missing.key) < 28
    assert max(found.values()) < 6


def test_sensors_drift_and_spike(sensors: Day):
    good, _, planted = sensors
    drift, spike = fault(planted, "drift"), fault(planted, "spike")
    hot = [record for record in good if record["celsius"] > 50]
    assert {record["sensor"] for record in hot} == {spike.key}
    assert len(hot) == pytest.approx(5, abs=1)
    rest = [record for record in good if record["celsius"] <= 50]
    spans = {key: max(all_) - min(all_) for key, all_ in values(rest, 30, "sensor", "celsius").items()}
    wide = {key for key, span in spans.items() if span > 3}
    assert wide
    assert {sensor for _, sensor in wide} == {drift.key}
    assert max(span for (_, sensor), span in spans.items() if sensor != drift.key) < 1.5
    assert {1.0, 2.0, 5.0} == {round(period) for period in periods(good).values()}


def periods(records: list[Record]) -> dict[str, float]:
    """Mean time between the readings of each sensor in the first ten seconds, where nothing is planted."""
    early = [record for record in records if record["arrival"] < START // 1000 + 10_000]
    return {sensor: 10 / n for sensor, n in Counter(record["sensor"] for record in early).items()}


def test_weblog_storm_flood_and_scan(weblog: Day):
    good, _, planted = weblog
    storm, flood, scan = (fault(planted, what) for what in ("storm", "flood", "scan"))
    missing = shares(good, 5, lambda record: record["status"] == 404)
    stormy = {w: share for w, share in missing.items() if overlaps(w, 5, storm)}
    assert max(stormy.values()) > 0.38
    if len(good) > 20_000:  # at the slowest rate the scan alone is a seventh of all
        assert max(share for w, share in missing.items() if w not in stormy) < 0.08
    found = counts(good, 5, "client")
    assert max(n for (_, client), n in found.items() if client == flood.key) >= 350
    assert max(n for (_, client), n in found.items() if client != flood.key) < 200
    paths = {key: len(set(seen)) for key, seen in values(good, 10, "client", "path").items()}
    assert max(n for (_, client), n in paths.items() if client == scan.key) >= 140
    assert max(n for (_, client), n in paths.items() if client != scan.key) < 50


@pytest.mark.parametrize("seed", SEEDS)
def test_quiet_days_are_quiet(seed: int):
    good, bad, planted = day("payments", seed, faults=False)
    assert (bad, planted) == ([], [])
    assert max(counts(good, 5, "account").values()) < 30
    assert max(gaps(good, "country", START // 1000 + 45_000).values()) < 1
    assert max(shares(good, 5, lambda record: record["status"] == "refused").values()) < 0.08
    assert all(0 <= record["arrival"] - record["at"] <= 400 for record in good)
    good, _, planted = day("logins", seed, faults=False)
    assert planted == []
    assert max(counts((r for r in good if r["result"] == "failed"), 10, "ip").values()) < 10
    assert all(len(set(seen)) == 1 for seen in values(good, 10, "user", "country").values())
    assert max(gaps(good, "service", START // 1000 + 50_000).values()) < 2
    good, _, planted = day("sensors", seed, faults=False)
    assert planted == []
    assert max(max(seen) - min(seen) for seen in values(good, 30, "sensor", "celsius").values()) < 1.5
    assert max(gaps(good, "sensor", START // 1000 + 90_000).values()) < 6
    good, _, planted = day("weblog", seed, faults=False)
    assert planted == []
    assert max(counts(good, 5, "client").values()) < 35
    assert max(shares(good, 5, lambda record: record["status"] == 404).values()) < 0.05


def test_a_higher_rate_needs_no_other_limits():
    good, bad, planted = day("payments", 1, rate=6_000.0)
    burst = fault(planted, "burst")
    found = counts(on_time(good), 5, "account")
    assert max(n for (_, account), n in found.items() if account == burst.key) >= 200
    assert max(n for (_, account), n in found.items() if account != burst.key) < 40
    assert len(bad) == 40
    assert max(shares(good, 5, lambda record: record["status"] == "refused").values()) > 0.38


def test_faults_come_again_with_other_keys():
    scenario = scenarios.find("payments")
    run = contract.start_run(scenario, seed=1, start=START, rate=None, faults=True)
    listed = contract.planted(scenario, run, 2_000 * 1_000)
    assert [p.what for p in listed] == ["burst", "malformed", "quiet", "refusals", "late"] * 4
    bursts = [p for p in listed if p.what == "burst"]
    assert len({p.key for p in bursts}) == 4
    assert [(p.start - START) // 300_000_000 for p in bursts] == [0, 1, 2, 3]
    records = Generation(scenario, run)
    again, found, first = bursts[2], 0, run.index_at(bursts[2].start - START)
    while first < run.index_at(again.end - START):
        part = records.read(first, run.index_at(again.end - START) - first)
        found += sum(key == again.key for key in part.keys)
        first += len(part)
    assert found >= 480


def test_a_fault_cut_off_by_the_end_says_so():
    scenario = scenarios.find("payments")
    run = contract.start_run(scenario, seed=1, start=START, rate=None, faults=True)
    (burst,) = contract.planted(scenario, run, 2_000 * 8)
    assert burst.end == START + 8_000_000
    assert burst.detail.endswith("cut off by the end of the data")
    assert contract.planted(scenario, run, 2_000 * 2) == []
