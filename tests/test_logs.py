"""Log lines: JSON or for people, of our level, without secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from streamgauge import logs
from streamgauge.config import load
from streamgauge.errors import ConfigError
from tests.config.reading import ENVIRON, HERE


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, secrets = root.handlers, root.level, dict(logs._secrets)
    yield
    structlog.reset_defaults()
    root.handlers, logs._secrets = handlers, secrets
    root.setLevel(level)


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_elsewhere_than_on_a_terminal_each_line_is_an_object():
    out = io.StringIO()
    logs.set_up(to=out)
    structlog.get_logger("streamgauge.engine").warning("source lost", stream="payments", partitions=[0, 1])
    (line,) = lines(out)
    assert list(line)[:3] == ["at", "level", "event"]
    assert str(line.pop("at")).endswith("Z")
    assert line == {
        "level": "warning",
        "event": "source lost",
        "stream": "payments",
        "partitions": [0, 1],
        "logger": "streamgauge.engine",
    }


def test_on_a_terminal_people_read_it_unless_json_is_asked_for():
    out = Terminal()
    logs.set_up(to=out)
    structlog.get_logger().info("hello", stream="payments")
    assert "hello" in out.getvalue()
    with pytest.raises(json.JSONDecodeError):
        lines(out)
    out = Terminal()
    logs.set_up(to=out, as_json=True)
    structlog.get_logger().info("hello")
    assert lines(out)[0]["event"] == "hello"


def test_levels_hold_for_us_and_for_libraries():
    out = io.StringIO()
    logs.set_up(level="warning", to=out)
    structlog.get_logger().info("not said")
    logging.getLogger("streamgauge.librdkafka").info("not said")
    logging.getLogger("streamgauge.librdkafka").warning("broker %s is away", "b:1")
    assert [line["event"] for line in lines(out)] == ["broker b:1 is away"]
    with pytest.raises(ConfigError, match="there is no level 'warn'; did you mean `warning`"):
        logs.set_up(level="warn")


def test_loggers_made_before_follow():
    early = structlog.get_logger("streamgauge.early")
    out = io.StringIO()
    logs.set_up(to=out)
    early.info("hello")
    assert lines(out)[0]["logger"] == "streamgauge.early"


def test_secrets_never_show():
    out = io.StringIO()
    logs.set_up(to=out)
    secret = ENVIRON["WEBHOOK_URL"]
    logs.keep_secret(load(HERE / "good" / "payments.yaml", environ=ENVIRON))
    log = structlog.get_logger()
    log.info("posting", to=secret, where={"url": secret}, password="hunter2", at_all=[secret])
    log.info("login", url="https://me:hunter2@example.com/x")
    log.error("failed", exc_info=ValueError(f"cannot post to {secret}"))
    logging.getLogger("httpx").warning("POST %s failed", secret)
    shown = out.getvalue()
    assert len(lines(out)) == 4
    assert "ValueError: cannot post to ${WEBHOOK_URL}" in shown
    assert secret not in shown
    assert "hunter2" not in shown
