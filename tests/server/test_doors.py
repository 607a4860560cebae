"""Each door is tried: without a token, with each scope, with a revoked one, from another site, too often, too large."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from streamgauge.cli._store import ask
from streamgauge.clock import to_micros
from streamgauge.config.models import ServerConfig
from streamgauge.errors import ConfigError
from streamgauge.server.app import make_app
from streamgauge.server.desk import Desk
from streamgauge.server.doors import OWN, scope_of
from streamgauge.server.gate import COOKIE, FAILURES, Asked, Gate
from streamgauge.server.refusals import Refused
from streamgauge.server.signing_in import local
from streamgauge.server.thread import ServerThread
from streamgauge.stores.tokens import SCOPES, Tokens
from tests.server.given import Engine, Process

WEB = httpx.Client(verify=False)
"""Kept, since making one costs more than asking."""
OPEN = {("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/api/slack/interactions")}


@pytest.fixture
def tokens(process: Process) -> Iterator[Tokens]:
    with closing(Tokens(process.config.store.url, process.clock)) as tokens:
        yield tokens


@pytest.fixture
def keys(tokens: Tokens) -> dict[str, str]:
    """One token per scope, by its name."""
    return {scope: tokens.create(f"for {scope}", [scope]) for scope in SCOPES}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status_of(client: httpx.Client, method: str, path: str, headers: dict[str, str] | None = None) -> int:
    """Without waiting for the body: live events have no end."""
    with client.stream(method, path, headers=headers) as answer:
        return answer.status_code


def doors(process: Process) -> list[tuple[str, str]]:
    """Every route that the description names."""
    paths = make_app(Desk(process)).openapi()["paths"]
    return sorted((method.upper(), path) for path, methods in paths.items() for method in methods)


def test_every_door_asks_for_a_token(process: Process, keys: dict[str, str], url: str):
    """Whatever the app's description lists, also routes that are younger than this test."""
    wanted = {"read": {"read", "operate", "admin"}, "operate": {"operate", "admin"},
              "ingest": {"ingest", "admin"}, "admin": {"admin"}}  # fmt: skip
    process.engine = Engine(refuses="nothing is done here")
    tried = doors(process)
    assert len(tried) > 10
    with httpx.Client(verify=False, base_url=url) as client:
        for method, path in tried:
            if (method, path) in OPEN:
                continue
            address = re.sub(r"\{\w+\}", "none-such", path)
            scope = scope_of(method, address)
            if scope == OWN:  # the route itself looks
                assert status_of(client, method, address) in (401, 403, 404), (method, path)
                continue
            assert status_of(client, method, address) == 401, (method, path)
            for name in SCOPES:
                status = status_of(client, method, address, bearer(keys[name]))
                allowed = name in wanted[scope]
                assert (status not in (401, 403)) == allowed, (method, path, name, status)
                process.clock.push(timedelta(seconds=1))
        assert client.get("/healthz").status_code != 401


def test_what_is_not_named_is_not_open():
    assert scope_of("DELETE", "/api/v1/something/new") == "operate"
    assert scope_of("PATCH", "/healthz") == "operate"
    assert scope_of("GET", "/healthz/../api/v1/incidents") == "read"
    assert scope_of("GET", "/pages/static/../../etc/passwd") == "read"


def test_the_doors_of_drafts_dead_letters_and_the_description(keys: dict[str, str], url: str):
    """Those that the description does not list, and those that only `operate` opens."""
    trial = {"draft": "stream: nowhere", "last": "1h"}
    costly = {
        "/api/v1/replay": {"draft": "stream: nowhere"},
        "/api/v1/replay/diff": {"after": {}},
        "/api/v1/dead-letters/replay": {"stream": "nowhere"},
        "/monitors/burst/try": trial,
    }
    for path, asked in costly.items():
        assert WEB.post(url + path, json=asked).status_code == 401
        assert WEB.post(url + path, json=asked, headers=bearer(keys["read"])).status_code == 403
        assert WEB.post(url + path, json=asked, headers=bearer(keys["operate"])).status_code in (404, 422)
        elsewhere = {**bearer(keys["operate"]), "Origin": "https://evil.example"}
        assert WEB.post(url + path, json=asked, headers=elsewhere).status_code == 403
    for path in ("/docs", "/streams/brokers", "/monitors/burst/why", "/api/v1/history/burst"):
        assert WEB.get(url + path).status_code == 401
    assert WEB.get(url + "/docs", headers=bearer(keys["read"])).status_code == 200
    assert WEB.get(url + "/docs/static/start.js").status_code == 200


