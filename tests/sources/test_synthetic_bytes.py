"""The same seed means the same bytes: pinned, for every way of reading, from any record on."""

import doctest
import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgauge.errors import ConfigError
from streamgauge.sources import scenarios, synthetic
from streamgauge.sources.scenarios import _draws
from streamgauge.sources.scenarios.contract import BLOCK, Run, planted, start_run
from streamgauge.sources.synthetic import Generation

START = 1_767_225_600_000_000
PINNED = {
    "logins": "9bd938468f3802033012822235068a641daec6778c4cce05d4ab96686aac8337",
    "payments": "b0d411a95e7984496804ccf621af953d7bf3e6b313a34abbaec97e79fb2c931a",
    "sensors": "25803b576da353c48881335b67644ce8626bec1eb90d3769b87c68f8defabb14",
    "weblog": "64fb3d5fc6111863cfefa9d0cd58793861cf0a7e3c023e22420f7a41d4e8f85e",
}


def lines(name: str, seed: int, records: int, steps: Sequence[int] = (BLOCK,), first: int = 0) -> list[bytes]:
    """What is read in steps of these sizes, by turns."""
    scenario = scenarios.find(name)
    run = start_run(scenario, seed=seed, start=START, rate=None, faults=True)
    generation, turn = Generation(scenario, run), 0
    found: list[bytes] = []
    while first < records:
        part = generation.read(first, min(steps[turn % len(steps)], records - first))
        found += part.payloads
        first += len(part)
        turn += 1
    return found


@pytest.mark.parametrize("name", scenarios.names())
def test_same_seed_same_bytes_on_every_machine(name: str):
    # two seeds, the first as far as every fault is among them
    far = round(90 * scenarios.find(name).rate)
    text = b"\n".join(lines(name, 1, far) + lines(name, 2, 20_000))
    assert hashlib.sha256(text).hexdigest() == PINNED[name]


@pytest.mark.parametrize("name", scenarios.names())
def test_another_seed_gives_other_records(name: str):
    assert lines(name, 1, 100) != lines(name, 2, 100)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(scenarios.names()), st.lists(st.integers(1, 9_000), min_size=1, max_size=5))
def test_no_way_of_cutting_changes_a_byte(name: str, steps: list[int]):
    whole = lines(name, 3, 20_000)
    assert lines(name, 3, 20_000, steps if sum(steps) > 500 else [*steps, 5_000]) == whole


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(scenarios.names()), st.integers(0, 19_999))
def test_the_tail_does_not_depend_on_where_reading_begins(name: str, first: int):
    assert lines(name, 3, 20_000, first=first) == lines(name, 3, 20_000)[first:]


@pytest.mark.parametrize("name", scenarios.names())
def test_arrivals_follow_the_rate_and_stay_exact_for_ever(name: str):
    scenario = scenarios.find(name)
    run = start_run(scenario, seed=1, start=START, rate=300.1, faults=False)
    far = 10**11 // BLOCK * BLOCK  # ten years on: beyond what int64 nanoseconds would hold
    arrivals = Generation(scenario, run).read(far, 3).arrivals.tolist()
    assert arrivals == [START + i * 10**9 // 300_100 for i in (far, far + 1, far + 2)]
    assert [run.index_at(at - START) for at in arrivals] == [far, far + 1, far + 2]


@given(st.integers(1, 10**9), st.integers(0, 10**12))
def test_index_at_is_the_first_record_that_arrives_no_earlier(millirate: int, index: int):
    run = Run(0, START, millirate)
    found = run.index_at(run.elapsed(index))
    assert run.elapsed(found) >= run.elapsed(index)
    assert found == 0 or run.elapsed(found - 1) < run.elapsed(index)


@pytest.mark.parametrize("name", scenarios.names())
def test_the_listing_does_not_depend_on_how_much_is_asked_for(name: str):
    scenario = scenarios.find(name)
    run = start_run(scenario, seed=5, start=START, rate=None, faults=True)
    long = planted(scenario, run, round(run.rate * 3600))
    assert len(long) == 12 * len(scenario.faults(run, 0))
    assert planted(scenario, run, round(run.rate * 600)) == [p for p in long if p.end <= START + 600_000_000]
    assert long == sorted(long, key=lambda p: p.start)


def test_an_unknown_scenario_names_the_nearest():
    with pytest.raises(
        ConfigError, match=r"no scenario 'payment'.*logins, payments, sensors, weblog.*'payments'\?"
    ):
        scenarios.find("payment")


@pytest.mark.parametrize(
    ("rate", "sentence"), [(0.0001, "the least is 0.001"), (50.0, "at least 100, or plant nothing")]
)
def test_rates_that_make_no_sense_are_refused(rate: float, sentence: str):
    with pytest.raises(ConfigError, match=sentence):
        start_run(scenarios.find("payments"), seed=1, start=START, rate=rate, faults=True)


def test_a_slow_stream_without_faults_is_fine():
    run = start_run(scenarios.find("payments"), seed=1, start=START, rate=0.5, faults=False)
    read = Generation(scenarios.find("payments"), run).read(0, 3)
    assert read.arrivals.tolist() == [START, START + 2_000_000, START + 4_000_000]


@pytest.mark.parametrize("module", [synthetic, _draws])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
