"""Tokens: made, known by their hash alone, revoked, run out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from streamgauge.errors import ConfigError, StoreError
from streamgauge.stores import open_reading, open_store
from streamgauge.stores.receipts import Receipts
from streamgauge.stores.tokens import Token, Tokens, hash_of
from tests.stores.given import ME


@pytest.fixture
def tokens(store, url, clock):
    tokens = Tokens(url, clock)
    yield tokens
    tokens.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_token_is_known_by_its_hash_and_kept_nowhere(tokens, path):
    text = tokens.create("grafana", ["read"])
    (token,) = tokens.all()
    assert text.startswith(f"sg_{token.id}_")
    assert (token.name, token.scopes) == ("grafana", ("read",))
    assert token.is_of(text)
    assert not token.is_of(text[:-1])
    assert not token.is_of("")
    files = [file.read_bytes() for file in path.parent.iterdir() if file.is_file()]
    assert not [data for data in files if text.encode() in data]
    assert [data for data in files if hash_of(text).encode() in data]


def test_two_tokens_differ(tokens):
    texts = {tokens.create("a", ["read"]) for _ in range(20)}
    assert len(texts) == 20
    assert len({token.hash for token in tokens.all()}) == 20


def test_a_token_made_elsewhere_is_taken_once_and_stays_revoked(tokens, clock):
    text = "sg_0123abcd_" + "x" * 43
    assert tokens.take(text, "cluster", ["admin"])
    assert not tokens.take(text, "cluster", ["admin"])
    (token,) = tokens.all()
    assert (token.id, token.is_of(text), token.may("operate")) == ("0123abcd", True, True)
    tokens.revoke(token.id)
    assert not tokens.take(text, "cluster", ["admin"])
    assert not tokens.all()[0].valid(clock.now())


@pytest.mark.parametrize("text", ["", "sg_0123abcd_short", "secret", "sg_0123ABCD_" + "x" * 43, "x" * 55])
@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_is_no_token_is_not_taken(tokens, text):
    with pytest.raises(ConfigError, match="that is no token"):
        tokens.take(text, "cluster", ["admin"])
    assert not tokens.all()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_an_id_is_not_taken_twice(tokens):
    tokens.take("sg_0123abcd_" + "x" * 43, "cluster", ["admin"])
    with pytest.raises(ConfigError, match="another token has the id 0123abcd"):
        tokens.take("sg_0123abcd_" + "y" * 43, "cluster", ["admin"])


def test_a_revoked_token_opens_nothing_and_is_still_listed(tokens, clock):
    tokens.create("a", ["read"])
    (token,) = tokens.all()
    clock.push(timedelta(seconds=5))
    assert tokens.revoke(token.id)
    (after,) = tokens.all()
    assert not after.valid(clock.now())
    assert after.revoked_at == clock.now()
    assert not tokens.revoke(token.id)
    assert not tokens.revoke("no-such")


def test_a_token_runs_out(tokens, clock):
    tokens.create("a", ["read"], clock.now() + 1_000_000)
    (token,) = tokens.all()
    assert token.valid(clock.now())
    assert not token.valid(clock.now() + 1_000_000)


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (("read",), {"read"}),
        (("ingest",), {"ingest"}),
        (("operate",), {"read", "operate"}),
        (("admin",), {"read", "ingest", "operate", "admin"}),
        (("read", "ingest"), {"read", "ingest"}),
        ((), set()),
    ],
)
def test_what_each_scope_includes(scopes, may):
    token = Token("1", "a", scopes, "", 0)
    assert {scope for scope in ("read", "ingest", "operate", "admin") if token.may(scope)} == may


@pytest.mark.parametrize("kind", ["sqlite"])
def test_the_first_token_may_come_before_the_first_run(url, path, clock):
    with pytest.raises(StoreError, match="there is no store"):
        Tokens(url, clock)
    tokens = Tokens(url, clock, make=True)
    tokens.create("a", ["admin"])
    tokens.close()
    store = open_store(url, owner=ME, clock=clock)
    again = Tokens(url, clock, make=True)  # beside a running engine
    assert len(again.all()) == 1
    again.close()
    store.close()
    look = open_reading(url)
    assert look.id == store.id
    look.close()


def test_receipts_are_kept_per_channel_over_a_restart(store, url, clock):
    receipts = Receipts(url, "ops", clock)
    assert receipts.recall("burst-1") is None
    receipts.keep("burst-1", "171.1")
    clock.push(timedelta(seconds=1))
    receipts.keep("burst-2", "171.2")
    receipts.keep("burst-1", "171.3")
    receipts.close()
    other, again = Receipts(url, "other", clock), Receipts(url, "ops", clock)
    assert other.recall("burst-1") is None
    assert again.kept() == {"burst-1": "171.3", "burst-2": "171.2"}
    again.forget("burst-1")
    assert again.kept() == {"burst-2": "171.2"}
    assert other.kept() == {}
    other.close()
    again.close()


def test_the_oldest_receipts_go_first(store, url, clock, monkeypatch):
    monkeypatch.setattr("streamgauge.stores.receipts.MOST", 2)
    monkeypatch.setattr("streamgauge.stores.receipts.TIDY", 4)
    receipts = Receipts(url, "ops", clock)
    for number in range(5):
        clock.push(timedelta(seconds=1))
        receipts.keep(f"i-{number}", "x")
    assert list(receipts.kept()) == ["i-3", "i-4"]
    receipts.close()
