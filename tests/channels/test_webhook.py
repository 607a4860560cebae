"""A real receiver on loopback that answers well, badly, slowly, by halves or never."""

import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import ValidationError

from streamgauge.channels.contract import Answer, Result
from streamgauge.channels.posting import judge, retry_after
from streamgauge.channels.webhook import Config, open_channel, signature
from streamgauge.testing import Reply, WebhookReceiver
from tests.channels.notices import firing, hostile

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def receiver():
    with WebhookReceiver() as receiver:
        yield receiver


def send(
    receiver: WebhookReceiver, *notices: dict[str, Any], timeout: str = "500ms", **more: Any
) -> list[Answer]:
    channel = open_channel(
        Config.model_validate({"type": "webhook", "url": receiver.url, "timeout": timeout, **more}), "ops"
    )
    try:
        return [channel.send(notice) for notice in notices or (firing(),)]
    finally:
        channel.close()


def one(receiver: WebhookReceiver, reply: Reply, **more: Any) -> Answer:
    receiver.script.append(reply)
    began = time.monotonic()
    (answer,) = send(receiver, **more)
    assert time.monotonic() - began < 30
    return answer


def origin(receiver: WebhookReceiver) -> str:
    return receiver.url.removesuffix("/alerts")


def test_the_receiver_gets_the_notice_its_id_and_the_headers(receiver):
    (answer,) = send(receiver, headers={"Authorization": "Bearer token-7"})
    assert answer == Answer(Result.DELIVERED, f"{origin(receiver)} answered 200")
    (request,) = receiver.received
    assert request.json == firing()
    assert request.headers["idempotency-key"] == firing()["notice"]
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer token-7"
    assert request.headers["user-agent"].startswith("streamgauge/")


def test_the_same_notice_again_has_the_same_id(receiver):
    receiver.script.append(Reply(500))
    refused, taken = send(receiver, firing(), firing())
    assert (refused.result, taken.result) == (Result.AGAIN, Result.DELIVERED)
    assert receiver.distinct == {firing()["notice"]: firing()}
    assert len(receiver.received) == 2


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_delivered(receiver, status):
    assert one(receiver, Reply(status, body=b"")).result is Result.DELIVERED


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(receiver, status):
    answer = one(receiver, Reply(status, body=b"come back"))
    assert answer == Answer(Result.AGAIN, f"{origin(receiver)} answered {status}: come back")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_what_will_not_pass_is_given_up_with_the_receivers_words(receiver, status):
    answer = one(receiver, Reply(status, body=b"no \x1b[31m" + b"x" * 10_000))
    assert answer.result is Result.GAVE_UP
    assert answer.detail.startswith(f"{origin(receiver)} refused it with {status}: no \\x1b[31mxxx")
    assert len(answer.detail) <= len(f"{origin(receiver)} refused it with 400: ") + 200


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_and_as_a_date_on_the_receivers_clock(receiver, status):
    assert one(receiver, Reply(status, {"Retry-After": "7"})).wait == timedelta(seconds=7)
    date = {"Retry-After": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}
    fast_clock = {**date, "Date": format_datetime(NOW, usegmt=True)}
    assert one(receiver, Reply(status, fast_clock)).wait == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(seconds=120)),
        ("Sun, 22 Nov 2026 12:01:00 GMT", timedelta(seconds=60)),
        ("Sun, 22 Nov 2026 12:01:00 -0000", timedelta(seconds=60)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("9" * 400, timedelta(seconds=10**8)),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("", None),
        ("Sun, 22 Nov 99999 12:01:00 GMT", None),
    ],
)
def test_every_kind_of_retry_after(text, wait):
    assert retry_after({"retry-after": text}, NOW) == wait


