"""Messages in Slack, by an Incoming Webhook or by a bot's token.

.. code-block:: yaml

    channels:
      ops: {type: slack, webhook: "${SLACK_WEBHOOK_URL}"}
      payments: {type: slack, token: "${SLACK_BOT_TOKEN}", channel: C0123456789}

A webhook posts and forgets. A bot keeps one message per incident: what follows goes into its thread, and the message
itself shows how the incident stands. With ``signing_secret`` the messages carry buttons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from streamgauge.channels.contract import (
    Answer,
    Channel,
    ChannelConfig,
    HeldReceipts,
    Receipts,
    Recent,
    Result,
    nothing_recent,
)
from streamgauge.channels.payload import encode
from streamgauge.channels.posting import NoReplyError, Poster, checked_url, is_http_url, origin, secrets_of
from streamgauge.channels.slack_answers import BAD_BLOCKS, read_webhook
from streamgauge.channels.slack_blocks import Extras, harmless, message, text_only
from streamgauge.channels.slack_bot import SlackBot
from streamgauge.channels.templating import Templated, TemplateText
from streamgauge.clock import Clock, SystemClock, to_datetime
from streamgauge.settings import PositiveDuration, wrong

CHANNEL = re.compile(r"^[CGD][A-Z0-9]{5,}$")
"""The form of a channel's id."""


class Config(ChannelConfig):
    """What may be written beside ``type: slack``: a ``webhook``, or a ``token`` and a ``channel``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["slack"] = "slack"
    webhook: SecretStr | None = None
    """The Incoming Webhook's URL; never shown beyond its host."""
    token: SecretStr | None = None
    """The bot's token (``xoxb-…``); never shown."""
    channel: str | None = Field(default=None, json_schema_extra={"pattern": CHANNEL.pattern})
    """The id of the bot's channel, as the channel's details show it at their end."""
    signing_secret: SecretStr | None = None
    """The app's signing secret: messages carry buttons, and what is pressed is believed; never shown."""
    title: TemplateText | None = None
    """A Jinja template of the first line; default: the notice's title."""
    text: TemplateText | None = None
    """A Jinja template of what stands below it, in Slack's markup; default: what was observed and expected."""
    timeout: PositiveDuration = timedelta(seconds=10)
    """For each request as a whole."""
    api: str = "https://slack.com/api"
    """The Web API's address; another one for GovSlack, or a stand-in."""

    @field_validator("channel")
    @classmethod
    def _is_an_id(cls, channel: str | None) -> str | None:
        if channel is not None and not CHANNEL.fullmatch(channel):
            raise ValueError(
                "expected the id of a channel, such as C0123456789; its details show it at their end"
            )
        return channel

    @model_validator(mode="after")
    def _one_way(self) -> Config:
        if (self.webhook is None) == (self.token is None):
            raise wrong("webhook", "name one way: either `webhook`, or `token` with `channel`")
        if self.token is not None and self.channel is None:
            raise wrong("channel", "a bot needs the id of its channel, such as C0123456789")
        if self.webhook is not None and self.channel is not None:
            raise wrong("channel", "a webhook posts to the channel that it was made for; leave it out")
        if self.webhook is not None and not is_http_url(self.webhook.get_secret_value()):
            raise wrong("webhook", "expected a URL such as https://hooks.slack.com/services/…")
        if self.token is not None and not _fits_a_header(self.token.get_secret_value()):
            raise wrong("token", "expected a bot's token such as xoxb-…")
        if not is_http_url(self.api):
            raise wrong("api", "expected a URL such as https://slack.com/api")
        return self


class SlackWebhook:
    """Posts to an Incoming Webhook; it tells nothing back, so each notice is a message of its own."""

    def __init__(
        self,
        url: str,
        timeout: timedelta,
        compose: Callable[[Mapping[str, Any]], dict[str, Any]],
        clock: Clock,
    ) -> None:
        self._url = checked_url(url, "`webhook` of a Slack channel")
        self.origin = origin(url)
        self._compose = compose
        self._clock = clock
        self._poster = Poster({"Content-Type": "application/json; charset=utf-8"}, timeout, secrets_of(url))

    def __repr__(self) -> str:
        return f"SlackWebhook({self.origin})"

    def send(self, notice: dict[str, Any]) -> Answer:
        """Post it once; with its text alone where Slack refuses the blocks."""
        made = self._compose(notice)
        try:
            said, answer = self._post(made)
            if answer.result is Result.GAVE_UP and said in BAD_BLOCKS:
                _, answer = self._post(text_only(made))
        except NoReplyError as error:
            return Answer(Result.AGAIN, str(error))
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._poster.close()

    def _post(self, made: Mapping[str, Any]) -> tuple[str, Answer]:
        reply = self._poster.post(self._url, encode(made))
        said = self._poster.tell(reply.body)
        return said, read_webhook(reply, said, self.origin, to_datetime(self._clock.now()))


def open_channel(
    config: Config,
    name: str,
    *,
    clock: Clock | None = None,
    receipts: Receipts | None = None,
    recent: Recent = nothing_recent,
) -> Channel:
    """The channel of ``config``; nothing is connected before the first notice.

    ``receipts``: where a bot's messages stand; without it a restart begins a new thread.
    """
    clock = clock or SystemClock()
    compose = _composer(config, name, recent)
    if config.token is None:
        assert config.webhook is not None
        return SlackWebhook(config.webhook.get_secret_value(), config.timeout, compose, clock)
    assert config.channel is not None
    poster = Poster({"Authorization": f"Bearer {config.token.get_secret_value()}"}, config.timeout)
    api = checked_url(config.api, "`api` of a Slack channel").rstrip("/")
    return SlackBot(poster, (api, config.channel), compose, receipts or HeldReceipts(), clock)


def _composer(config: Config, name: str, recent: Recent) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    title = Templated(config.title, f"the title of channel {name}")
    text = Templated(config.text, f"the text of channel {name}", harmless)

    def compose(notice: Mapping[str, Any]) -> dict[str, Any]:
        (line, why), (body, reason) = title.render(notice), text.render(notice)
        remarks = [sentence for sentence in (why, reason) if sentence]
        series = recent(notice)
        buttons = config.signing_secret is not None
        return message(notice, Extras(line, body, series, buttons, remarks))

    return compose


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and len(text) > 8