def test_a_draft_that_is_too_large_is_not_read(resting: str):
    answer = WEB.post(f"{resting}/api/v1/replay", json={"draft": "x" * 1_100_000})
    assert answer.status_code == 413


def test_before_the_first_token_this_machine_is_asked_for_none(resting: str):
    assert WEB.get(f"{resting}/api/v1/incidents").status_code == 200


def test_a_name_that_leads_here_is_no_way_in_before_the_first_token(resting: str):
    """DNS rebinding: the page of a stranger whose name leads to 127.0.0.1."""
    answer = WEB.get(f"{resting}/api/v1/incidents", headers={"Host": "evil.example:8000"})
    assert (answer.status_code, answer.json()["error"][:30]) == (421, "this server only answers as lo")
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "[::1]"):
        assert WEB.get(f"{resting}/api/v1/incidents", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Basic {t}",
        "Bearer {t}x",
        "Bearer x{t}",
        "Bearer sg__",
        "Bearer {i}",
        "Bearer \u20ac",
    ],
)
def test_what_is_no_token(url: str, keys: dict[str, str], header: str):
    token = keys["admin"]
    sent = header.format(t=token, i=token[:12]).encode()
    answer = WEB.get(f"{url}/api/v1/incidents", headers=[(b"Authorization", sent)])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert token not in answer.text


def test_a_revoked_token_opens_nothing_a_second_later(process: Process, tokens: Tokens, url: str):
    text = tokens.create("on call", ["operate"])
    pause = f"{url}/api/v1/monitors/burst/pause"
    assert WEB.post(pause, headers=bearer(text)).status_code == 200
    tokens.revoke(tokens.all()[0].id)
    process.clock.push(timedelta(seconds=1))
    assert WEB.post(pause, headers=bearer(text)).status_code == 401
    assert WEB.post(pause).status_code == 401  # the last token gone does not open the doors


def test_a_token_that_has_run_out(process: Process, tokens: Tokens, url: str):
    text = tokens.create("short", ["read"], process.clock.now() + to_micros(timedelta(minutes=1)))
    assert WEB.get(f"{url}/api/v1/status", headers=bearer(text)).status_code == 200
    process.clock.push(timedelta(minutes=1))
    assert WEB.get(f"{url}/api/v1/status", headers=bearer(text)).status_code == 401


def test_who_guesses_waits_and_shuts_out_nobody(process: Process, tokens: Tokens):
    right = tokens.create("a", ["read"])
    gate = Gate(Desk(process), ServerConfig())

    def show(token: str) -> str:
        process.clock.push(timedelta(milliseconds=10))
        return gate.admit(Asked("GET", "/metrics", "192.0.2.1", token=token)).name

    for token in ("", "sg_old_cookie", *(f"sg_{number}_x" for number in range(FAILURES - 1))):
        for _ in range(3):  # none at all, or the same again, is no guess
            with pytest.raises(Refused, match=r"is not valid|is missing"):
                show(token)
    with pytest.raises(Refused, match="too many wrong tokens") as told:
        show("sg_another_x")
    assert told.value.status_code == 429
    assert int((told.value.headers or {})["Retry-After"]) <= 60
    assert show(right) == "a"
    process.clock.push(timedelta(minutes=1))
    with pytest.raises(Refused, match="is not valid"):
        show("sg_another_x")
    gate.close()