def test_redirects_are_not_followed(receiver):
    answer = one(receiver, Reply(302, {"Location": f"{receiver.url}?token=s3cret"}))
    assert answer.result is Result.GAVE_UP
    assert answer.detail == (
        f"{origin(receiver)} answered 302 and redirects to {origin(receiver)}; "
        "redirects are not followed, set `url` to the final address"
    )
    assert len(receiver.received) == 1
    elsewhere = judge(301, {"location": "/other"}, "", "http://x", NOW)
    assert "redirects to a path of its own;" in elsewhere.detail
    assert "answered 304 and redirects;" in judge(304, {}, "", "http://x", NOW).detail
    assert "an address that is none" in judge(301, {"location": "http://x:99999999/"}, "", "", NOW).detail


@pytest.mark.parametrize("kind", ["never", "trickle"])
def test_a_receiver_that_never_ends_is_left_in_time(receiver, kind):
    answer = one(receiver, Reply(kind=kind), timeout="300ms")
    assert answer == Answer(Result.AGAIN, f"{origin(receiver)} did not answer within 0.3 s")


def test_a_slow_receiver_is_waited_for(receiver):
    answer = one(receiver, Reply(delay=timedelta(milliseconds=200)), timeout="5s")
    assert answer.result is Result.DELIVERED


def test_a_connection_that_is_cut_is_unclear_and_goes_again(receiver):
    answer = one(receiver, Reply(kind="cut"))
    assert answer.result is Result.AGAIN
    assert answer.detail.startswith(f"{origin(receiver)} cannot be reached: ")


def test_half_an_answer_counts_by_its_status(receiver):
    assert one(receiver, Reply(200, kind="half")).result is Result.DELIVERED
    refused = one(receiver, Reply(500, kind="half", body=b"oh no"))
    assert refused == Answer(Result.AGAIN, f"{origin(receiver)} answered 500: oh no")


def test_after_trouble_the_same_channel_delivers(receiver):
    receiver.script.extend([Reply(kind="half"), Reply(kind="never"), Reply(kind="cut"), Reply(200)])
    answers = send(receiver, *[firing(n) for n in range(1, 5)], timeout="200ms")
    assert [answer.result for answer in answers] == [
        Result.DELIVERED,
        Result.AGAIN,
        Result.AGAIN,
        Result.DELIVERED,
    ]


def test_nobody_there():
    with WebhookReceiver() as gone:
        pass
    (answer,) = send(gone)
    assert answer.result is Result.AGAIN
    assert answer.detail.startswith(f"{origin(gone)} cannot be reached: ")


def test_a_name_that_does_not_exist():
    channel = open_channel(Config.model_validate({"url": "http://no-such-host.invalid/hook/s3cret"}), "ops")
    answer = channel.send(firing())
    channel.close()
    assert answer.result is Result.AGAIN
    assert answer.detail.startswith("http://no-such-host.invalid ")
    assert "s3cret" not in answer.detail


def test_hostile_values_arrive_whole_and_break_no_header(receiver):
    (answer,) = send(receiver, hostile(), timeout="5s")
    assert answer.result is Result.DELIVERED
    (request,) = receiver.received
    assert "x-owned" not in request.headers
    assert request.headers["idempotency-key"].startswith("%1B[2J%1B]0;owned%07%0D%0A=cmd")


