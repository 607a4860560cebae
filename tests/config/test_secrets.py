"""``${NAME}`` and ``${file:PATH}`` are put in, and never shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.config import ConfigErrors, load
from streamgauge.settings import hide

SECRET = "hunter2-\u00e9-\"quoted\"-'s3cr3t'"
FILE = """\
streams:
  payments:
    source: {type: kafka, brokers: "${BROKERS:-localhost:9092}", topic: payments,
             settings: {sasl.username: me, sasl.password: "${PASSWORD}"}}
    format: json
    fields: {id: string}
monitors:
  quiet:
    stream: payments
    where: id <> '${PASSWORD}'
    description: "the password is ${PASSWORD}, $${PASSWORD} is not"
    detect: {type: silence, after: "${AFTER:-30s}"}
"""


def test_references_are_replaced_anywhere_in_a_text():
    config = load(FILE, environ={"PASSWORD": "pw", "AFTER": "1m"})
    assert config.streams["payments"].source.model_dump()["settings"]["sasl.password"] == "pw"
    assert config.monitors["quiet"].where == "id <> 'pw'"
    assert config.monitors["quiet"].description == "the password is pw, ${PASSWORD} is not"
    detect = config.monitors["quiet"].detect
    assert detect is not None
    assert detect.model_dump(mode="json")["after"] in ("1m", "PT1M")
    assert config.streams["payments"].source.model_dump()["brokers"] == ("localhost:9092",)


def test_numbers_and_booleans_may_come_from_outside():
    text = FILE + 'server: {port: "${PORT}"}\n'
    assert load(text, environ={"PASSWORD": "pw", "PORT": "8123"}).server.port == 8123


def test_what_is_put_in_never_changes_the_structure():
    config = load(FILE, environ={"PASSWORD": "a: b}\n- [c"})
    assert config.streams["payments"].source.model_dump()["settings"]["sasl.password"] == "a: b}\n- [c"


def test_secret_files_are_read_beside_the_configuration(tmp_path):
    (tmp_path / "password").write_text(SECRET + "\n", encoding="utf-8")
    file = tmp_path / "c.yaml"
    file.write_text(FILE.replace("${PASSWORD}", "${file:password}", 1), encoding="utf-8")
    config = load(file, environ={"PASSWORD": "other"})
    assert config.streams["payments"].source.model_dump()["settings"]["sasl.password"] == SECRET
    assert SECRET not in repr(config)


def test_secrets_show_in_no_repr_and_no_public_form():
    config = load(FILE, environ={"PASSWORD": "geheimnis"})
    assert "geheimnis" not in repr(config) + str(config)
    assert "geheimnis" not in repr(config.monitors["quiet"]) + repr(config.streams["payments"].source)
    assert "geheimnis" not in json.dumps(config.public())
    assert config.monitors["quiet"].public()["where"] == "id <> '${PASSWORD}'"
    assert "${PASSWORD}" in repr(config.monitors["quiet"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("topic: payments", 'topic: ["${PASSWORD}"]'),
        ("format: json", 'format: "${PASSWORD}"'),
        ("{id: string}", '{id: "${PASSWORD}"}'),
        ("{id: string}", '{id: {type: string, mask: "${PASSWORD}"}}'),
        ("{id: string}", '{id: {type: float, min: "${PASSWORD}"}}'),
        ("{id: string}", '{id: string}\n    time: "${PASSWORD}"'),
        ("{id: string}", '{id: string}\n    lateness: "${PASSWORD}"'),
        ("after: ", 'severity: "${PASSWORD}", after: '),
        ("stream: payments", 'stream: "${PASSWORD}"'),
        ("stream: payments", 'stream: payments\n    notify: ["${PASSWORD}"]'),
        ("where: id <> '${PASSWORD}'", 'where: "${PASSWORD}"'),
        ("where: id <> '${PASSWORD}'", "where: idd <> '${PASSWORD}'"),
        ("monitors:", 'store: "${PASSWORD}"\nmonitors:'),
        ("monitors:", 'server: {port: "${PASSWORD}"}\nmonitors:'),
        ("monitors:", 'server: "${PASSWORD}"\nmonitors:'),
        ("monitors:", 'channels: {ops: {type: webhook, url: "${PASSWORD}"}}\nmonitors:'),
        ("monitors:", 'channels: {ops: {type: "${PASSWORD}"}}\nmonitors:'),
    ],
)
@pytest.mark.parametrize("secret", [SECRET, "x" * 90 + "y" * 90, "geheimnis"])
def test_no_error_shows_a_secret(old: str, new: str, secret: str):
    assert old in FILE
    with pytest.raises(ConfigErrors) as caught:
        load(FILE.replace(old, new, 1), environ={"PASSWORD": secret})
    said = str(caught.value)
    for piece in (secret, secret[:40], repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        assert piece not in said


def test_a_literal_password_is_not_repeated_either():
    text = FILE.replace('"${PASSWORD}"}}', "[geheimnis]}}", 1)
    with pytest.raises(ConfigErrors) as caught:
        load(text, environ={"PASSWORD": "pw"})
    assert "geheimnis" not in str(caught.value)


def test_literal_passwords_are_hidden_from_repr():
    text = FILE.replace('"${PASSWORD}"', "geheimnis", 1)
    config = load(text, environ={"PASSWORD": "pw"})
    assert "geheimnis" not in repr(config) + json.dumps(config.public())


def test_passwords_in_urls_are_hidden():
    assert hide({"url": "postgresql://me:geheim@host/db"}, {}) == {"url": "postgresql://me:***@host/db"}
    assert hide(["https://host/path"], {}) == ["https://host/path"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=4))
def test_any_text_may_be_a_secret(secret: str):
    config = load(FILE.replace("where: id <> '${PASSWORD}'", "order: read"), environ={"PASSWORD": secret})
    assert config.monitors["quiet"].description == f"the password is {secret}, ${{PASSWORD}} is not"
    shown = config.monitors["quiet"].public()["description"]
    assert shown == "the password is ${PASSWORD}, ${PASSWORD} is not"