def test_too_many_requests_of_one_address(process: Process):
    gate = Gate(Desk(process), ServerConfig(requests_per_second=5))
    ask = Asked("GET", "/metrics", "127.0.0.1", host="localhost")
    for _ in range(5):
        gate.admit(ask)
    with pytest.raises(Refused, match="more than 5 requests/s") as told:
        gate.admit(ask)
    assert (told.value.headers or {})["Retry-After"] == "1"
    gate.admit(Asked("GET", "/healthz", "127.0.0.1"))
    gate.admit(Asked("GET", "/metrics", "127.0.0.2", host="localhost"))
    gate.close()


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "address"),
    [
        ([], "127.0.0.1", "203.0.113.9", "127.0.0.1"),
        (["10.0.0.0/8"], "10.1.2.3", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "192.0.2.7", "203.0.113.9", "192.0.2.7"),
        (["10.0.0.0/8"], "10.1.2.3", "1.2.3.4, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
        (["10.0.0.0/8"], "10.1.2.3", "", "10.1.2.3"),
        (["::1"], "::1", "2001:db8::1", "2001:db8::1"),
        (["10.0.0.0/8"], "10.1.2.3", "203.0.113.9, <script>", "10.1.2.3"),
    ],
)
def test_a_proxy_is_believed_only_when_told(process: Process, trusted, peer, forwarded, address):
    gate = Gate(Desk(process), ServerConfig(trusted_proxies=trusted))
    asked = Asked("GET", "/healthz", peer, forwarded)
    assert gate.admit(asked).address == address
    gate.close()


def test_a_store_that_cannot_be_read_keeps_the_doors_shut(process: Process, tokens: Tokens):
    right = tokens.create("a", ["read"])
    gate = Gate(Desk(process), ServerConfig())
    ask = Asked("GET", "/metrics", "127.0.0.1", token=right, host="localhost")
    assert gate.admit(ask).name == "a"
    file = Path(process.config.store.url.removeprefix("sqlite:///"))
    gate.close()
    for part in file.parent.glob("streamgauge.db*"):
        part.unlink()
    file.write_bytes(b"no database" * 1000)
    process.clock.push(timedelta(seconds=5))
    assert gate.admit(ask).name == "a"  # for a minute, what was known holds
    process.clock.push(timedelta(minutes=1))
    for tried in (ask, Asked("GET", "/metrics", "127.0.0.1", host="localhost")):
        with pytest.raises(Refused) as told:
            gate.admit(tried)
        assert told.value.status_code == 503


# sizes, headers, other sites


def test_a_large_request_is_refused_before_it_is_read(resting: str):
    large = WEB.post(f"{resting}/api/v1/monitors/burst/pause", content=b"x" * (1024**2 + 1))
    assert large.status_code == 413
    assert "max_bytes" in large.json()["error"]


def test_a_large_request_that_does_not_say_so(resting: str):
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"token=" + b"x" * 50_000

    answer = WEB.post(f"{resting}/sign-in", content=pieces())
    assert answer.status_code == 413


def test_a_body_that_does_not_come(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("streamgauge.server.guard.BODY_SECONDS", 0.1)
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(
            f"POST /sign-in HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 9\r\n\r\ntok".encode()
        )
        assert connection.recv(12) == b"HTTP/1.1 408"


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/incidents", "/none-such", "/sign-in"])
def test_headers_of_every_answer(resting: str, path: str):
    headers = WEB.get(resting + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers
    assert "strict-transport-security" not in headers
    assert "access-control-allow-origin" not in headers
    assert headers["cache-control"] == "no-store"


def test_other_sites_get_nothing(url: str, keys: dict[str, str]):
    page = {"Origin": "https://evil.example"}
    preflight = WEB.options(f"{url}/api/v1/status", headers={**page, "Access-Control-Request-Method": "GET"})
    assert "access-control-allow-origin" not in preflight.headers
    read = WEB.get(f"{url}/api/v1/status", headers={**page, **bearer(keys["read"])})
    assert "access-control-allow-origin" not in read.headers
    for origin in ("https://evil.example", "null", url.replace("127.0.0.1", "localhost"), url + "0"):
        cookie = {"Origin": origin, "Cookie": f"{COOKIE}={keys['operate']}"}
        answer = WEB.post(f"{url}/api/v1/monitors/burst/pause", headers=cookie)
        assert (answer.status_code, "another site" in answer.json()["error"]) == (403, True)


# browsers


def test_signing_in_with_a_browser(url: str, tokens: Tokens, process: Process):
    text = tokens.create("on call", ["operate"])
    with httpx.Client(verify=False, base_url=url, headers={"Accept": "text/html"}) as browser:
        away = browser.get("/api/v1/status")
        assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=/api/v1/status")
        page = browser.get(away.headers["location"])
        assert 'name="next" value="/api/v1/status"' in page.text
        wrong = browser.post("/sign-in", data={"token": "sg_1_wrong", "next": "/x"})
        assert (wrong.status_code, "not valid" in wrong.text, COOKIE in wrong.cookies) == (401, True, False)
        right = browser.post(
            "/sign-in", data={"token": text, "next": "/api/v1/status"}, headers={"Origin": url}
        )
        assert (right.status_code, right.headers["location"]) == (303, "/api/v1/status")
        assert {"httponly", "samesite=strict"} <= set(right.headers["set-cookie"].lower().split("; "))
        assert browser.get("/api/v1/status").status_code == 200
        tokens.revoke(tokens.all()[0].id)
        process.clock.push(timedelta(seconds=1))
        assert browser.get("/api/v1/status").status_code == 303  # a stale token leads to the sign-in
        live = browser.get("/api/v1/status", headers={"HX-Request": "true"})
        assert (live.status_code, live.headers["hx-redirect"]) == (401, "/sign-in?next=/api/v1/status")
        button = {"HX-Request": "true", "HX-Current-URL": f"{url}/incidents?state=firing"}
        acts = browser.post("/api/v1/incidents/x/ack", headers={**button, "Origin": url})
        assert acts.headers["hx-redirect"] == "/sign-in?next=/incidents%3Fstate%3Dfiring", "a page, no act"
        browser.post("/sign-out")
        assert not browser.cookies


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x",
    ],
)
def test_the_way_back_stays_here(resting: str, path: str):
    assert local(path) == "/"
    answer = WEB.post(f"{resting}/sign-in", data={"token": "x", "next": path})
    assert answer.headers["location"] == "/"