def test_secrets_are_nowhere_to_be_seen(receiver, caplog):
    caplog.set_level(logging.INFO)
    echo = receiver.url.replace("/alerts", "/T0/s3cret?token=s3cret") + " Bearer tok3n-value tok3n-value"
    receiver.script.append(Reply(400, body=echo.encode()))
    config = Config.model_validate(
        {
            "url": receiver.url.replace("http://", "http://me:passw0rd@").replace(
                "/alerts", "/T0/s3cret?token=s3cret"
            ),
            "headers": {"Authorization": "Bearer tok3n-value"},
        }
    )
    channel = open_channel(config, "ops")
    answer = channel.send(firing())
    channel.close()
    assert receiver.received[0].path == "/T0/s3cret?token=s3cret"
    seen = f"{answer.detail} {channel!r} {config!r} {config} {config.model_dump()} {config.public()} {caplog.text}"
    assert origin(receiver) in answer.detail
    assert origin(receiver) in repr(channel)
    assert "POST http://127.0.0.1" in caplog.text
    for secret in ("s3cret", "tok3n", "passw0rd"):
        assert secret not in seen


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"url": "s3cret"}, "expected a URL such as https://host/path"),
        ({"url": "ftp://host/s3cret"}, "expected a URL such as https://host/path"),
        ({"url": "https:///s3cret"}, "expected a URL such as https://host/path"),
        ({"url": "https://host:99999/s3cret"}, "expected a URL such as https://host/path"),
        ({"url": "https://host/s3cret\n"}, "expected a URL such as https://host/path"),
        ({"headers": {"Idempotency-Key": "s3cret"}}, "Idempotency-Key is set by Streamgauge itself"),
        ({"headers": {"Bad Name": "s3cret"}}, "'Bad Name' cannot be the name of a header"),
        ({"headers": {"X": "s3cret\r\nX-Owned: 1"}}, "the value of X must be printable ASCII"),
        ({"timeout": "0s"}, "must be longer than zero"),
    ],
)
def test_mistakes_are_said_without_the_secret(wrong, sentence):
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"url": "https://host/x", **wrong})
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_receiver_can_tell_who_sent_it_and_when(receiver):
    import hashlib
    import hmac

    send(receiver, secret="s3cret-of-both")
    (request,) = receiver.received
    stamp = request.headers["x-streamgauge-timestamp"]
    assert abs(int(stamp) - time.time()) < 60
    signed = f"v1:{stamp}:".encode() + request.body
    expected = hmac.new(b"s3cret-of-both", signed, hashlib.sha256).hexdigest()
    assert request.headers["x-streamgauge-signature"] == f"v1={expected}"
    assert signature(b"k", 1, b"a") != signature(b"k", 2, b"a") != signature(b"k", 2, b"b")


def test_without_a_secret_nothing_is_signed(receiver):
    send(receiver)
    assert "x-streamgauge-signature" not in receiver.received[0].headers


def test_a_body_of_ones_own(receiver):
    body = '{"text": {{ (severity ~ ": " ~ title) | tojson }}, "key": {{ key | tojson }}}'
    (answer,) = send(receiver, firing(key='a"7\n'), body=body)
    assert answer.result is Result.DELIVERED
    (request,) = receiver.received
    assert request.json == {"text": f"critical: {firing()['title']}", "key": 'a"7\\n'}
    send(receiver, body="{{ monitor }}", content_type="text/plain")
    assert (receiver.received[1].body, receiver.received[1].headers["content-type"]) == (
        b"burst",
        "text/plain",
    )


@pytest.mark.parametrize(
    "body",
    [
        "{{ nothing.at.all }}",
        "{{ 1 / 0 }}",
        "{{ title.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{% for a in samples %}{{ a.unknown }}{% endfor %}",
        "{{ 'x' * 30000 }}",
        "{{ 'x' * 10 ** 12 }}",
        "{{ (10 ** 9 * 10) * 'x' }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ range(10) }}",
    ],
)
def test_a_template_that_fails_falls_back_and_says_so(receiver, body):
    (answer,) = send(receiver, body=body)
    assert answer.result is Result.DELIVERED
    assert "the template of the body of channel ops failed" in answer.detail
    sent = receiver.received[0].json
    assert "the template of the body of channel ops failed" in sent.pop("template_error")
    assert sent == firing()


def test_templates_count(receiver):
    send(
        receiver,
        body="{{ 3 * 4 }} {{ 2 ** 10 }} {{ '-' * 3 }} {{ observed.spent * 2 }}",
        content_type="text/plain",
    )
    assert receiver.received[0].body == b"12 1024 --- 20824.998"


def test_a_template_that_cannot_be_read_is_a_mistake_of_the_file():
    with pytest.raises(ValidationError, match=r"cannot be read: .* \(line 2\)"):
        Config.model_validate({"url": "https://host/x", "body": "\n{{ oh no"})
