"""``streamgauge token``: printed once, listed without it, revoked, and what is said to mistakes."""

from __future__ import annotations

import pytest

from tests.cli.in_process import Verb


@pytest.fixture
def token(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return Verb("token", capsys)


def test_made_listed_and_revoked(token):
    made = token("create", "grafana")
    (text,) = made.lines
    assert (made.code, text[:3]) == (0, "sg_")
    (other,) = token(
        "create", "on call", "--scope", "operate", "--scope", "ingest", "--expires", "90d", "--json"
    ).objects
    assert other["token"].startswith(f"sg_{other['id']}_")
    listed = token("list")
    assert text not in listed.out
    assert [line.split()[1] for line in listed.lines] == ["name", "grafana", "on"]
    assert token("revoke", other["id"]).out == f"token {other['id']} is revoked\n"
    states = {one["name"]: (one["state"], one["scopes"]) for one in token("list", "--json").objects}
    assert states == {"grafana": ("valid", ["read"]), "on call": ("revoked", ["operate", "ingest"])}


def test_a_token_of_a_file_counts_in_another_store_as_often_as_it_is_handed_over(token, tmp_path):
    (text,) = token("create", "made", "--store", "sqlite:///elsewhere.db").lines
    (tmp_path / "secret").write_text(text + "\n")
    first = token("create", "cluster", "--scope", "admin", "--token-file", "secret")
    again = token("create", "cluster", "--scope", "admin", "--token-file", "secret", "--json")
    assert (first.code, text in first.out, "counts here from now on" in first.out) == (0, False, True)
    (said,) = again.objects
    assert (said["new"], said["id"]) == (False, text.split("_")[1])
    assert [one["name"] for one in token("list", "--json").objects] == ["cluster"]


def test_a_file_without_a_token(token, tmp_path):
    (tmp_path / "empty").write_text("")
    empty, nowhere = (token("create", "a", "--token-file", name) for name in ("empty", "nowhere"))
    assert (empty.code, "that is no token" in empty.err) == (2, True)
    assert (nowhere.code, "nowhere cannot be read" in nowhere.err) == (2, True)


def test_an_empty_list_and_no_store(token, tmp_path):
    nothing = token("list")
    assert (nothing.code, "there is no store" in nothing.err) == (3, True)
    (text,) = token("create", "a").lines
    token("revoke", text.split("_")[1])
    assert "revoked" in token("list").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create", "a", "--scope", "reed"), "there is no scope 'reed'; did you mean `read`?"),
        (("create", "a", "--expires", "soon"), "--expires: "),
        (("create", "a", "--expires", "0s"), "--expires: must be longer than zero"),
        (("create", "a\nb"), "must be printable"),
        (("create", " "), "must be printable"),
        (("create", "a", "--store", "sqlite:///a.db", "--config", "b.yaml"), "give one of them"),
    ],
)
def test_mistakes(token, arguments, sentence):
    ended = token(*arguments)
    assert ended.code == 2
    assert sentence in ended.err


def test_revoking_what_is_not_there(token):
    token("create", "a")
    ended = token("revoke", "none")
    assert (ended.code, ended.err) == (
        2,
        "there is no valid token 'none'; `streamgauge token list` shows them by their ids\n",
    )
