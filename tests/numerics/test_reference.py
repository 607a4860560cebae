"""A reference: what it knows, that it comes back from its file, and that two make one."""

import json
from typing import Any

import numpy as np
import pytest

from streamgauge.errors import ConfigError
from streamgauge.statistics import reference_file
from streamgauge.statistics.outline import merged as merged_outline
from streamgauge.statistics.outline import outline_of
from streamgauge.statistics.reference import Recipe, build, merged
from streamgauge.statistics.reference_file import decoded, encoded

N = 6_000
RNG = np.random.default_rng(5)
AMOUNT = RNG.lognormal(3, 1, N)
COLUMNS = {
    "amount": np.where(RNG.random(N) < 0.1, np.nan, AMOUNT),
    "zeros": np.where(RNG.random(N) < 0.6, 0.0, AMOUNT),
    "items": RNG.integers(1, 9, N).astype(float),
    "constant": np.full(N, 3.0),
    "nothing": np.full(N, np.nan),
    "wild": np.concatenate([[np.inf] * 30, [-np.inf] * 10, RNG.normal(size=N - 40)]),
    "fast": (RNG.random(N) < 0.3).astype(float),
    "country": [("CH", "DE", "FR", None)[i] for i in RNG.choice(4, N, p=[0.5, 0.3, 0.1, 0.1]).tolist()],
    "shop": RNG.integers(0, 3_000, N).tolist(),
}
BOOLEANS = frozenset(["fast"])
WHOLE = build(COLUMNS, booleans=BOOLEANS)


def part(of, where):
    return build({name: column[where] for name, column in of.items()}, booleans=BOOLEANS)


def test_it_comes_back_from_its_file_and_is_small():
    data = encoded(WHOLE)
    assert encoded(decoded(data)) == data
    assert json.loads(data)["version"] == 1
    kept = {feature["name"]: len(json.dumps(feature)) for feature in json.loads(data)["features"]}
    assert max(size for name, size in kept.items() if name != "shop") < 8_000
    assert kept["shop"] < 30_000, "1,000 categories by name"


def test_what_is_missing_or_infinite_is_counted():
    assert WHOLE.features["amount"].missing == int(np.isnan(COLUMNS["amount"]).sum())
    assert WHOLE.features["nothing"].missing == N
    assert WHOLE.features["wild"].infinite == (10, 30)
    assert [int(feature.counts.sum()) for feature in WHOLE.features.values()] == [N] * len(COLUMNS)


def test_two_halves_make_what_both_would_have_made():
    first, second = part(COLUMNS, slice(0, 2_500)), part(COLUMNS, slice(2_500, N))
    both = merged([first, second])
    for name in ("items", "constant", "nothing", "fast", "country"):  # exactly
        assert both.features[name].bins.labels == WHOLE.features[name].bins.labels
        assert both.features[name].counts.tolist() == WHOLE.features[name].counts.tolist()
    for name in ("amount", "zeros", "wild"):  # within a point
        made: Any = both.features[name]
        wanted = WHOLE.features[name]
        assert (made.rows, made.missing, made.infinite) == (wanted.rows, wanted.missing, wanted.infinite)
        assert int(made.counts.sum()) == N
        values = np.asarray(COLUMNS[name])
        known = np.sort(values[~np.isnan(values)])
        upto = np.searchsorted(known, made.bins.edges, "right") / len(known)
        told = made.outline.below(made.bins.edges) + made.infinite[0]
        assert np.abs(told / len(known) - upto).max() < 0.01
        assert np.abs(made.counts / N - wanted.counts / N).max() < 0.01
    assert both.features["zeros"].counts[-3] == WHOLE.features["zeros"].counts[-3], (
        "zeros have a bin of their own"
    )
    assert both.features["shop"].rows == N


def test_merging_does_not_depend_on_the_order():
    first, second = part(COLUMNS, slice(0, 2_500)), part(COLUMNS, slice(2_500, N))
    a, b = merged([first, second]), merged([second, first])
    for name in ("amount", "zeros", "country"):
        assert a.features[name].counts.tolist() == b.features[name].counts.tolist()


def test_outlines_of_different_samples_are_their_mixture():
    a, b = np.sort(RNG.normal(size=3_000)), np.sort(RNG.normal(5, 1, size=1_000))
    both = merged_outline([outline_of(a), outline_of(b)])
    every = np.sort(np.concatenate([a, b]))
    upto = np.searchsorted(every, both.points, "right") / len(every)
    assert np.abs(upto - np.arange(201) / 200).max() < 0.005


def test_references_that_do_not_fit_each_other_are_refused_by_name():
    one = build({"a": np.ones(3)})
    with pytest.raises(ConfigError, match="column `b`"):
        merged([one, build({"a": np.ones(3), "b": np.ones(3)})])
    with pytest.raises(ConfigError, match="`a` is a number in one reference and a category"):
        merged([one, build({"a": ["x", "y", "x"]})])
    with pytest.raises(ConfigError, match="how their bins were made"):
        merged([one, build({"a": np.ones(3)}, Recipe(bins=5))])
    with pytest.raises(ConfigError, match="no column `c`; it has a"):
        one.chosen(["c"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no json", "it is no reference; `streamgauge reference build` makes one"),
        (b'{"format":"streamgauge.reference","version":1,', "damaged"),
        (b"{}", "it is no reference"),
        (b'{"format": "streamgauge.reference", "version": 99}', "version 99"),
        (b'{"format": "streamgauge.reference", "version": 1, "recipe": {}}', "damaged"),
    ],
)
def test_a_file_that_is_none_is_refused(content, said, tmp_path):
    file = tmp_path / "x.reference"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        reference_file.load(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_missing_tells_how_to_make_it(tmp_path):
    with pytest.raises(ConfigError, match="streamgauge reference build"):
        reference_file.load(tmp_path / "none.reference")
