"""Incidents as alerts of a Prometheus Alertmanager (API v2), which groups, silences and routes them in its own way.

.. code-block:: yaml

    channels:
      ops: {type: alertmanager, url: "http://alertmanager:9093"}

An alert that is not sent again ends by itself, so what fires is sent each minute until it is over. What fires is kept
as receipts: after a restart the next minute's turn goes on with it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
import structlog
from pydantic import ConfigDict, Field, SecretStr, field_validator

from streamgauge.channels.contract import Answer, ChannelConfig, HeldReceipts, Receipts, Result
from streamgauge.channels.payload import encode
from streamgauge.channels.posting import (
    NoReplyError,
    Poster,
    checked_url,
    is_http_url,
    judge,
    origin,
    secrets_of,
)
from streamgauge.channels.templating import Templated, TemplateText
from streamgauge.channels.wording import printable, wording
from streamgauge.clock import Clock, SystemClock, iso, to_datetime, to_micros
from streamgauge.errors import StoreError
from streamgauge.settings import Names, PositiveDuration

VALUE = 500
"""Characters of a label's value."""
TEXT = 2_000
"""Characters of an annotation."""
TOGETHER = 500
"""Alerts of one request."""
OUTLIVES = 4
"""An alert ends by itself when it was not sent again for so many turns."""

_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_log = structlog.get_logger("streamgauge.channels")


