"""Each channel has its page; what stands there runs."""

import re
from pathlib import Path

import pytest

from streamgauge.channels.webhook import signature
from streamgauge.config import load
from streamgauge.config.plugins import config_class, module, names
from tests.channels.notices import firing
from tests.channels.test_console import FIRING

PAGES = Path(__file__).parents[2] / "docs" / "channels"
ENVIRON = {
    "ALERT_URL": "https://hooks.example.com/s3cret",
    "ALERT_TOKEN": "tok3n-value",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.example/services/s3cret",
    "SMTP_PASSWORD": "s3cret",
}


def blocks(name: str, language: str) -> list[str]:
    text = (PAGES / f"{name}.md").read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("name", names("channels"))
def test_the_example_of_each_page_is_a_configuration(name):
    example = blocks(name, "yaml")[0]
    (channel,) = load(example, environ=ENVIRON).channels.values()
    assert channel.type == name
    assert "s3cret" not in f"{channel!r} {channel.public()}"
    opened = module("channels", name).open_channel(channel, "ops")
    opened.close()


@pytest.mark.parametrize("name", names("channels"))
def test_each_page_tells_every_key_and_speaks_of_repeats(name):
    text = (PAGES / f"{name}.md").read_text("utf-8")
    for key in set(config_class("channels", name).model_fields) - {"type"}:
        assert f"\n| `{key}` |" in text
    assert "**Repeats.**" in text


def test_there_is_no_page_without_a_channel():
    assert sorted(page.stem for page in PAGES.glob("*.md")) == names("channels")


def test_the_alert_on_the_page_is_the_one_that_is_printed():
    assert blocks("console", "text") == [FIRING]


def test_the_json_on_the_page_has_the_fields_that_are_sent():
    import msgspec

    (example,) = blocks("webhook", "json")
    shown = msgspec.json.decode(example)
    told = re.search(r"\(Left out here: (.*?)\)", (PAGES / "webhook.md").read_text("utf-8"), re.DOTALL)
    assert told is not None
    left_out = set(re.findall(r"`(\w+)`", told[1]))
    assert set(shown) | left_out == {*firing(), "around"}, "the last only where something else began"


def test_dropping_repeats_as_the_pages_say(capsys, tmp_path, monkeypatch):
    from streamgauge.channels.csv import CsvChannel

    webhook: dict[str, object] = {}
    exec(blocks("webhook", "python")[0], webhook)
    receive = webhook["receive"]
    assert callable(receive)
    assert [receive({"Idempotency-Key": "n"}, b"1"), receive({"Idempotency-Key": "n"}, b"1")] == [200, 200]
    assert capsys.readouterr().out.count("to be acted on") == 1

    exec(blocks("webhook", "python")[1], webhook)
    is_ours = webhook["is_ours"]
    assert callable(is_ours)
    signed = signature(b"key", 1_000, b"{}")
    assert is_ours(b"key", signed, b"{}", 1_100)
    assert not is_ours(b"key", signed, b"{}", 1_400)
    assert not is_ours(b"key", signed, b"[]", 1_100)

    kafka: dict[str, object] = {}
    exec(blocks("kafka", "python")[0], kafka)
    is_new = kafka["is_new"]
    assert callable(is_new)
    assert [is_new([("idempotency-key", b"n")]), is_new([("idempotency-key", b"n")])] == [True, False]

    monkeypatch.chdir(tmp_path)
    channel = CsvChannel(Path("alerts/burst.csv"))
    for notice in (firing(), firing(), firing(2)):
        channel.send(notice)
    csv: dict[str, object] = {}
    exec(blocks("csv", "python")[0], csv)
    alerts: object = csv["alerts"]
    assert getattr(alerts, "height", None) == 2
