"""Slack: what stands in the channel after all went well, badly, by halves, or was killed on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from streamgauge.channels.contract import Answer, HeldReceipts, Receipts, Result
from streamgauge.channels.slack import Config, open_channel
from streamgauge.channels.slack_blocks import Extras, escaped, harmless, message
from streamgauge.conformance.channels import check_channel
from streamgauge.testing import PushedClock
from tests.channels.notices import HOSTILE, firing, hostile, resolved
from tests.channels.slack_workspace import CHANNEL, SECONDS, TOKEN, Fault, Workspace

GOLDEN = Path(__file__).parent / "golden" / "slack"


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with Workspace() as slack:
        yield slack


def bot(slack: Workspace, receipts: Receipts | None = None, **more: Any) -> Any:
    settings = {"token": TOKEN, "channel": CHANNEL, "api": slack.api, "timeout": "10s", **more}
    clock = PushedClock(SECONDS * 1_000_000)
    return open_channel(
        Config.model_validate(settings), "ops", clock=clock, receipts=receipts or HeldReceipts()
    )


def hook(slack: Workspace, **more: Any) -> Any:
    return open_channel(Config.model_validate({"webhook": slack.hook, "timeout": "10s", **more}), "ops")


def results(channel: Any, *notices: dict[str, Any]) -> list[Result]:
    try:
        return [channel.send(notice).result for notice in notices]
    finally:
        channel.close()


D, A, G = Result.DELIVERED, Result.AGAIN, Result.GAVE_UP


# what a message looks like


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden_messages(path: Path, slack: Workspace):
    """Each file holds a notice, options and the message; other programs that write to Slack are held to the same."""
    case = json.loads(path.read_text("utf-8"))
    made = message(case["notice"], Extras(**case["options"]))
    assert made == case["message"]
    assert slack.wrong(made) == "", slack.mistakes


def test_there_are_golden_messages():
    assert {path.stem for path in GOLDEN.glob("*.json")} == {
        "firing", "resolved", "no-data", "buttons", "resolved-buttons", "series", "templated", "hostile", "long",
        "numbers", "context", "day-later",
    }  # fmt: skip


def texts(value: Any, kind: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a message with the type of what holds it."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value.get("type", "message"), value["text"]
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


EVIL = "<!channel> <@U1> *bold* _it_ `code` https://evil.example <https://evil|x> &amp; :fire:"


def test_no_value_mentions_links_or_formats():
    made = message(
        firing(key=EVIL, title=EVIL, observed={EVIL: EVIL}, samples=({EVIL: EVIL},)), Extras(buttons=True)
    )
    kinds = {kind for kind, _ in texts(made)}
    assert kinds <= {"message", "plain_text", "text"}  # nothing of them is read as markup
    assert "<" not in made["text"]
    assert made["mrkdwn"] is False
    assert not any(element.get("emoji") for block in made["blocks"] for element in block.get("elements", ()))


def test_in_a_template_values_are_escaped_and_the_template_is_not(slack):
    channel = hook(
        slack, text="*{{ severity }}* for {{ key }}: {{ observed['x'] }}", title="{{ monitor }}: {{ key }}"
    )
    assert results(channel, firing(key=EVIL, observed={"x": EVIL})) == [D]
    (section,) = [block for block in slack.messages[0]["blocks"] if block["type"] == "section"]
    text = section["text"]["text"]
    assert text.startswith("*critical* for &lt;!channel&gt; &lt;@U1&gt; ∗bold∗ ＿it＿ ˋcodeˋ ")
    assert "<" not in text
    assert slack.messages[0]["blocks"][0]["text"]["text"].startswith(f"🔴 CRITICAL  burst: {EVIL}")


def test_hostile_and_huge_values_fit_into_slack(slack):
    huge = firing(key="k" * 10**6, title="t" * 10**6, observed={"v" * 10**6: "w" * 10**6},
                  samples=tuple({"x": "y" * 10**6} for _ in range(40)))  # fmt: skip
    many = firing(samples=tuple({f"f{n}": '<>&"' * 40 for n in range(50)} for _ in range(100)))
    assert results(bot(slack, text=None, signing_secret="s" * 8), hostile(), huge, many) == [D, D, D]
    assert all(len(made["blocks"]) > 3 for made in slack.messages)
    assert HOSTILE not in json.dumps(slack.messages)


def test_escaping():
    assert escaped("a & b <c>") == "a &amp; b &lt;c&gt;"
    assert harmless("*a* a*b ~x~ `y` snake_case _z_") == "∗a∗ a∗b ∼x∼ ˋyˋ snake_case ＿z＿"


# the webhook


def test_a_webhook_posts_each_notice(slack):
    assert results(hook(slack), firing(), resolved()) == [D, D]
    assert [one["text"].split()[1] for one in slack.messages] == ["CRITICAL", "RESOLVED"]


@pytest.mark.parametrize(
    ("fault", "result", "sentence"),
    [
        (Fault("status", 500), A, "answered 500"),
        (Fault("status", 429, headers={"Retry-After": "30"}), A, "answered 429"),
        (Fault("error", name="no_service"), G, "the webhook was removed; make a new one"),
        (Fault("error", name="channel_is_archived"), G, "the channel is archived"),
        (Fault("late"), A, "did not answer within 0.4 s"),
        (Fault("lost"), A, "cannot be reached"),
        (Fault("half"), D, "answered 200"),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_what_a_webhook_answers(slack, fault, result, sentence):
    slack.faults.append(fault)
    channel = hook(slack, **({"timeout": "400ms"} if fault.kind == "late" else {}))
    answer: Answer = channel.send(firing())
    channel.close()
    assert answer.result is result
    assert sentence in answer.detail
    assert "s3cretpath" not in f"{answer.detail} {channel!r}"
    assert answer.wait == (timedelta(seconds=30) if fault.headers else None)


@pytest.mark.parametrize("make", [hook, bot])
def test_refused_blocks_leave_the_words(slack, make):
    slack.faults.append(Fault("error", name="invalid_blocks"))
    assert results(make(slack), firing()) == [D]
    (made,) = slack.messages
    assert "blocks" not in made
    assert made["text"].startswith("🔴 CRITICAL  burst of a-7")


# the bot


def test_the_end_goes_into_the_thread_and_the_first_message_shows_it(slack):
    assert results(bot(slack), firing(1), firing(2), resolved(3), firing(1, key="other")) == [D, D, D, D]
    first, other = slack.first
    assert [one["metadata"]["event_payload"]["notice"] for one in slack.thread(first["ts"])] == [
        firing(2)["notice"],
        resolved(3)["notice"],
    ]
    assert first["text"].startswith("🟢 RESOLVED")
    assert first["metadata"]["event_payload"]["notice"] == firing(1)["notice"]
    assert other["text"].startswith("🔴 CRITICAL")
    assert not slack.thread(other["ts"])


def test_the_thread_is_found_again_after_a_restart(slack):
    receipts = HeldReceipts()
    assert results(bot(slack, receipts), firing(1)) == [D]
    assert results(bot(slack, receipts), resolved(2)) == [D]
    (first,) = slack.first
    assert len(slack.thread(first["ts"])) == 1


@pytest.mark.parametrize("kind", ["lost", "half", "late"])
@pytest.mark.parametrize("restart", [False, True])
def test_after_an_unclear_answer_it_finds_its_own_message(slack, kind, restart):
    """Whichever of three calls loses its answer: nothing stands there twice, nothing is missing."""
    for number in range(3):
        slack.messages.clear()
        slack.calls.clear()
        receipts = HeldReceipts()
        slack.faults.extend([None] * number + [Fault(kind)])
        patience = "400ms" if kind == "late" else "10s"
        channel = bot(slack, receipts, timeout=patience)
        for notice in (firing(1), resolved(2)):
            tries = 0
            while channel.send(notice).result is A:
                tries += 1
                assert tries < 20  # on a busy machine a good answer may be late too
                if restart:
                    channel.close()
                    channel = bot(slack, receipts, timeout=patience)
        channel.close()
        (first,) = slack.first
        assert [one["text"].split()[1] for one in slack.thread(first["ts"])] == ["RESOLVED"]
        assert first["text"].split()[1] == "RESOLVED"


def test_it_looks_only_after_an_unclear_answer(slack):
    results(bot(slack), firing(1), resolved(2))
    assert slack.calls == ["chat.postMessage", "chat.postMessage", "chat.update"]


def test_it_searches_page_after_page(slack):
    slack.page = 1
    receipts = HeldReceipts()
    slack.faults.append(Fault("lost"))
    channel = bot(slack, receipts)
    assert channel.send(firing(1)).result is A
    for key in ("b", "c"):
        assert channel.send(firing(1, key=key)).result is D
    assert channel.send(firing(1)).detail.endswith("found there after an unclear answer")
    channel.close()
    assert slack.calls.count("conversations.history") == 3
    assert len(slack.messages) == 3


def test_killed_between_the_answer_and_the_mark(slack):
    """The same notice again, all of it done already: nothing is posted."""
    receipts = HeldReceipts()
    assert results(bot(slack, receipts), firing(1), resolved(2)) == [D, D]
    assert results(bot(slack, receipts), resolved(2)) == [D]
    assert len(slack.messages) == 2


def test_where_it_may_not_look_it_says_that_it_may_stand_there_twice(slack):
    channel = bot(slack)
    slack.faults.extend([Fault("lost"), Fault("error", name="missing_scope")])
    assert channel.send(firing(1)).result is A
    answer = channel.send(firing(1))
    channel.close()
    assert answer.result is D
    assert "it may stand there twice: conversations.history is refused (missing_scope)" in answer.detail
    assert len(slack.first) == 2


def test_a_deleted_first_message_begins_a_new_thread(slack):
    channel = bot(slack)
    assert channel.send(firing(1)).result is D
    slack.messages.clear()
    assert channel.send(resolved(2)).result is D
    channel.close()
    (only,) = slack.first
    assert only["text"].split()[1] == "RESOLVED"


def test_rate_limits_are_honoured_and_only_what_is_missing_is_done_again(slack):
    limit = Fault("status", 429, headers={"Retry-After": "7"})
    slack.faults.extend([limit, None, None, limit])
    channel = bot(slack)
    answers = [channel.send(notice) for notice in (firing(1), firing(1), resolved(2), resolved(2))]
    channel.close()
    assert [answer.result for answer in answers] == [A, D, A, D]
    assert [answers[0].wait, answers[2].wait] == [timedelta(seconds=7)] * 2
    (first,) = slack.first
    assert len(slack.thread(first["ts"])) == 1
    assert first["text"].split()[1] == "RESOLVED"


@pytest.mark.parametrize(
    ("name", "result", "advice"),
    [
        ("not_in_channel", G, "invite the bot"),
        ("channel_not_found", G, "`channel` must be the id"),
        ("token_revoked", G, "install the app again"),
        ("missing_scope", G, "chat:write"),
        ("something_new", G, "refuses chat.postMessage: something_new"),
        ("internal_error", A, "asks to come again"),
        ("ratelimited", A, "asks to come again"),
    ],
)
def test_what_the_api_says(slack, name, result, advice):
    slack.faults.append(Fault("error", name=name))
    channel = bot(slack)
    answer = channel.send(firing())
    channel.close()
    assert answer.result is result
    assert advice in answer.detail


def test_a_wrong_token_is_said_and_never_shown(slack):
    channel = bot(slack, token="xoxb-s3cret-wrong")
    answer = channel.send(firing())
    channel.close()
    assert answer == Answer(G, "Slack refuses chat.postMessage: invalid_auth; the token is wrong")
    assert (
        "s3cret"
        not in f"{channel!r}{Config.model_validate({'token': 'xoxb-s3cret-wrong', 'channel': CHANNEL})!r}"
    )


def test_a_store_that_refuses_keeps_the_notice_waiting(slack):
    from streamgauge.errors import StoreError

    class Full(HeldReceipts):
        def keep(self, name: str, body: str) -> None:
            raise StoreError("the disk is full")

    channel = bot(slack, Full())
    answer = channel.send(firing())
    channel.close()
    assert answer == Answer(A, "where it stands in Slack could not be kept: the disk is full")
    assert not slack.messages


# the contract, the configuration


@pytest.mark.parametrize("make", [hook, bot])
def test_it_keeps_the_contract(slack, make):
    check_channel(lambda: make(slack), delivers=True)
    slack.faults.extend([Fault("status", 503)] * 100)
    check_channel(lambda: make(slack), delivers=False)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({}, "either `webhook`, or `token`"),
        (
            {"webhook": "https://h/s3cret", "token": "xoxb-s3cret-x", "channel": CHANNEL},
            "either `webhook`, or `token`",
        ),
        ({"token": "xoxb-s3cret-x"}, "a bot needs the id of its channel"),
        ({"webhook": "https://h/s3cret", "channel": CHANNEL}, "leave it out"),
        ({"webhook": "s3cret"}, "expected a URL"),
        ({"token": "xoxb s3cret\n", "channel": CHANNEL}, "expected a bot's token"),
        ({"token": "xoxb-s3cret-x", "channel": "#alerts"}, "expected the id of a channel"),
        ({"token": "xoxb-s3cret-x", "channel": CHANNEL, "api": "ftp://x"}, "https://slack.com/api"),
        ({"webhook": "https://h/s3cret", "text": "{% if %}"}, "this template cannot be read"),
    ],
)
def test_mistakes_are_said_without_the_secret(wrong, sentence):
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(wrong)
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)
