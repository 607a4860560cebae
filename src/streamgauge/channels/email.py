"""Notices by mail, as plain text over SMTP.

.. code-block:: yaml

    channels:
      ops:
        type: email
        host: smtp.example.com
        sender: gauge@example.com
        to: [ops@example.com]
        user: gauge
        password: "${SMTP_PASSWORD}"
"""

from __future__ import annotations

import re
import smtplib
import ssl
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import blake2b
from typing import Any, Literal

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from streamgauge.channels.contract import Answer, ChannelConfig, Result
from streamgauge.channels.posting import BODY
from streamgauge.channels.templating import Templated, TemplateText
from streamgauge.channels.wording import printable, wording
from streamgauge.clock import Clock, SystemClock, to_datetime
from streamgauge.settings import FileName, Names, PositiveDuration, wrong

SUBJECT = 200
"""Characters of the subject."""

STEPS = 4
"""The whole conversation may take so many time-outs."""

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Config(ChannelConfig):
    """What may be written beside ``type: email``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["email"] = "email"
    host: str = Field(min_length=1)
    """The SMTP server."""
    port: int | None = Field(default=None, gt=0, le=65_535)
    """Its port; default: 587 for starttls, 465 for tls, 25 for none."""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is secured; with none, nothing is, and no password is sent."""
    sender: str
    """The address that it comes from."""
    to: Names
    """The address or addresses that it goes to."""
    user: str | None = None
    """Who signs in, with `password`."""
    password: SecretStr | None = None
    """Of the user; never shown."""
    title: TemplateText | None = None
    """A Jinja template of the subject; default: severity and the notice's title."""
    text: TemplateText | None = None
    """A Jinja template of the text; default: what was observed and expected."""
    timeout: PositiveDuration = timedelta(seconds=10)
    """For each step of the conversation."""
    ca_file: FileName | None = None
    """Certificates to trust instead of the machine's own."""

    @field_validator("sender")
    @classmethod
    def _is_an_address(cls, sender: str) -> str:
        if not _ADDRESS.fullmatch(sender):
            raise ValueError("expected an address such as gauge@example.com")
        return sender

    @field_validator("to")
    @classmethod
    def _are_addresses(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        if not to or not all(_ADDRESS.fullmatch(address) for address in to):
            raise ValueError("expected an address such as ops@example.com, or a list of them")
        return to

    @model_validator(mode="after")
    def _signs_in_safely(self) -> Config:
        if (self.user is None) != (self.password is None):
            raise wrong("user", "`user` and `password` go together")
        if self.user is not None and self.tls == "none":
            raise wrong("tls", "a password is not sent without encryption; take starttls or tls")
        return self


class EmailChannel:
    """Sends a notice as one message to all addresses, over a connection of its own."""

    def __init__(self, config: Config, name: str, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._port = config.port or _PORTS[config.tls]
        self.where = f"{printable(config.host, 100)}:{self._port}"
        self._title = Templated(config.title, f"the title of channel {name}")
        self._text = Templated(config.text, f"the text of channel {name}")

    def __repr__(self) -> str:
        return f"EmailChannel({self.where})"

    def send(self, notice: dict[str, Any]) -> Answer:
        """Hand it to the server; delivered means that the server has taken it for at least one address.

        A server that answers a byte at a time would hold each step's time-out off for ever, so the conversation has
        a bound of its own; a thread that is still in it then is left behind.
        """
        message, seconds = self.message(notice), STEPS * self._config.timeout.total_seconds()
        answers: list[Answer] = []
        speaking = threading.Thread(target=lambda: answers.append(self._hand_over(message)), daemon=True)
        speaking.start()
        speaking.join(seconds)
        return (
            answers[0] if answers else Answer(Result.AGAIN, f"{self.where} did not end within {seconds:g} s")
        )

    def _hand_over(self, message: EmailMessage) -> Answer:
        try:
            with self._connect() as server:
                refused = server.send_message(message, self._config.sender, list(self._config.to))
        except smtplib.SMTPRecipientsRefused as error:
            return self._refused(error.recipients)
        except smtplib.SMTPResponseException as error:
            return self._said(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            return Answer(Result.AGAIN, f"{self.where} cannot be reached: {self._tell(error)}")
        if refused:
            names = ", ".join(printable(name, 100) for name in refused)
            return Answer(Result.DELIVERED, f"{self.where} took it, but not for {names}")
        return Answer(Result.DELIVERED, f"{self.where} took it")

    def close(self) -> None:
        """Nothing is held."""

    def message(self, notice: Mapping[str, Any]) -> EmailMessage:
        """The mail of a notice; the same one for the same notice, but for its date."""
        (subject, why), (text, reason) = self._title.render(notice), self._text.render(notice)
        words = wording(notice)
        made = EmailMessage(policy=policy.SMTP)
        made["From"] = self._config.sender
        made["To"] = ", ".join(self._config.to)
        made["Subject"] = _plain(subject or f"[{words.word}] {words.title}", SUBJECT)
        made["Date"] = format_datetime(to_datetime(self._clock.now()))
        made["Message-ID"] = f"<{_digest(notice.get('notice'))}@{self._domain()}>"
        first = f"<{_digest(notice.get('id'))}@{self._domain()}>"
        made["In-Reply-To"] = first  # mail programs show what belongs to one incident together
        made["References"] = first
        made["Auto-Submitted"] = "auto-generated"
        made["X-Streamgauge-Notice"] = _plain(str(notice.get("notice") or ""), 300)
        body = text if text is not None else _body(words.title, words.lines)
        remarks = "".join(f"\n({remark})" for remark in (why, reason) if remark)
        made.set_content(_encodable(f"{body}\n{remarks}"), cte="quoted-printable")
        return made

    def _connect(self) -> smtplib.SMTP:
        config, seconds = self._config, self._config.timeout.total_seconds()
        context = None if config.tls == "none" else ssl.create_default_context(cafile=config.ca_file)
        if config.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(config.host, self._port, timeout=seconds, context=context)
        else:
            server = smtplib.SMTP(config.host, self._port, timeout=seconds)
        try:
            if config.tls == "starttls":
                server.starttls(context=context)
            if config.user is not None and config.password is not None:
                server.login(config.user, config.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _refused(self, recipients: Mapping[str, tuple[int, bytes]]) -> Answer:
        """No address was taken: for good only where each refusal is."""
        code, said = min(recipients.values(), key=lambda answer: answer[0])
        return self._said(code, said)

    def _said(self, code: int, said: bytes | str) -> Answer:
        """4yz may pass, 5yz will not."""
        result = Result.GAVE_UP if 500 <= code < 600 else Result.AGAIN
        verb = "refused it" if result is Result.GAVE_UP else "asks to come again"
        return Answer(result, f"{self.where} {verb}: {code} {self._tell(said)}")

    def _tell(self, said: object) -> str:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        if self._config.password is not None:
            text = text.replace(self._config.password.get_secret_value(), "***")
        return printable(text or type(said).__name__, BODY)

    def _domain(self) -> str:
        return self._config.sender.rpartition("@")[2]


def open_channel(config: Config, name: str, *, clock: Clock | None = None) -> EmailChannel:
    """The channel of ``config``; nothing is connected before the first notice."""
    return EmailChannel(config, name, clock or SystemClock())


def _body(title: str, lines: Sequence[tuple[str, str]]) -> str:
    return "\n".join([title, "", *(f"{label:<10} {text}" for label, text in lines)])


def _plain(text: str, limit: int) -> str:
    """One line that a header can hold."""
    return _encodable(printable(" ".join(text.split()), limit))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _digest(text: object) -> str:
    return blake2b(str(text).encode("utf-8", "replace"), digest_size=16).hexdigest()