def test_a_page_shows_no_markup_of_others(resting: str):
    page = WEB.get(f"{resting}/sign-in", params={"next": '/"><script>alert(1)</script>'})
    assert "<script>" not in page.text


# the start, the records


def test_others_are_let_in_only_with_tokens(process: Process, tokens: Tokens):
    with pytest.raises(ConfigError, match="streamgauge token create"):
        ServerThread(process, "0.0.0.0", 0).start()
    text = tokens.create("a", ["read"])
    process.clock.push(timedelta(seconds=1))
    server = ServerThread(process, "0.0.0.0", 0)
    port = server.start()
    try:
        assert WEB.get(f"http://127.0.0.1:{port}/api/v1/status").status_code == 401
        given = {**bearer(text), "Host": "gauge.example"}
        assert WEB.get(f"http://127.0.0.1:{port}/api/v1/status", headers=given).status_code == 200
    finally:
        server.stop()
    tokens.revoke(tokens.all()[0].id)
    with pytest.raises(ConfigError, match="there are no tokens yet"):
        ServerThread(process, "0.0.0.0", 0).start()


def test_a_proxy_that_ends_tls_is_known_by_its_word(process: Process):
    trusting = process.config.server.model_copy(update={"trusted_proxies": ("127.0.0.1",)})
    process.config = process.config.model_copy(update={"server": trusting})
    server = ServerThread(process, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.start()}"
    try:
        headers = WEB.get(f"{url}/healthz", headers={"X-Forwarded-Proto": "https"}).headers
        assert headers["strict-transport-security"] == "max-age=31536000"
    finally:
        server.stop()


def test_verbs_show_the_token_of_the_environment(
    url: str, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("STREAMGAUGE_TOKEN", raising=False)
    with pytest.raises(ConfigError, match=r"the token is missing.* Set STREAMGAUGE_TOKEN to a token"):
        ask(url, "/api/v1/status")
    monkeypatch.setenv("STREAMGAUGE_TOKEN", keys["read"])
    assert ask(url, "/api/v1/status")["streams"]


def test_no_token_shows_in_logs_or_errors(url: str, keys: dict[str, str], capsys):
    wrong = "sg_00000000_" + "s3cret" * 6
    with httpx.Client(verify=False, base_url=url) as client:
        answers = [
            client.get("/api/v1/incidents", headers=bearer(wrong)),
            client.post("/api/v1/monitors/burst/pause", headers=bearer(keys["read"])),
            client.post("/sign-in", data={"token": wrong}),
        ]
    seen = "".join(answer.text + json.dumps(dict(answer.headers)) for answer in answers)
    captured = capsys.readouterr()
    seen += captured.out + captured.err
    assert "a request without a valid token was refused" in seen
    assert "s3cret" not in seen
    assert not [key for key in keys.values() if key in seen]
