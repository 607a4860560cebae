"""Alertmanager: the real one for what it takes and tells, a scripted one for what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from streamgauge.channels.alertmanager import AlertmanagerChannel, Config, labels, open_channel
from streamgauge.channels.contract import HeldReceipts, Receipts, Result
from streamgauge.clock import SystemClock, to_datetime
from streamgauge.conformance.channels import check_channel
from streamgauge.testing import PushedClock, Reply, WebhookReceiver, eventually
from tests.channels.notices import AT, firing, hostile, resolved
from tests.services.alertmanager import Alertmanager
from tests.services.missing import CannotBeHadError, skip_or_fail

D, A, G = Result.DELIVERED, Result.AGAIN, Result.GAVE_UP


def channel(url: str, receipts: Receipts | None = None, **more: Any) -> AlertmanagerChannel:
    clock = more.pop("clock", None) or PushedClock(AT + 60_000_000)
    settings = {"url": url, "timeout": "10s", "resend": "1h", **more}
    return open_channel(Config.model_validate(settings), "ops", clock=clock, receipts=receipts)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as receiver:
        yield receiver


def base(receiver: WebhookReceiver) -> str:
    return receiver.url.removesuffix("/alerts")


# against one that is scripted


def test_what_is_sent(receiver):
    opened = channel(base(receiver), labels={"cluster": "eu-1"})
    notice = {**firing(), "labels": {"team": "payments", "key.account": "a-7"},
              "runbook": "https://wiki.example.com/x", "link": "https://ops.example.com/i/1"}  # fmt: skip
    assert opened.send(notice).result is D
    assert opened.send(resolved()).result is D
    opened.close()
    first, second = receiver.received
    assert first.path == "/api/v2/alerts"
    (alert,) = first.json
    assert alert["labels"] == {
        "alertname": "burst", "severity": "critical", "key": "a-7", "team": "payments", "key_account": "a-7",
        "cluster": "eu-1",
    }  # fmt: skip
    assert alert["startsAt"] == firing()["opened_at"]
    assert alert["endsAt"] == "2026-11-22T16:01:03.250Z"
    assert alert["annotations"]["summary"] == firing()["title"]
    assert alert["annotations"]["runbook_url"] == "https://wiki.example.com/x"
    assert alert["generatorURL"] == "https://ops.example.com/i/1"
    ended = {one["labels"].get("team"): one["endsAt"] for one in second.json}
    assert ended == {None: "2026-11-22T12:01:03.250Z", "payments": "2026-11-22T12:01:03.250Z"}


def test_what_fires_is_sent_again_until_it_is_over_also_after_a_restart(receiver):
    receipts = HeldReceipts()
    opened = channel(base(receiver), receipts)
    opened.send(firing(1))
    opened.send(firing(1, key="b"))
    opened.close()
    opened = channel(base(receiver), receipts)
    assert opened.refresh().result is D
    opened.send(resolved(2))
    opened.refresh()
    opened.close()
    keys = [[alert["labels"]["key"] for alert in request.json] for request in receiver.received]
    assert keys == [["a-7"], ["b"], ["a-7", "b"], ["a-7"], ["b"]]
    assert list(receipts.kept()) == [firing(1, key="b")["id"]]


def test_the_turns_come_by_themselves(receiver):
    opened = channel(base(receiver), resend="20ms")
    opened.send(firing())
    eventually(lambda: len(receiver.received) >= 4)
    opened.close()
    count = len(receiver.received)
    assert len(receiver.received) == count


def test_an_end_that_nobody_took_is_told_with_the_turns(receiver):
    """Given up or lost on the way: what is over does not go on firing for ever."""
    receipts = HeldReceipts()
    opened = channel(base(receiver), receipts)
    opened.send(firing(1))
    receiver.script.append(Reply(503))
    assert opened.send(resolved(2)).result is A
    assert opened.refresh().result is D
    opened.close()
    (alert,) = receiver.received[-1].json
    assert alert["endsAt"] == "2026-11-22T12:01:03.250Z"
    assert receipts.kept() == {}


def test_what_gets_worse_takes_the_place_of_what_it_was(receiver):
    opened = channel(base(receiver))
    opened.send(firing(1, severity="warning"))
    opened.send(firing(2, severity="critical"))
    opened.close()
    worse, before = receiver.received[-1].json
    assert (worse["labels"]["severity"], before["labels"]["severity"]) == ("critical", "warning")
    assert worse["endsAt"] > before["endsAt"]


def test_one_of_a_cluster_is_enough(receiver):
    with WebhookReceiver() as gone:
        pass
    opened = channel([base(gone), base(receiver)])  # type: ignore[arg-type]
    assert opened.send(firing()).result is D
    opened.close()
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (Reply(500), A),
        (Reply(429, {"Retry-After": "9"}), A),
        (Reply(400, body=b'"invalid label set"'), G),
        (Reply(kind="cut"), A),
        (Reply(kind="never"), A),
        (Reply(kind="half"), D),
    ],
)
def test_what_it_answers(receiver, reply, result):
    receiver.script.append(reply)
    patience = "400ms" if reply.kind == "never" else "10s"
    opened = channel(base(receiver), headers={"Authorization": "Bearer s3cret-token"}, timeout=patience)
    answer = opened.send(firing())
    opened.close()
    assert answer.result is result
    assert answer.wait == (timedelta(seconds=9) if reply.headers else None)
    assert "s3cret" not in f"{answer.detail} {opened!r}"


def test_a_template_that_fails_is_said(receiver):
    opened = channel(base(receiver), summary="{{ no.such }}")
    assert "the template of the summary of channel ops failed" in opened.send(firing()).detail
    opened.close()
    (alert,) = receiver.received[0].json
    assert alert["annotations"]["summary"] == firing()["title"]
    assert "failed" in alert["annotations"]["template_error"]


def test_it_keeps_the_contract(receiver):
    check_channel(lambda: channel(base(receiver)), delivers=True)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"url": "alertmanager:9093"}, "expected a URL such as"),
        ({"url": []}, "expected a URL such as"),
        ({"labels": {"a-b": "x"}}, "cannot be the name of a label"),
        ({"resend": "0s"}, "must be longer than zero"),
    ],
)
def test_mistakes(wrong, sentence):
    with pytest.raises(ValidationError, match=sentence):
        Config.model_validate({"url": "http://am:9093", **wrong})


def test_labels_name_one_alert():
    assert labels(firing()) == labels(resolved())
    assert labels({"labels": {"1st": 1, "x\u00e9": "y"}, "monitor": "m"})["_1st"] == "1"


# against the real one


@pytest.fixture(scope="module")
def told() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as told:
        yield told


@pytest.fixture(scope="module")
def real(told: WebhookReceiver) -> Iterator[Alertmanager]:
    alertmanager = Alertmanager(told.url)
    try:
        alertmanager.start()
    except CannotBeHadError as missing:
        alertmanager.close()
        skip_or_fail(str(missing))
    yield alertmanager
    alertmanager.close()


@pytest.mark.services
def test_the_real_one_fires_and_tells_the_end(real: Alertmanager, told: WebhookReceiver):
    clock = SystemClock()
    opened_at = clock.now() - 5_000_000
    receipts = HeldReceipts()
    opened = channel(real.url, receipts, clock=clock)
    assert opened.send(firing(key="real", opened_at=opened_at)).result is D
    (alert,) = [one for one in real.alerts() if one["labels"]["key"] == "real"]
    assert alert["status"]["state"] in ("active", "unprocessed")
    assert datetime.fromisoformat(alert["endsAt"]) > to_datetime(clock.now() + 3_000_000_000)
    eventually(lambda: _statuses(told, "real") == ["firing"])

    real.lose_everything()
    assert not [one for one in real.alerts() if one["labels"]["key"] == "real"]
    assert opened.refresh().result is D
    assert [one for one in real.alerts() if one["labels"]["key"] == "real"]

    assert opened.send(resolved(key="real", opened_at=opened_at)).result is D
    eventually(lambda: not [one for one in real.alerts() if one["labels"]["key"] == "real"])
    eventually(lambda: _statuses(told, "real")[-1:] == ["resolved"])
    opened.close()


@pytest.mark.services
def test_the_real_one_takes_hostile_and_huge_values(real: Alertmanager):
    opened = channel(real.url, clock=SystemClock())
    huge = firing(key="k" * 10**6, title="t" * 10**6, observed={"v" * 10**6: 1})
    assert [opened.send(notice).result for notice in (hostile(), huge)] == [D, D]
    check_channel(lambda: channel(real.url, clock=SystemClock()), delivers=True)
    opened.close()


def _statuses(told: WebhookReceiver, key: str) -> list[str]:
    return [one["status"] for one in told.notices if one["commonLabels"].get("key") == key]
