"""What cannot be run says so, where, and what is nearest."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from streamgauge.sql.script import Script, SqlErrors
from tests.sql.asking import STREAM, planned

FROM = "FROM s WINDOW TUMBLING (SIZE 5 SECONDS)"


class Refusal(NamedTuple):
    """One row: ``^`` in the statement marks the place that the message must point at."""

    sentence: str
    sql: str
    message: str


STATEMENTS = [
    Refusal("a statement begins with a verb", "^SELCT n FROM s", "begins with CREATE, INSERT or SELECT"),
    Refusal("a quote must be closed", "SELECT n FROM s WHERE account = ^'a", "never closed"),
    Refusal("a comment must be closed", "SELECT n FROM s ^/* WHERE", "never closed"),
    Refusal("odd characters have no meaning", "SELECT n FROM s WHERE ^§", "no meaning here"),
    Refusal(
        "statements are parted by ;",
        "SELECT n FROM s LIMIT 1 ^SELECT n FROM s",
        "between statements stands a ;",
    ),
    Refusal("FROM is needed", "SELECT ^n", "FROM and a stream are missing"),
    Refusal("a SELECT selects something", "SELECT ^FROM s", "a column or value is missing"),
    Refusal("AS is followed by a name", "SELECT n AS ^5 FROM s", "after AS comes a name"),
    Refusal("clauses have an order", "SELECT n FROM s HAVING n > 1 ^WHERE n > 1", "comes before HAVING"),
    Refusal("clauses stand once", "SELECT n FROM s WHERE n > 1 ^WHERE n > 1", "stands twice"),
    Refusal("parentheses are closed", "SELECT n FROM s WHERE (n > ^1", "opened and not closed"),
    Refusal("parentheses are opened", "SELECT n FROM s WHERE n > 1^)", "was not opened"),
    Refusal("LIMIT is a number", "SELECT n FROM s LIMIT ^many", "LIMIT 10"),
    Refusal("EMIT is FINAL or CHANGES", "SELECT n FROM s EMIT ^ALL", "FINAL or CHANGES"),
    Refusal("DISTINCT is a GROUP BY", "SELECT ^DISTINCT n FROM s", "GROUP BY x gives each value once"),
    Refusal("joins are not supported", "SELECT n FROM s ^JOIN t ON s.n = t.n", "JOIN is not supported"),
    Refusal("left joins neither", "SELECT n FROM s a ^LEFT JOIN t ON a.n = t.n", "bring the fields together"),
    Refusal("PARTITION BY is not needed", "SELECT n FROM s ^PARTITION BY n", "leave PARTITION BY out"),
    Refusal("a query in FROM is a table", "SELECT n FROM ^(SELECT n FROM s)", "CREATE TABLE of its own"),
    Refusal(
        "a table over a topic is no monitor",
        "^CREATE TABLE t (n INT PRIMARY KEY) WITH (kafka_topic='t')",
        "AS SELECT",
    ),
    Refusal("connectors run elsewhere", "^CREATE SINK CONNECTOR c WITH (a='b')", "Kafka Connect"),
    Refusal("INSERT INTO … SELECT is CREATE … AS", "INSERT INTO s ^SELECT n FROM s", "AS SELECT"),
    Refusal(
        "a table needs aggregates", "^CREATE TABLE t AS SELECT n FROM s", "a TABLE is made of aggregates"
    ),
    Refusal("an aggregate makes a table", f"^CREATE STREAM t AS SELECT COUNT(*) {FROM}", "makes a TABLE"),
    Refusal("a name is taken once", "^CREATE STREAM S (n INT) WITH (kafka_topic='t')", "exists already"),
]
WINDOWS = [
    Refusal(
        "a session has a pause, no size",
        "SELECT COUNT(*) FROM s WINDOW SESSION ^(SIZE 5 SECONDS)",
        "write SESSION (5 SECONDS)",
    ),
    Refusal(
        "a session has no ADVANCE BY",
        "SELECT COUNT(*) FROM s WINDOW SESSION (5 SECONDS, ADVANCE BY 1 SECOND^)",
        "ADVANCE does not fit SESSION",
    ),
    Refusal("a session needs a pause", "SELECT COUNT(*) FROM s WINDOW SESSION (^)", "such as 5 SECONDS"),
    Refusal(
        "there are three kinds of windows",
        "SELECT COUNT(*) FROM s WINDOW ^SLIDING (SIZE 5 SECONDS)",
        "HOPPING",
    ),
    Refusal(
        "HOPPING needs ADVANCE BY",
        "SELECT COUNT(*) FROM s WINDOW ^HOPPING (SIZE 5 SECONDS)",
        "ADVANCE is missing",
    ),
    Refusal(
        "TUMBLING has no ADVANCE BY",
        "SELECT COUNT(*) FROM s WINDOW ^TUMBLING (SIZE 5 SECONDS, ADVANCE BY 1 SECOND)",
        "HOPPING only",
    ),
    Refusal(
        "ADVANCE BY fits into SIZE",
        "SELECT COUNT(*) FROM s WINDOW ^HOPPING (SIZE 5 SECONDS, ADVANCE BY 6 SECONDS)",
        "longer than SIZE",
    ),
    Refusal(
        "units are known",
        "SELECT COUNT(*) FROM s WINDOW TUMBLING (SIZE 5 ^FORTNIGHTS)",
        "units: MILLISECONDS",
    ),
    Refusal("a size is a number", "SELECT COUNT(*) FROM s WINDOW TUMBLING (SIZE ^five SECONDS)", "5 SECONDS"),
    Refusal(
        "a size is longer than zero",
        "SELECT COUNT(*) FROM s WINDOW TUMBLING (SIZE ^0 SECONDS)",
        "longer than zero",
    ),
    Refusal(
        "parts of a window are known",
        "SELECT COUNT(*) FROM s WINDOW TUMBLING (^LENGTH 5 SECONDS)",
        "expected SIZE",
    ),
    Refusal(
        "EMIT FINAL needs a window",
        "SELECT account, COUNT(*) FROM s GROUP BY account ^EMIT FINAL",
        "add WINDOW TUMBLING",
    ),
    Refusal(
        "WINDOWSTART needs a window",
        "SELECT ^WINDOWSTART, COUNT(*) FROM s GROUP BY account",
        "needs a WINDOW behind FROM",
    ),
    Refusal("EMIT FINAL of records means nothing", "SELECT n FROM s ^EMIT FINAL", "fits windows only"),
    Refusal("grouping needs an aggregate", f"SELECT ^account {FROM} GROUP BY account", "need an aggregate"),
]
FUNCTIONS = (
    [
        Refusal(f"{name} is not supported", f"SELECT ^{name}(amount) AS v {FROM}", f"{name} is not supported")
        for name in ("CORRELATION", "ATTR")
    ]
    + [
        Refusal(
            f"{name} is not supported", f"SELECT ^{name}(account) AS v FROM s", f"{name} is not supported"
        )
        for name in (
            "UNIX_TIMESTAMP",
            "FROM_UNIXTIME",
            "EXTRACTJSONFIELD",
            "EXPLODE",
            "DATETOSTRING",
            "AS_VALUE",
            "INSTR",
        )
    ]
    + [
        Refusal("TOPK has a length", f"SELECT ^TOPK(amount) AS v {FROM}", "takes a value and a number"),
        Refusal(
            "a length is a whole number", f"SELECT ^TOPK(amount, 0) AS v {FROM}", "whole number from 1 to"
        ),
        Refusal(
            "a percentile is a share", f"SELECT ^PERCENTILE(amount, 95) AS v {FROM}", "for 95 % write 0.95"
        ),
        Refusal(
            "nulls are passed over", f"SELECT LATEST_BY_OFFSET(n, ^FALSE) AS v {FROM}", "leave FALSE out"
        ),
        Refusal(
            "COUNT_DISTINCT takes one value",
            f"SELECT ^COUNT_DISTINCT(n, amount) AS v {FROM}",
            "takes one value",
        ),
        Refusal("types of CAST are known", "SELECT CAST(n AS ^THING) FROM s", "types: INT"),
        Refusal("CAST names a type", "SELECT ^CAST(n) FROM s", "names a type"),
        Refusal("AS names a type", "SELECT CAST(n ^AS 5) FROM s", "AS names a type"),
        Refusal("kinds that have no cast", "SELECT CAST(^ok AS INT) FROM s", "cannot be cast"),
        Refusal(
            "letters of a pattern are known", "SELECT TIMESTAMPTOSTRING(at, ^'YYYY') FROM s", "write yyyy"
        ),
        Refusal(
            "time zones are known", "SELECT TIMESTAMPTOSTRING(at, 'yyyy', ^'Mars') FROM s", "is no time zone"
        ),
        Refusal(
            "a pattern to read has a year", "SELECT STRINGTOTIMESTAMP(account, ^'MM') FROM s", "says no year"
        ),
        Refusal("|| joins texts", "SELECT account || ^n FROM s", "needs a string"),
        Refusal("unknown functions get the nearest", "SELECT ^UCAS(account) FROM s", "did you mean UCASE"),
        Refusal(
            "an aggregate does not stand in WHERE",
            f"SELECT COUNT(*) {FROM} WHERE ^SUM(n) > 1",
            "SELECT or HAVING",
        ),
        Refusal(
            "an aggregate does not stand in another",
            f"SELECT SUM(^COUNT(*)) AS v {FROM}",
            "not inside another",
        ),
        Refusal("SUM takes numbers", f"SELECT SUM(^account) AS v {FROM}", "sum needs numbers"),
        Refusal("functions take their kinds", "SELECT UCASE(^n) FROM s", "upper needs a string"),
        Refusal("ROUND takes one or two", "SELECT ^ROUND(n, 1, 2) FROM s", "takes other arguments"),
    ]
)
NAMES = [
    Refusal("unknown columns get the nearest", "SELECT ^acount FROM s", "did you mean account"),
    Refusal(
        "an unknown name lists columns and parameters",
        f"SELECT COUNT(*) AS v {FROM} HAVING COUNT(*) > ^most",
        "(columns in HAVING: v; parameters: known)",
    ),
    Refusal("an unknown variable lists them too", "SELECT n FROM s WHERE n > ^${limit}", "parameters: known"),
    Refusal("an unknown stream lists the streams", "SELECT n FROM ^payments", "CREATE STREAM"),
    Refusal("INSERT knows its stream", "INSERT INTO ^payments VALUES (1)", "no stream payments"),
    Refusal("a qualifier stands in FROM", "SELECT ^t.n FROM s", "'t' is not in FROM"),
    Refusal(
        "a column is grouped or aggregated",
        f"SELECT ^amount, COUNT(*) {FROM} GROUP BY account",
        "neither grouped nor aggregated",
    ),
    Refusal("HAVING reads aggregates", f"SELECT COUNT(*) AS v {FROM} HAVING ^amount > 1", "not aggregated"),
    Refusal(
        "HAVING does not read bounds", f"SELECT COUNT(*) AS v {FROM} HAVING ^WINDOWSTART > 1", "SELECT only"
    ),
    Refusal("* has no meaning in windows", f"SELECT ^* {FROM}", "name the columns"),
    Refusal("two columns have two names", "SELECT n AS a, account AS ^A FROM s", "two columns are called"),
    Refusal(
        "a value is not called as a key",
        f"SELECT COUNT(*) AS ^account {FROM} GROUP BY account",
        "each row carries",
    ),
    Refusal(
        "GROUP BY takes no aggregate", f"SELECT COUNT(*) AS v {FROM} GROUP BY ^SUM(n)", "SELECT or HAVING"
    ),
    Refusal(
        "GROUP BY knows the columns",
        f"SELECT COUNT(*) AS v {FROM} GROUP BY UCASE(^acount)",
        "did you mean account",
    ),
    Refusal(
        "a part of a grouping value is not grouped",
        f"SELECT ^n AS v, COUNT(*) {FROM} GROUP BY n % 2",
        "neither grouped nor aggregated",
    ),
    Refusal(
        "lists of a table cannot be read",
        f"CREATE TABLE t AS SELECT COLLECT_LIST(n) AS l {FROM}; SELECT ^l FROM t",
        "is a list",
    ),
    Refusal("conditions are true or false", "SELECT n FROM s WHERE ^n + 1", "a condition is true or false"),
    Refusal("kinds fit together", "SELECT n FROM s WHERE ^account > 5", "cannot be compared"),
    Refusal(
        "a mistake behind a comment is told at its place",
        "SELECT n FROM s WHERE /* é */\n  n > 1 -- x\n AND ^acount = 'a'",
        "did you mean account",
    ),
]
DECLARATIONS = [
    Refusal("types are known", "CREATE STREAM t (a ^TEXT) WITH (kafka_topic='t')", "types: INT"),
    Refusal("columns are declared once", "CREATE STREAM t (a INT, ^A INT) WITH (kafka_topic='t')", "declared twice"),
    Refusal("properties are known", "CREATE STREAM t (a INT) WITH (topic=^'t')", "did you mean `kafka_topic`"),
    Refusal("the timestamp is a column", "CREATE STREAM t (a INT) WITH (kafka_topic='t', timestamp=^'b')", "which is no column"),
    Refusal("a topic holds JSON", "CREATE STREAM t (a INT) WITH (kafka_topic='t', value_format=^'AVRO')", "JSON is"),
    Refusal("columns are needed", "CREATE STREAM t WITH (kafka_topic='t'^)", "columns of t are missing"),
    Refusal("an array cannot be read", "CREATE STREAM t (a ARRAY<INT>) WITH (kafka_topic='t'); SELECT ^a FROM t", "is a ARRAY"),
    Refusal("INSERT knows the columns", "INSERT INTO s (n, ^m) VALUES (1, 2)", "no column 'm'"),
    Refusal("INSERT has a value for each", "INSERT INTO s (n, account) VALUES (^1)", "need 2 values"),
    Refusal("INSERT values fit", "INSERT INTO s (n) VALUES (^'one')", "n is a BIGINT; 'one' does not fit"),
    Refusal("INSERT moments are moments", "INSERT INTO s (at) VALUES (^'today')", "ISO 8601"),
    Refusal("INSERT takes values only", "INSERT INTO s (n) VALUES (^UNIX_TIMESTAMP())", "expected a number"),
    Refusal("INSERT values fit into 64 bits", "INSERT INTO s (n) VALUES (^9223372036854775808)", "does not fit"),
]  # fmt: skip


@pytest.mark.parametrize(
    "row", [*STATEMENTS, *WINDOWS, *FUNCTIONS, *NAMES, *DECLARATIONS], ids=lambda row: row.sentence
)
def test_refusal(row: Refusal):
    text = STREAM + row.sql
    at = text.index("^")
    with pytest.raises(SqlErrors) as caught:
        planned(text.replace("^", "", 1), {"known": "1"})
    (error,) = caught.value.errors
    assert row.message in error.message
    assert (error.line, error.column) == Script("", text).place(at)
    assert str(error).startswith(f"test.sql:{error.line}:{error.column}: ")


def test_the_caret_stands_under_the_word():
    with pytest.raises(SqlErrors) as caught:
        planned(f"{STREAM}SELECT n\n  FROM s\n\tWHERE acount = 'a';")
    assert str(caught.value).split("\n")[1:] == ["   WHERE acount = 'a';", "         ^"]


def test_a_long_line_is_shown_around_the_place():
    with pytest.raises(SqlErrors) as caught:
        planned(
            f"{STREAM}SELECT n FROM s WHERE {' AND '.join(['n > 1'] * 60)} AND acount = 'a' AND {'n > 2'}"
        )
    _, shown, caret = str(caught.value).split("\n")
    assert len(shown) <= 102
    assert shown[caret.index("^") :].startswith("acount")


def test_each_wrong_statement_is_told():
    with pytest.raises(SqlErrors) as caught:
        planned(
            f"{STREAM}SELECT a FROM s; SELECT n FROM s; SELECT b FROM t; SELECT COUNT(*) {FROM} HAVING x;"
        )
    assert [error.message.split("; ")[0].split(" (")[0] for error in caught.value.errors] == [
        "there is no 'a'",
        "there is no stream t",
        "there is no 'x'",
    ]
