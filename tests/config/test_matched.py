"""Matchers that are nearly a label or a name that is there: told as slips; others may be meant for other files."""

from __future__ import annotations

import pytest

from streamgauge.config import load

TEXT = """\
streams:
  payments:
    source: {type: files, path: x.ndjson}
    format: json
    fields: {account: string, at: timestamp}
monitors:
  burst:
    stream: payments
    window: {type: count, size: 5, by: account, compute: {seen: count(*)}}
    detect: {type: threshold, when: seen > 100}
    labels: {team: money}
"""


@pytest.mark.parametrize(
    ("written", "where", "told"),
    [
        (
            "maintenance: {load: {match: monitr=burst, weekly: mon 02:00-04:00}}",
            "$.maintenance.load.match",
            "no incident has the label `monitr`; did you mean `monitor`?",
        ),
        (
            "inhibit: [{source: [severity=critical], target: [severity=critical, monitor=brust]}]",
            "$.inhibit[0].target[1]",
            "there is no monitor `brust`; did you mean `burst`?",
        ),
        (
            "inhibit: [{source: [tem=~money], target: severity=warning}]",
            "$.inhibit[0].source[0]",
            "no incident has the label `tem`; did you mean `team`?",
        ),
        (
            "route: {routes: [{match: team=money, routes: [{match: [stream=payment]}]}]}",
            "$.route.routes[0].routes[0].match[0]",
            "there is no stream `payment`; did you mean `payments`?",
        ),
    ],
)
def test_a_slip_is_told_at_its_place(written, where, told):
    (warning,) = load(f"{TEXT}{written}\n").warnings
    assert (warning.path, warning.message) == (where, told)


@pytest.mark.parametrize(
    "matcher",
    [
        "monitor=burst",
        "monitor=stream payments",
        "monitor=~bur.*",
        "account=a-7",
        "seen=3",
        "team=web",
        "squad=red",
        "monitor=latency-of-checkout",
    ],
)
def test_what_may_be_meant_for_other_files_is_not(matcher):
    assert not load(
        f"{TEXT}maintenance: {{load: {{match: '{matcher}', weekly: mon 02:00-04:00}}}}\n"
    ).warnings
