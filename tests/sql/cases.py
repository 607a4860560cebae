"""What statements answer, one sentence per row: windows, time, aggregates, conditions, names, rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from tests.sql.asking import SIX, Row

TUMBLING = "WINDOW TUMBLING (SIZE 5 SECONDS)"
HOPPING = "WINDOW HOPPING (SIZE 4 SECONDS, ADVANCE BY 2 SECONDS)"
LATE: tuple[Row, ...] = ((1, "a", 1), (6, "a", 2), (4, "a", 3), (11, "a", 4))
"""The third record comes out of order: its window 0–5 ended when the second came."""


class Case(NamedTuple):
    """One row: the sentence is its name."""

    sentence: str
    sql: str
    expected: Sequence[tuple[Any, ...]]
    rows: Sequence[Row] = SIX
    parameters: dict[str, str] | None = None
    lateness: float = 0
    flush: bool = True


WINDOWS = [
    Case(
        "without GROUP BY there is one group", f"SELECT COUNT(*) FROM s {TUMBLING}", [(3, 0, 5), (3, 5, 10)]
    ),
    Case(
        "GROUP BY a constant is one group too",
        f"SELECT 'all' AS what, COUNT(*) AS events FROM s {TUMBLING} GROUP BY 'all'",
        [("all", 3, 0, 5), ("all", 3, 5, 10)],
    ),
    Case(
        "with GROUP BY each key has windows of its own",
        f"SELECT account, COUNT(*) AS events FROM s {TUMBLING} GROUP BY account",
        [("a", 2, 0, 5), ("b", 1, 0, 5), ("a", 2, 5, 10), ("b", 1, 5, 10)],
    ),
    Case(
        "a key that is not selected stands in the row all the same",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING} GROUP BY account LIMIT 2",
        [("a", 2, 0, 5), ("b", 1, 0, 5)],
    ),
    Case(
        "two grouping columns make a key of two parts",
        f"SELECT account, ok, COUNT(*) AS events FROM s {TUMBLING} GROUP BY account, ok HAVING COUNT(*) > 1",
        [("a", True, 2, 0, 5), ("a", False, 2, 5, 10)],
    ),
    Case(
        "a record whose key is null is left out",
        f"SELECT account, COUNT(*) AS events FROM s {TUMBLING} GROUP BY account",
        [("a", 1, 0, 5)],
        rows=((1, "a", 1), (2, None, 1)),
    ),
    Case(
        "a window begins at a multiple of its size since 1970 and ends before the next",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING}",
        [(1, 0, 5), (1, 5, 10)],
        rows=((4.999, "a", 1), (5, "a", 1)),
    ),
    Case(
        "a hopping record counts in each window that covers it",
        f"SELECT COUNT(*) AS events FROM s {HOPPING}",
        [(1, 0, 4), (1, 2, 6)],
        rows=((2, "a", 1),),
    ),
    Case(
        "a window without records is no row",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING}",
        [(1, 0, 5), (1, 20, 25)],
        rows=((1, "a", 1), (21, "a", 1)),
    ),
    Case("no records are no rows", f"SELECT COUNT(*) AS events FROM s {TUMBLING} WHERE n > 100", []),
    Case(
        "WINDOWSTART and WINDOWEND are the bounds, under any alias",
        f"SELECT WINDOWSTART AS ws, WINDOWEND AS we, COUNT(*) AS events FROM s {TUMBLING}",
        [(0, 5, 3, 0, 5), (5, 10, 3, 5, 10)],
    ),
    Case(
        "WINDOWSTART without an alias is not repeated",
        f"SELECT WINDOWSTART, COUNT(*) AS events FROM s {TUMBLING}",
        [(0, 3, 5), (5, 3, 10)],
    ),
]
TIME = [
    Case(
        "without GRACE a record of an ended window is dropped from a final result",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING} EMIT FINAL",
        [(1, 0, 5), (1, 5, 10), (1, 10, 15)],
        rows=LATE,
    ),
    Case(
        "GRACE PERIOD keeps the window open for it",
        "SELECT COUNT(*) AS events FROM s WINDOW TUMBLING (SIZE 5 SECONDS, GRACE PERIOD 2 SECONDS) EMIT FINAL",
        [(2, 0, 5), (1, 5, 10), (1, 10, 15)],
        rows=LATE,
    ),
    Case(
        "a record as late as the grace is long is dropped: end + grace has been reached",
        "SELECT COUNT(*) AS events FROM s WINDOW TUMBLING (SIZE 5 SECONDS, GRACE PERIOD 1 SECOND) EMIT FINAL",
        [(1, 0, 5), (1, 5, 10), (1, 10, 15)],
        rows=LATE,
    ),
    Case(
        "without GRACE the lateness of the stream counts",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING}",
        [(2, 0, 5), (1, 5, 10), (1, 10, 15)],
        rows=LATE,
        lateness=2,
    ),
    Case(
        "GRACE PERIOD wins over the lateness of the stream",
        "SELECT COUNT(*) AS events FROM s WINDOW TUMBLING (SIZE 5 SECONDS, GRACE PERIOD 0 SECONDS)",
        [(1, 0, 5), (1, 5, 10), (1, 10, 15)],
        rows=LATE,
        lateness=2,
    ),
    Case(
        "a record out of order within its open window counts",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING}",
        [(2, 0, 5)],
        rows=((3, "a", 1), (1, "a", 1)),
    ),
    Case(
        "RETENTION changes nothing",
        "SELECT COUNT(*) AS events FROM s WINDOW TUMBLING (SIZE 5 SECONDS, RETENTION 1 DAY)",
        [(3, 0, 5), (3, 5, 10)],
    ),
    Case(
        "the last windows are closed at the end of the records",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING}",
        [(3, 0, 5), (3, 5, 10)],
    ),
    Case(
        "as in a live stream, time must pass a window's end: without a flush the last stays open",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING}",
        [(3, 0, 5)],
        flush=False,
    ),
]
AGGREGATES = [
    Case(
        "COUNT(x) counts what is not null",
        f"SELECT COUNT(amount) AS v FROM s {TUMBLING}",
        [(3, 0, 5), (2, 5, 10)],
    ),
    Case("SUM passes over nulls", f"SELECT SUM(amount) AS v FROM s {TUMBLING}", [(6.0, 0, 5), (10.0, 5, 10)]),
    Case("AVG passes over nulls", f"SELECT AVG(amount) AS v FROM s {TUMBLING}", [(2.0, 0, 5), (5.0, 5, 10)]),
    Case("MIN is the smallest", f"SELECT MIN(amount) AS v FROM s {TUMBLING}", [(1.0, 0, 5), (4.0, 5, 10)]),
    Case("MAX is the largest", f"SELECT MAX(amount) AS v FROM s {TUMBLING}", [(3.0, 0, 5), (6.0, 5, 10)]),
    Case("MAX of a timestamp is a moment", f"SELECT MAX(at) AS v FROM s {TUMBLING}", [(2, 0, 5), (9, 5, 10)]),
    Case(
        "STDDEV_SAMP is the sample's standard deviation",
        f"SELECT STDDEV_SAMP(amount) AS v FROM s {TUMBLING} LIMIT 1",
        [(1.0, 0, 5)],
    ),
    Case(
        "COUNT_DISTINCT counts different values",
        f"SELECT COUNT_DISTINCT(account) AS v FROM s {TUMBLING}",
        [(2, 0, 5), (2, 5, 10)],
    ),
    Case(
        "COUNT(DISTINCT x) is the same",
        f"SELECT COUNT(DISTINCT account) AS v FROM s {TUMBLING} LIMIT 1",
        [(2, 0, 5)],
    ),
    Case(
        "EARLIEST_BY_OFFSET is the first value read",
        f"SELECT EARLIEST_BY_OFFSET(account) AS v FROM s {TUMBLING} LIMIT 1",
        [("b", 0, 5)],
        rows=((3, "b", 1), (1, "a", 2)),
    ),
    Case(
        "LATEST_BY_OFFSET is the last value read that is not null",
        f"SELECT LATEST_BY_OFFSET(amount) AS v FROM s {TUMBLING}",
        [(7.0, 0, 5)],
        rows=((1, "a", 7), (2, "a", None)),
    ),
    Case(
        "an aggregate takes a value computed of columns",
        f"SELECT SUM(amount * 2) AS v FROM s {TUMBLING} LIMIT 1",
        [(12.0, 0, 5)],
    ),
    Case(
        "SUM over CASE counts by condition",
        f"SELECT SUM(CASE WHEN ok THEN 1 ELSE 0 END) AS v FROM s {TUMBLING}",
        [(2.0, 0, 5), (1.0, 5, 10)],
    ),
    Case(
        "aggregates are combined in one column",
        f"SELECT SUM(amount) / COUNT(amount) AS v FROM s {TUMBLING}",
        [(2.0, 0, 5), (5.0, 5, 10)],
    ),
    Case(
        "one aggregate may stand under two names",
        f"SELECT COUNT(*) AS one, COUNT(*) AS two FROM s {TUMBLING} LIMIT 1",
        [(3, 3, 0, 5)],
    ),
    Case(
        "functions of a row wrap aggregates",
        f"SELECT ROUND(AVG(amount)) AS v, UCASE(account) AS who FROM s {TUMBLING} GROUP BY account LIMIT 1",
        [("a", 2.0, "A", 0, 5)],
    ),
]
CONDITIONS = [
    Case(
        "HAVING keeps the windows for which it holds",
        f"SELECT account, COUNT(*) AS events FROM s {TUMBLING} GROUP BY account HAVING COUNT(*) > 1",
        [("a", 2, 0, 5), ("a", 2, 5, 10)],
    ),
    Case(
        "HAVING may use an aggregate that is not selected",
        f"SELECT account FROM s {TUMBLING} GROUP BY account HAVING SUM(amount) >= 10",
        [("a", 5, 10)],
    ),
    Case(
        "HAVING may use an alias",
        f"SELECT SUM(amount) AS spent FROM s {TUMBLING} HAVING spent > 6",
        [(10.0, 5, 10)],
    ),
    Case(
        "HAVING may use the alias of a combination",
        f"SELECT SUM(amount) / COUNT(*) AS mean FROM s {TUMBLING} HAVING mean * 2 > 5",
        [(pytest.approx(10 / 3), 5, 10)],
    ),
    Case(
        "HAVING may use a grouping column",
        f"SELECT account, COUNT(*) AS v FROM s {TUMBLING} GROUP BY account HAVING account = 'b' AND COUNT(*) > 0",
        [("b", 1, 0, 5), ("b", 1, 5, 10)],
    ),
    Case(
        "HAVING holds only where it surely does: null is not enough",
        f"SELECT account FROM s {TUMBLING} GROUP BY account HAVING MAX(amount) > 0",
        [("a", 0, 5), ("b", 0, 5), ("a", 5, 10)],
    ),
    Case(
        "HAVING alone may hold the aggregate",
        f"SELECT account FROM s {TUMBLING} GROUP BY account HAVING COUNT(*) = 1",
        [("b", 0, 5), ("b", 5, 10)],
    ),
    Case(
        "WHERE keeps records before they are counted",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING} WHERE amount > 2",
        [(1, 0, 5), (2, 5, 10)],
    ),
    Case(
        "WHERE knows AND, OR, IN, BETWEEN, LIKE and IS NULL",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING} WHERE (account IN ('a', 'x') AND n BETWEEN 1 AND 3 "
        "OR amount IS NULL) AND country LIKE '%'",
        [(2, 0, 5), (1, 5, 10)],
    ),
    Case(
        "a name that is no column is a parameter",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING} HAVING SUM(amount) > threshold",
        [(3, 5, 10)],
        parameters={"threshold": "6"},
    ),
    Case(
        "parameters are found whatever their capitals",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING} WHERE account = WHO",
        [(2, 0, 5), (2, 5, 10)],
        parameters={"who": "a"},
    ),
    Case(
        "a column wins over a parameter of the same name",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING} WHERE n > 4",
        [(2, 5, 10)],
        parameters={"n": "100"},
    ),
    Case(
        "${name} is a parameter even where a column has its name",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING} WHERE n > ${{n}}",
        [(1, 5, 10)],
        parameters={"n": "5"},
    ),
    Case(
        "DEFINE gives a parameter",
        f"DEFINE most = '6'; SELECT COUNT(*) AS events FROM s {TUMBLING} HAVING SUM(amount) > most",
        [(3, 5, 10)],
    ),
    Case(
        "--set wins over DEFINE",
        f"DEFINE most = '6'; SELECT COUNT(*) AS events FROM s {TUMBLING} HAVING SUM(amount) > most",
        [(3, 0, 5), (3, 5, 10)],
        parameters={"most": "1"},
    ),
    Case(
        "a negative parameter stays one number",
        f"SELECT COUNT(*) AS events FROM s {TUMBLING} WHERE amount - low > 6",
        [(1, 5, 10)],
        parameters={"low": "-1"},
    ),
]
NAMES = [
    Case(
        "names of streams and columns are found whatever their capitals",
        f"SELECT ACCOUNT, COUNT(*) AS Events FROM S {TUMBLING} GROUP BY Account LIMIT 1",
        [("a", 2, 0, 5)],
    ),
    Case(
        "a column may be written with its stream or the stream's alias",
        f"SELECT x.account, COUNT(*) AS v FROM s x {TUMBLING} WHERE s.n < 3 AND x.n < 3 GROUP BY x.account",
        [("a", 1, 0, 5), ("b", 1, 0, 5)],
    ),
    Case(
        "back quotes and double quotes hold names",
        f'SELECT `account`, COUNT(*) AS `how many` FROM "s" {TUMBLING} GROUP BY `account` LIMIT 1',
        [("a", 2, 0, 5)],
    ),
    Case("an alias needs no AS", f"SELECT COUNT(*) events FROM s {TUMBLING} LIMIT 1", [(3, 0, 5)]),
    Case(
        "comments may stand anywhere and are left out of expressions",
        f"SELECT /* how many */ COUNT(*) -- ; not the end\n AS v FROM s {TUMBLING} WHERE n > 1 -- two\n AND n < 3",
        [(1, 0, 5)],
    ),
    Case(
        "a quote within a text is written twice",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} WHERE account <> 'it''s; -- here' LIMIT 1",
        [(3, 0, 5)],
    ),
]
ROWS = [
    Case(
        "a SELECT without aggregates gives records",
        "SELECT account, amount * 2 AS twice FROM s WHERE n < 3 EMIT CHANGES",
        [("a", 2.0), ("b", 4.0)],
    ),
    Case(
        "SELECT * gives all columns of a stream",
        "SELECT * FROM s LIMIT 1",
        [("a", 1.0, 1, True, "CH", 0)],
    ),
    Case("LIMIT ends it", "SELECT n FROM s EMIT CHANGES LIMIT 2", [(1,), (2,)]),
    Case("ROWTIME is the event time", "SELECT ROWTIME AS t FROM s LIMIT 2", [(0,), (1,)]),
    Case(
        "functions have ksqlDB's names",
        "SELECT UCASE(account) AS u, LCASE(country) AS l, LEN(country) AS c, IFNULL(amount, 0.5) AS v FROM s "
        "WHERE amount IS NULL",
        [("B", "ch", 2, 0.5)],
    ),
    Case(
        "texts are cut and joined",
        "SELECT CONCAT(TRIM('  x '), '-', account) AS c, SUBSTRING(country, 2, 1) AS b FROM s LIMIT 1",
        [("x-a", "H")],
    ),
    Case(
        "a table is read by a later statement",
        f"CREATE TABLE t AS SELECT account, COUNT(*) AS events FROM s {TUMBLING} GROUP BY account; "
        "SELECT * FROM t WHERE events > 1",
        [("a", 2, 0, 5), ("a", 2, 5, 10)],
    ),
    Case(
        "a window over a table counts its rows at the ends of their windows",
        f"CREATE TABLE t AS SELECT account, COUNT(*) AS events FROM s {TUMBLING} GROUP BY account; "
        "SELECT COUNT(*) AS v, SUM(events) AS records FROM t WINDOW TUMBLING (SIZE 10 SECONDS)",
        [(2, 3.0, 0, 10), (2, 3.0, 10, 20)],
    ),
    Case(
        "a table's HAVING decides what later statements read",
        f"CREATE TABLE t AS SELECT account FROM s {TUMBLING} GROUP BY account HAVING COUNT(*) > 1; "
        "SELECT account, WINDOWSTART AS ws FROM t",
        [("a", 0), ("a", 5)],
    ),
    Case(
        "a stream made of a stream keeps the event time",
        f"CREATE STREAM big AS SELECT account, amount FROM s WHERE amount > 2; "
        f"SELECT COUNT(*) AS v FROM big {TUMBLING}",
        [(1, 0, 5), (2, 5, 10)],
    ),
]
