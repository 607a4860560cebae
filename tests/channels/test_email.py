"""Mail, against a real SMTP server on loopback: what arrives, what is refused, what is lost on the way."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError

from streamgauge.channels.contract import Answer, Result
from streamgauge.channels.email import Config, open_channel
from streamgauge.conformance.channels import check_channel
from streamgauge.testing import PushedClock
from tests.channels.notices import AT, UNPAIRED, firing, hostile, resolved

D, A, G = Result.DELIVERED, Result.AGAIN, Result.GAVE_UP
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


class Post:
    """A mail server's other side: keeps what comes, answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.to: list[list[str]] = []
        self.answers: dict[str, list[str]] = {"RCPT": [], "DATA": []}

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answers = self.answers["RCPT"]
        answer = answers.pop(0) if answers else "250 OK"
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answers = self.answers["DATA"]
        answer = answers.pop(0) if answers else "250 OK"
        content = envelope.content
        assert isinstance(content, bytes)
        if answer.startswith("2"):
            self.raw.append(content)
            self.mails.append(message_from_bytes(content, policy=policy.default))
            self.to.append(envelope.rcpt_tos)
        if answer == "cut":
            self.mails.append(message_from_bytes(content, policy=policy.default))
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return answer


class Server:
    """The server on a loop and a thread of its own."""

    def __init__(self, post: Post, ssl_context: ssl.SSLContext | None = None, **more: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        made = self._loop.create_server(
            lambda: SMTP(post, loop=self._loop, hostname="mail", **more), "127.0.0.1", 0, ssl=ssl_context
        )
        self._server = asyncio.run_coroutine_threadsafe(made, self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._server.close)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def plain(post: Post) -> Iterator[Server]:
    server = Server(post)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 and its key, in one file."""
    import subprocess

    file: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-keyout", str(file) + ".key", "-out", str(file), "-days", "2", "-subj", "/CN=127.0.0.1",
               "-addext", "subjectAltName=IP:127.0.0.1"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return file


def secured(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    return context


def settings(server: Server, **more: Any) -> Config:
    given = {"host": "127.0.0.1", "port": server.port, "tls": "none", "sender": "gauge@example.com",
             "to": ["ops@example.com"], "timeout": "20s"}  # fmt: skip
    return Config.model_validate({**given, **more})


def send(config: Config, *notices: dict[str, Any]) -> list[Answer]:
    channel = open_channel(config, "ops", clock=PushedClock(AT))
    answers = [channel.send(notice) for notice in notices or (firing(),)]
    channel.close()
    return answers


def test_what_arrives(post: Post, plain: Server):
    answers = send(settings(plain, to=["ops@example.com", "second@example.com"]), firing(), resolved())
    assert answers == [Answer(D, f"127.0.0.1:{plain.port} took it")] * 2
    first, second = post.mails
    assert post.to[0] == ["ops@example.com", "second@example.com"]
    assert first["From"] == "gauge@example.com"
    assert first["Subject"] == f"[CRITICAL] {firing()['title']}"
    assert second["Subject"].startswith("[RESOLVED] ")
    assert first["Date"] == "Sun, 22 Nov 2026 12:00:03 +0000"
    assert first["X-Streamgauge-Notice"] == firing()["notice"]
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert first.get_content_type() == "text/plain"
    text = first.get_content()
    assert "when       2026-11-22 12:00:03.250 UTC" in text
    assert firing()["notice"] in text


def test_the_same_notice_again_is_the_same_mail(post: Post, plain: Server):
    send(settings(plain), firing(), firing())
    first, again = post.mails
    assert first["Message-ID"] == again["Message-ID"]


def test_hostile_values_add_no_header_no_address_and_no_markup(post: Post, plain: Server):
    evil = "a\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script>\r\n.\r\nMAIL FROM:<x@y>"
    notices = [
        hostile(),
        firing(title=evil, key=evil),
        firing(title="t" * 10**6, key="k" * 10**6),
        firing(title=UNPAIRED),
    ]
    assert [answer.result for answer in send(settings(plain), *notices)] == [D] * 4
    for mail, to, raw in zip(post.mails, post.to, post.raw, strict=True):
        assert to == ["ops@example.com"]
        assert mail["Bcc"] is None
        assert mail.get_content_type() == "text/plain"
        assert not mail.is_multipart()
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        assert b"\x1b" not in raw
        assert "\u202e" not in mail.get_content() + mail["Subject"]


def test_templates(post: Post, plain: Server):
    config = settings(
        plain, title="{{ monitor }}\n for {{ key }}", text="spent {{ observed.spent }}\nby {{ key }}"
    )
    send(config, firing(key="a\r\nBcc: x@y"))
    (mail,) = post.mails
    assert mail["Subject"] == "burst for a\\r\\nBcc: x@y"
    assert mail.get_content().splitlines() == ["spent 10412.499", "by a\\r\\nBcc: x@y"]
    send(settings(plain, text="{{ no.such }}"))
    assert "the template of the text of channel ops failed" in post.mails[1].get_content()
    assert "in the window" in post.mails[1].get_content()


@pytest.mark.parametrize(
    ("command", "said", "result", "sentence"),
    [
        ("RCPT", "550 no such user", G, "refused it: 550 no such user"),
        ("RCPT", "450 greylisted", A, "asks to come again: 450 greylisted"),
        ("DATA", "554 spam", G, "refused it: 554 spam"),
        ("DATA", "451 later", A, "asks to come again: 451 later"),
        ("DATA", "cut", A, "cannot be reached"),
    ],
)
def test_what_the_server_says(post: Post, plain: Server, command, said, result, sentence):
    post.answers[command].append(said)
    (answer,) = send(settings(plain))
    assert answer.result is result
    assert sentence in answer.detail


def test_one_address_of_two_is_delivered_and_said(post: Post, plain: Server):
    post.answers["RCPT"].append("550 no such user")
    (answer,) = send(settings(plain, to=["gone@example.com", "ops@example.com"]))
    assert answer == Answer(D, f"127.0.0.1:{plain.port} took it, but not for gone@example.com")
    assert post.to == [["ops@example.com"]]


def test_nobody_there(plain: Server):
    config = settings(plain)
    plain.stop()
    (answer,) = send(config)
    assert answer.result is A
    assert "cannot be reached" in answer.detail


@pytest.mark.parametrize("trickles", [False, True])
def test_a_server_that_never_ends_is_left_in_time(trickles: bool):
    """It says nothing, or a byte of its greeting at a time, endlessly."""
    over = threading.Event()

    def greet(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            while not over.wait(0.03):
                connection.sendall(b"2" if trickles else b"")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=greet, args=(listening,))
        server.start()
        given = {"host": "127.0.0.1", "port": listening.getsockname()[1], "tls": "none", "timeout": "100ms"}
        began = time.monotonic()
        (answer,) = send(Config.model_validate({**given, "sender": "a@example.com", "to": "b@example.com"}))
        assert time.monotonic() - began < 30
        over.set()
        server.join()
    assert answer.result is A
    assert ("did not end within 0.4 s" if trickles else "timed out") in answer.detail


def right(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
) -> AuthResult:
    return AuthResult(success=data == LoginPassword(b"gauge", b"s3cret-word"), handled=False)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_encrypted_and_signed_in(post: Post, certificate: Path, tls: str):
    context = secured(certificate)
    how: dict[str, Any] = (
        {"ssl_context": context} if tls == "tls" else {"tls_context": context, "require_starttls": True}
    )
    server = Server(post, authenticator=right, auth_required=True, auth_require_tls=tls == "starttls", **how)
    try:
        fine = {"tls": tls, "user": "gauge", "password": "s3cret-word", "ca_file": str(certificate)}
        (answer,) = send(settings(server, **fine))
        assert answer.result is D, answer.detail
        (wrong,) = send(settings(server, **{**fine, "password": "s3cret-wrong"}))
        assert (wrong.result, "535" in wrong.detail, "s3cret" in wrong.detail) == (G, True, False)
        (strange,) = send(settings(server, **{**fine, "ca_file": None}))
        assert (strange.result, "certificate" in strange.detail.lower()) == (A, True)
    finally:
        server.stop()
    assert len(post.mails) == 1


def test_a_server_without_starttls_gets_nothing(post: Post, plain: Server):
    (answer,) = send(settings(plain, tls="starttls"))
    assert answer.result is A
    assert "STARTTLS" in answer.detail
    assert not post.mails


def test_it_keeps_the_contract(post: Post, plain: Server):
    config = settings(plain)
    check_channel(lambda: open_channel(config, "ops"), delivers=True)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"to": "ops"}, "expected an address such as ops@"),
        ({"to": []}, "expected an address such as ops@"),
        ({"to": "a@b\nBcc: c@d"}, "expected an address such as ops@"),
        ({"sender": "A <a@b.c>"}, "expected an address such as gauge@"),
        ({"user": "u"}, "go together"),
        ({"user": "u", "password": "s3cret", "tls": "none"}, "not sent without encryption"),
        ({"title": "{{"}, "cannot be read"),
    ],
)
def test_mistakes(wrong, sentence):
    given = {"host": "h", "sender": "a@example.com", "to": "b@example.com"}
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({**given, **wrong})
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)
