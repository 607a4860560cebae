"""Which way an incident goes, row by row; and how often it is told again."""

import pytest

from streamgauge.incidents.repeat import LONGEST, Repeat, next_repeat
from streamgauge.incidents.route import NOBODY, Manner, Route, ways
from tests.incidents.given import incident, matchers

TREE = Route(
    "route",
    (),
    ("desk",),
    Manner(group_by=("stream",)),
    branches=(
        Route("route.0", matchers("severity=critical"), ("pager",), go_on=True),
        Route(
            "route.1",
            matchers("stream=payments"),
            ("money",),
            branches=(Route("route.1.0", matchers("account=~vip-.*"), ("vip",)),),
        ),
        Route("route.2", matchers("monitor=~pay.*"), ("late",)),
    ),
)

WAYS = [
    ("nothing matches: the root", incident("m", severity="warning"), (), ["route"]),
    ("continue: the next are asked too", incident("pay", stream="payments"), (), ["route.0", "route.1"]),
    (
        "without it the first takes it",
        incident("pay", stream="payments", severity="warning"),
        (),
        ["route.1"],
    ),
    ("continue, and nothing after matches", incident("m"), (), ["route.0"]),
    (
        "a branch of a branch",
        incident("m", "vip-1", stream="payments", severity="warning"),
        (),
        ["route.1.0"],
    ),
    ("a monitor that tells nobody", incident("pay", stream="payments"), NOBODY, []),
    ("a monitor that names its channels", incident("pay", stream="payments"), ("own",), ["notify"]),
]


@pytest.mark.parametrize(("sentence", "which", "notify", "paths"), WAYS, ids=[row[0] for row in WAYS])
def test_ways(sentence, which, notify, paths):
    assert [way.path for way in ways(which.labels, notify, TREE)] == paths


def test_a_monitor_that_names_its_channels_is_told_in_the_manner_of_the_root():
    (way,) = ways(incident().labels, ("own",), TREE)
    assert (way.channels, way.manner) == (("own",), TREE.manner)


REPEATS = [
    ("constant", Repeat(10), 0, 110),
    ("constant, later", Repeat(10), 7, 110),
    ("doubling", Repeat(10, exponential=True), 3, 180),
    ("doubling ends", Repeat(10, exponential=True), 60, 100 + LONGEST),
    ("longer than that from the start", Repeat(LONGEST + 1, exponential=True), 1, 100 + LONGEST + 1),
    ("never", Repeat(0), 0, None),
]


@pytest.mark.parametrize(("sentence", "repeat", "repeats", "when"), REPEATS, ids=[row[0] for row in REPEATS])
def test_repeats(sentence, repeat, repeats, when):
    assert next_repeat(100, repeats, repeat) == when
