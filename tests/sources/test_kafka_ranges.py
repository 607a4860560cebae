"""Slices of a topic: how they are written, and how what waits is shared out among partitions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgauge.batch import Partition
from streamgauge.errors import ConfigError
from streamgauge.sources.kafka.ranges import ranges_of, records_of, shared, text_of

WAITING = st.dictionaries(
    st.integers(0, 5),
    st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: (pair[0], pair[0] + pair[1])),
)


def places(plain):
    return {Partition("t", number): one for number, one in plain.items()}


def test_a_slice_is_written_and_read():
    ranges = places({10: (7, 9), 2: (0, 100)})
    assert text_of(ranges) == "2:0-100,10:7-9"
    assert ranges_of("t", " 2:0-100, 10:7-9") == ranges
    assert records_of(ranges) == 102


@pytest.mark.parametrize("text", ["", "0:1", "0:5-5", "0:9-3", "0:1-2,0:2-3", "a:1-2", "0:1-2,"])
def test_what_is_no_slice_is_refused(text):
    with pytest.raises(ConfigError, match="slice next"):
        ranges_of("t", text)


@given(WAITING, st.integers(1, 200))
@settings(max_examples=60)
def test_a_share_begins_where_it_waits_and_is_as_large_as_may_be(plain, rows):
    waiting = places(plain)
    found = shared(waiting, rows)
    assert records_of(found) == min(rows, records_of(waiting))
    for place, (first, end) in found.items():
        assert first == waiting[place][0] < end <= waiting[place][1]
    if len(found) == len([one for one in plain.values() if one[1] > one[0]]) and found:
        most = max(end - first for first, end in found.values())
        for place, (
            first,
            end,
        ) in found.items():  # nobody gets less while another gets more, but for a remainder
            assert end == waiting[place][1] or end - first >= most - 1
