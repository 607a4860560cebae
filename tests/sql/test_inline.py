"""Monitors written in SQL within the configuration are those that their keys would make."""

from __future__ import annotations

from typing import Any

import polars as pl

import streamgauge as sg
from streamgauge.config import load
from streamgauge.config.models import Config

STREAM = {
    "source": {"type": "files", "path": "p.ndjson"},
    "format": "json",
    "fields": {"account": "string", "amount": {"type": "float", "min": 0}, "at": "timestamp"},
    "time": "at",
}


def configured(**monitors: Any) -> Config:
    return load({"streams": {"payments": STREAM}, "monitors": monitors})


def test_it_is_the_monitor_that_its_keys_would_make():
    sql = (
        "SELECT account, COUNT(*) AS events FROM Payments WINDOW TUMBLING (SIZE 5 SECONDS) WHERE amount > 1 "
    )
    config = configured(
        one={"sql": sql + "GROUP BY account HAVING COUNT(*) > 100", "notify": "console"},
        two={
            "stream": "payments",
            "where": "amount > 1",
            "window": {"type": "tumbling", "size": "5s", "by": "account", "compute": {"events": "COUNT(*)"}},
            "detect": {"type": "threshold", "when": "events > 100"},
        },
    )
    one, two = config.monitors["one"], config.monitors["two"]
    assert one.sql is not None
    assert one.model_copy(update={"sql": None}).model_dump(exclude={"window", "where"}) == two.model_dump(
        exclude={"window", "where"}
    )
    assert one.window is not None
    assert two.window is not None
    assert (one.window.type, one.window.by, list(one.window.compute)) == (
        "tumbling",
        ("account",),
        ["events"],
    )


def test_it_runs_and_groups_by_what_is_computed():
    config = configured(
        burst={
            "sql": "SELECT UCASE(account) AS who, COUNT(*) AS events FROM payments "
            "WINDOW TUMBLING (SIZE 5 SECONDS) GROUP BY UCASE(account) HAVING COUNT(*) > 1"
        }
    )
    at = [f"2026-03-02T10:00:0{second}Z" for second in range(3)]
    frame = pl.DataFrame({"account": ["a", "A", "b"], "amount": [1.0, 2.0, 3.0], "at": at})
    found = sg.replay(config, {"payments": frame})
    assert found.incidents["key"].unique().to_list() == ["A"]


def test_grace_and_emit_are_the_windows():
    window = (
        configured(
            m={
                "sql": "SELECT COUNT(*) FROM payments WINDOW SESSION (1 MINUTE, GRACE PERIOD 2 SECONDS) "
                "HAVING COUNT(*) > 1 EMIT FINAL"
            }
        )
        .monitors["m"]
        .window
    )
    assert window is not None
    assert window.model_dump(mode="json", include={"type", "gap", "grace", "early", "emit"}) == {
        "type": "session", "gap": "1m", "grace": "2s", "early": False, "emit": "final",
    }  # fmt: skip
