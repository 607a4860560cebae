"""A monitor as a statement says the same as its keys: read again, it is the same monitor."""

from __future__ import annotations

from typing import Any

import pytest

from streamgauge.config import load
from streamgauge.config.models import Config
from streamgauge.sql.writing import NoStatementError, statement_of

STREAM = {
    "source": {"type": "files", "path": "p.ndjson"},
    "format": "json",
    "fields": {
        "account": "string",
        "country": "string",
        "amount": {"type": "float", "min": 0},
        "region": {"type": "string", "compute": "lower(country)"},
        "at": "timestamp",
    },
    "time": "at",
}


def configured(**monitor: Any) -> Config:
    return load({"streams": {"payments": STREAM}, "monitors": {"m": monitor}})


def window(**more: Any) -> dict[str, Any]:
    return {"type": "tumbling", "size": "5s", "compute": {"events": "count(*)"}, **more}


def test_it_reads_as_people_write_it():
    config = configured(
        stream="payments",
        where="country in ('CH', 'DE') and amount > 1",
        window={
            "type": "hopping", "size": "1m", "advance": "10s", "by": "account", "grace": "2s", "early": False,
            "compute": {"events": "count(*)", "spent": "sum(amount * 2)", "who": "last(account)"},
        },
        detect={"type": "threshold", "when": "events > 100 or spent >= 5"},
    )  # fmt: skip
    assert statement_of("m", config).splitlines() == [
        "CREATE TABLE m AS",
        "SELECT account, COUNT(*) AS events, SUM(amount * 2) AS spent, LATEST_BY_OFFSET(account) AS who",
        "FROM payments",
        "WINDOW HOPPING (SIZE 1 MINUTE, ADVANCE BY 10 SECONDS, GRACE PERIOD 2 SECONDS)",
        "WHERE (country in ('CH', 'DE')) and (amount > 1)",
        "GROUP BY account",
        "HAVING (events > 100) or (spent >= 5)",
        "EMIT FINAL;",
    ]


@pytest.mark.parametrize(
    "cut",
    [
        window(),
        window(by=["account", "country"], grace="0s"),
        window(emit="changes", by="region"),
        {"type": "session", "gap": "1500ms", "by": "account", "compute": {"events": "distinct(country)"}},
        window(compute={"events": "max(amount)", "most": "topk(amount, 3)", "p": "quantile(amount, 0.9)"}),
    ],
    ids=str,
)
def test_read_again_it_is_the_same_monitor(cut: dict[str, Any]):
    config = configured(stream="payments", window=cut, detect={"type": "threshold", "when": "events > 3"})
    again = configured(sql=statement_of("m", config))
    one, two = (made.monitors["m"].window for made in (config, again))
    assert one is not None
    assert two is not None
    assert one.model_dump(exclude={"compute", "by"}) == two.model_dump(exclude={"compute", "by"})
    assert list(one.compute) == list(two.compute)
    assert len(one.by) == len(two.by)


@pytest.mark.parametrize(
    ("monitor", "reason"),
    [
        ({"detect": {"type": "silence", "after": "5s"}}, "single records"),
        (
            {"window": {"type": "count", "size": 5}, "detect": {"type": "threshold", "when": "count > 1"}},
            "type count",
        ),
        (
            {"window": window(include_empty=True), "detect": {"type": "threshold", "when": "events > 1"}},
            "include_empty",
        ),
        ({"window": window(), "for": "5s", "detect": {"type": "threshold", "when": "events > 1"}}, "`for`"),
        (
            {
                "window": window(),
                "detect": {"type": "threshold", "when": "events > 9", "clear_when": "events < 2"},
            },
            "`clear_when`",
        ),
        (
            {"window": window(compute={"r": "rate()"}), "detect": {"type": "threshold", "when": "r > 9"}},
            "no rate()",
        ),
    ],
)
def test_what_sql_cannot_say_says_why(monitor: dict[str, Any], reason: str):
    with pytest.raises(NoStatementError) as caught:
        statement_of("m", configured(stream="payments", **monitor))
    assert reason in str(caught.value)


def test_a_monitor_in_sql_stays_as_it_was_written():
    sql = "SELECT COUNT(*) AS v FROM payments WINDOW TUMBLING (SIZE 5 SECONDS) HAVING COUNT(*) > 3"
    assert statement_of("m", configured(sql=sql)) == f"CREATE TABLE m AS\n{sql};"