class Config(ChannelConfig):
    """What may be written beside ``type: alertmanager``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["alertmanager"] = "alertmanager"
    url: Names
    """Of the Alertmanager, such as http://alertmanager:9093; of a cluster, all of them."""
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    """Sent along, such as Authorization; their values are never shown."""
    labels: Mapping[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """Put on each alert, such as cluster: eu-1."""
    summary: TemplateText | None = None
    """A Jinja template of the annotation ``summary``; default: the notice's title."""
    resend: PositiveDuration = timedelta(minutes=1)
    """How often what fires is sent again."""
    timeout: PositiveDuration = timedelta(seconds=5)
    """For each request as a whole."""

    @field_validator("url")
    @classmethod
    def _are_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if not urls or not all(is_http_url(url) for url in urls):
            raise ValueError("expected a URL such as http://alertmanager:9093, or a list of them")
        return urls

    @field_validator("labels")
    @classmethod
    def _are_labels(cls, labels: Mapping[str, str]) -> Mapping[str, str]:
        for name in labels:
            if _LABEL.search(name) or name[:1].isdigit() or not name:
                raise ValueError(f"{name!r} cannot be the name of a label; take letters, digits and _")
        return labels


class AlertmanagerChannel:
    """Sends alerts, and sends them again. ``send`` comes from one thread; the turns have their own.

    Args:
        config: checked.
        name: the channel's, for the log.
        receipts: what fires.
        clock: stamps alerts.
    """

    def __init__(self, config: Config, name: str, receipts: Receipts, clock: Clock) -> None:
        headers = {key: value.get_secret_value() for key, value in config.headers.items()}
        self._config = config
        self._urls = [
            checked_url(f"{url.rstrip('/')}/api/v2/alerts", "`url` of an Alertmanager") for url in config.url
        ]
        secrets = [secret for url in config.url for secret in secrets_of(url)]
        self._poster = Poster({**headers, "Content-Type": "application/json"}, config.timeout, secrets)
        self._summary = Templated(config.summary, f"the summary of channel {name}")
        self._receipts = receipts
        self._clock = clock
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._turns = threading.Thread(target=self._run, name=f"alerts of {name}", daemon=True)
        self._turns.start()

    def __repr__(self) -> str:
        return f"AlertmanagerChannel({', '.join(map(origin, self._config.url))})"

    def send(self, notice: dict[str, Any]) -> Answer:
        """Let the alert fire, or end it."""
        with self._lock:
            try:
                return self._tell(notice)
            except StoreError as error:
                return Answer(Result.AGAIN, f"what fires could not be kept: {error}")

    def refresh(self) -> Answer:
        """One turn: send all that fires once more, and the ends that nobody took yet."""
        with self._lock:
            kept = {name: msgspec.json.decode(body) for name, body in self._receipts.kept().items()}
            answer = Answer(Result.DELIVERED, "nothing fires")
            for some in _some(list(kept.items())):
                answer = self._post([self._lasting(alert) for _, alert in some])
                if answer.result is not Result.DELIVERED:
                    return answer
                for name, alert in some:
                    if "endsAt" in alert:
                        self._receipts.forget(name)
            return answer

    def close(self) -> None:
        """End the turns and close the connections; what fires ends there by itself unless it is sent again."""
        self._ending.set()
        self._turns.join()
        self._poster.close()
        self._receipts.close()

    def _tell(self, notice: Mapping[str, Any]) -> Answer:
        name = str(notice.get("id") or notice["notice"])
        alert, failed = self._alert(notice)
        before = self._receipts.recall(name)
        alerts = [alert]
        if before is not None:
            old = msgspec.json.decode(before)
            if old["labels"] != alert["labels"]:  # to Alertmanager it is another one: the old one is over
                alerts.append({**old, "endsAt": iso(self._clock.now())})
        self._receipts.keep(name, encode(alert).decode())
        answer = self._post([self._lasting(one) for one in alerts])
        if answer.result is Result.DELIVERED and "endsAt" in alert:
            self._receipts.forget(name)
        return Answer(answer.result, f"{answer.detail}; {failed}", answer.wait) if failed else answer

    def _alert(self, notice: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        now = self._clock.now()
        over = notice.get("status") == "resolved"
        began = min(_micros(notice.get("opened_at"), now), now - 1000)
        summary, failed = self._summary.render(notice)
        words = wording(notice)
        annotations = {
            "summary": printable(summary, VALUE) if summary else words.title,
            "description": "\n".join(f"{label}: {text}" for label, text in words.lines)[:TEXT],
            "notice": printable(notice.get("notice") or "", VALUE),
            "runbook_url": _link(notice.get("runbook")),
            "template_error": failed,
        }
        alert: dict[str, Any] = {
            "labels": {**labels(notice), **self._config.labels},
            "annotations": {name: text for name, text in annotations.items() if text},
            "startsAt": iso(began),
        }
        page = _link(notice.get("link"))
        if page:
            alert["generatorURL"] = page
        if over:
            alert["endsAt"] = iso(now)
        return alert, failed

    def _lasting(self, alert: Mapping[str, Any]) -> dict[str, Any]:
        """With an end: its own, or the moment after which it is taken for over when nobody sends it again."""
        until = self._clock.now() + OUTLIVES * to_micros(self._config.resend)
        return {"endsAt": iso(until), **alert}

    def _post(self, alerts: Sequence[Mapping[str, Any]]) -> Answer:
        """To all of a cluster; it is enough that one takes them, since they tell each other."""
        content = encode(alerts)
        answers = [self._post_to(url, content) for url in self._urls]
        return next((one for one in answers if one.result is Result.DELIVERED), answers[0])

    def _post_to(self, url: str, content: bytes) -> Answer:
        try:
            reply = self._poster.post(url, content)
        except NoReplyError as error:
            return Answer(Result.AGAIN, str(error))
        now = to_datetime(self._clock.now())
        return judge(reply.status, reply.headers, self._poster.tell(reply.body), origin(url), now)

    def _run(self) -> None:
        """The turns, by real time: an Alertmanager's clock is not ours to push."""
        wait = self._config.resend.total_seconds()
        while not self._ending.wait(wait):
            try:
                answer = self.refresh()
            except Exception as error:  # noqa: BLE001  the turns must not end with one that failed
                answer = Answer(Result.AGAIN, f"{type(error).__name__}: {printable(error, VALUE)}")
            if answer.result is not Result.DELIVERED:
                _log.warning("what fires could not be sent again", channel=repr(self), why=answer.detail)


def open_channel(
    config: Config, name: str, *, clock: Clock | None = None, receipts: Receipts | None = None
) -> AlertmanagerChannel:
    """The channel of ``config``.

    ``receipts``: what fires; without it a restart forgets what is to be sent again.
    """
    return AlertmanagerChannel(config, name, receipts or HeldReceipts(), clock or SystemClock())


def labels(notice: Mapping[str, Any]) -> dict[str, str]:
    """What names the alert: the same from its beginning to its end, unless its severity changes.

    >>> labels({"monitor": "burst", "key": ["CH", 7], "severity": "critical", "incident": "verdict"})
    {'alertname': 'burst', 'severity': 'critical', 'key': 'CH · 7'}
    """
    key = notice.get("key")
    shown = " · ".join(map(str, key)) if isinstance(key, (list, tuple)) else "" if key is None else str(key)
    kind = notice.get("incident")
    own = notice.get("labels")
    found: dict[str, object] = (
        {_LABEL.sub("_", str(name)): value for name, value in own.items()} if own else {}
    )
    found |= {
        "alertname": notice.get("monitor") or "streamgauge",
        "severity": notice.get("severity") or "critical",
        "key": shown,
        "incident": "" if kind == "verdict" else kind,
    }
    plain = {
        _first_letter(name): printable(value, VALUE)
        for name, value in found.items()
        if value not in (None, "")
    }
    return {name: value for name, value in plain.items() if value}


def _first_letter(name: str) -> str:
    return f"_{name}" if name[:1].isdigit() or not name else name


def _link(url: object) -> str:
    return url if isinstance(url, str) and is_http_url(url) and len(url) <= TEXT else ""


def _micros(text: object, default: int) -> int:
    with suppress(ValueError, TypeError):
        return to_micros(datetime.fromisoformat(str(text)))
    return default


def _some(items: list[tuple[str, Any]]) -> Iterable[list[tuple[str, Any]]]:
    for start in range(0, len(items), TOGETHER):
        yield items[start : start + TOGETHER]
