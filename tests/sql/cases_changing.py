"""What statements answer as records come: EMIT CHANGES, tombstones, sessions, grace, null keys and values."""

from __future__ import annotations

from tests.sql.asking import Row
from tests.sql.cases import HOPPING, LATE, TUMBLING, Case

SESSION = "WINDOW SESSION (3 SECONDS)"
NO_GRACE = "WINDOW TUMBLING (SIZE 5 SECONDS, GRACE PERIOD 0 SECONDS)"
SESSION_NO_GRACE = "WINDOW SESSION (3 SECONDS, GRACE PERIOD 0 SECONDS)"
GONE = True
"""The last value of a tombstone: its key, its bounds, and that it is deleted."""

TWO_MEET: tuple[Row, ...] = ((0, "a", 1), (5, "a", 2), (3, "a", 3))
"""The third record lies within three seconds of both sessions before it."""

BACK: tuple[Row, ...] = ((6, "a", 1), (1, "a", 2), (7, "a", 3))
"""The second record belongs to the window before that of the first."""

NOTHING: tuple[Row, ...] = ((0, "a", None), (1, "a", None))
MIXED: tuple[Row, ...] = ((0, "a", None), (1, None, 2), (2, "a", 2), (3, "b", 7))

CHANGES = [
    Case(
        "EMIT CHANGES gives a row for each record that counts",
        f"SELECT account, COUNT(*) AS v FROM s {TUMBLING} GROUP BY account EMIT CHANGES",
        [("a", 1, 0, 5), ("b", 1, 0, 5), ("a", 2, 0, 5), ("a", 1, 5, 10), ("b", 1, 5, 10), ("a", 2, 5, 10)],
    ),
    Case(
        "a window that closes is no change: its last row stood already",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} EMIT CHANGES",
        [(1, 0, 5), (1, 5, 10)],
        rows=((1, "a", 1), (6, "a", 1)),
    ),
    Case(
        "EMIT CHANGES needs no end of input",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} EMIT CHANGES",
        [(1, 0, 5), (2, 0, 5)],
        rows=((1, "a", 1), (2, "a", 1)),
        flush=False,
    ),
    Case(
        "a record of two overlapping windows changes both, the earlier one first",
        f"SELECT COUNT(*) AS v FROM s {HOPPING} EMIT CHANGES",
        [(1, 0, 4), (1, 2, 6), (2, 0, 4), (2, 2, 6)],
        rows=((2, "a", 1), (3, "a", 1)),
    ),
    Case(
        "a change that leaves the values as they were is a row all the same",
        f"SELECT MAX(amount) AS v FROM s {TUMBLING} EMIT CHANGES",
        [(3.0, 0, 5), (3.0, 0, 5)],
        rows=((1, "a", 3), (2, "a", 1)),
    ),
    Case(
        "sums, means and extremes change with each record",
        f"SELECT SUM(amount) AS s, AVG(amount) AS a, MIN(amount) AS l, MAX(amount) AS h FROM s {TUMBLING} EMIT CHANGES",
        [(2.0, 2.0, 2.0, 2.0, 0, 5), (6.0, 3.0, 2.0, 4.0, 0, 5)],
        rows=((1, "a", 2), (2, "a", 4)),
    ),
    Case(
        "LATEST_BY_OFFSET follows the order of reading, not of time",
        f"SELECT LATEST_BY_OFFSET(amount) AS v FROM s {TUMBLING} EMIT CHANGES",
        [(2.0, 0, 5), (1.0, 0, 5)],
        rows=((3, "a", 2), (1, "a", 1)),
    ),
    Case(
        "a list grows with each record",
        f"SELECT COLLECT_LIST(account) AS l, TOPK(amount, 2) AS t FROM s {TUMBLING} EMIT CHANGES",
        [(["a"], [1.0], 0, 5), (["a", "b"], [3.0, 1.0], 0, 5), (["a", "b", "a"], [3.0, 2.0], 0, 5)],
        rows=((1, "a", 1), (2, "b", 3), (3, "a", 2)),
    ),
    Case(
        "LIMIT ends a query of changes too",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} EMIT CHANGES LIMIT 2",
        [(1, 0, 5), (2, 0, 5)],
    ),
    Case(
        "WHERE keeps records that change nothing out",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} WHERE account = 'b' EMIT CHANGES",
        [(1, 0, 5), (1, 5, 10)],
    ),
    Case(
        "without WINDOW there is one group for all time",
        "SELECT account, COUNT(*) AS v FROM s GROUP BY account EMIT CHANGES",
        [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("b", 2), ("a", 4)],
    ),
    Case(
        "without WINDOW and EMIT the table stands as it is at the end",
        "SELECT account, COUNT(*) AS v, SUM(amount) AS s FROM s GROUP BY account",
        [("a", 4, 14.0), ("b", 2, 2.0)],
    ),
    Case(
        "without WINDOW a late record counts as any other",
        "SELECT COUNT(*) AS v FROM s EMIT CHANGES",
        [(1,), (2,), (3,)],
        rows=BACK,
    ),
]
TOMBSTONES = [
    Case(
        "HAVING that turns false gives a tombstone",
        f"SELECT account, MAX(amount) AS v FROM s {TUMBLING} GROUP BY account HAVING MIN(amount) > 2 EMIT CHANGES",
        [("a", 3.0, 0, 5), ("a", 4.0, 0, 5), ("a", 0, 5, GONE)],
        rows=((0, "a", 3), (1, "a", 4), (2, "a", 1), (3, "a", 9)),
    ),
    Case(
        "HAVING that never held gives nothing",
        f"SELECT account FROM s {TUMBLING} GROUP BY account HAVING COUNT(*) > 9 EMIT CHANGES",
        [],
    ),
    Case(
        "HAVING that begins to hold gives a row, and one for each record behind it",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} HAVING COUNT(*) > 1 EMIT CHANGES",
        [(2, 0, 5), (3, 0, 5), (2, 5, 10), (3, 5, 10)],
    ),
    Case(
        "HAVING may hold again after a tombstone",
        f"SELECT LATEST_BY_OFFSET(amount) AS v FROM s {TUMBLING} HAVING LATEST_BY_OFFSET(amount) > 2 EMIT CHANGES",
        [(3.0, 0, 5), (0, 5, GONE), (4.0, 0, 5)],
        rows=((0, "a", 3), (1, "a", 1), (2, "a", 4)),
    ),
    Case(
        "a tombstone comes once",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} HAVING COUNT(*) < 2 EMIT CHANGES",
        [(1, 0, 5), (0, 5, GONE), (1, 5, 10)],
        rows=((0, "a", 1), (1, "a", 1), (2, "a", 1), (5, "a", 1)),
    ),
    Case(
        "a tombstone concerns its own key and window only",
        f"SELECT account, COUNT(*) AS v FROM s {TUMBLING} GROUP BY account HAVING COUNT(*) < 2 EMIT CHANGES",
        [("a", 1, 0, 5), ("b", 1, 0, 5), ("a", 0, 5, GONE)],
        rows=((0, "a", 1), (1, "b", 1), (2, "a", 1)),
    ),
    Case(
        "without WINDOW a tombstone says the key alone",
        "SELECT account, COUNT(*) AS v FROM s GROUP BY account HAVING COUNT(*) < 2 EMIT CHANGES",
        [("a", 1), ("b", 1), ("a", GONE)],
        rows=((0, "a", 1), (1, "b", 1), (2, "a", 1)),
    ),
    Case(
        "final results have no tombstones: what does not hold at the end is no row",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} HAVING COUNT(*) < 2 EMIT FINAL",
        [(1, 5, 10)],
        rows=((0, "a", 1), (1, "a", 1), (2, "a", 1), (5, "a", 1)),
    ),
    Case(
        "a statement that reads the table sees no tombstones",
        f"CREATE TABLE t AS SELECT account, MIN(amount) AS m FROM s {TUMBLING} GROUP BY account "
        "HAVING MIN(amount) > 2 EMIT CHANGES; SELECT account, m FROM t",
        [("a", 3.0), ("a", 3.0)],
        rows=((0, "a", 3), (1, "a", 4), (2, "a", 1)),
    ),
]
GRACE = [
    Case(
        "EMIT CHANGES without GRACE waits 24 hours: a record out of order changes its older window",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} EMIT CHANGES",
        [(1, 5, 10), (1, 0, 5), (2, 5, 10)],
        rows=BACK,
    ),
    Case(
        "with GRACE PERIOD 0 a record of an ended window is dropped",
        f"SELECT COUNT(*) AS v FROM s {NO_GRACE} EMIT CHANGES",
        [(1, 5, 10), (2, 5, 10)],
        rows=BACK,
    ),
    Case(
        "beyond 24 hours a record is dropped from changes too",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} EMIT CHANGES",
        [(1, 0, 5), (1, 90_000, 90_005)],
        rows=((1, "a", 1), (90_001, "a", 1), (2, "a", 1)),
    ),
    Case(
        "time is the stream's: another key's record ends a window too",
        f"SELECT account, COUNT(*) AS v FROM s {NO_GRACE} GROUP BY account EMIT FINAL",
        [("a", 1, 0, 5), ("b", 1, 5, 10)],
        rows=((1, "a", 1), (5, "b", 1), (2, "a", 1)),
    ),
    Case(
        "a record that WHERE leaves out moves time all the same",
        f"SELECT COUNT(*) AS v FROM s {NO_GRACE} WHERE account = 'a' EMIT FINAL",
        [(1, 0, 5)],
        rows=((1, "a", 1), (5, "b", 1), (2, "a", 1)),
    ),
    Case(
        "a record without a key moves time all the same",
        f"SELECT account, COUNT(*) AS v FROM s {NO_GRACE} GROUP BY account EMIT FINAL",
        [("a", 1, 0, 5)],
        rows=((1, "a", 1), (5, None, 1), (2, "a", 1)),
    ),
    Case(
        "time never goes back: a record out of order lets nothing close later",
        f"SELECT COUNT(*) AS v FROM s {NO_GRACE} EMIT FINAL",
        [(2, 0, 5), (1, 5, 10)],
        rows=((3, "a", 1), (1, "a", 1), (5, "a", 1), (4, "a", 1)),
    ),
    Case(
        "the very end of a window with its grace closes it",
        "SELECT COUNT(*) AS v FROM s WINDOW TUMBLING (SIZE 5 SECONDS, GRACE PERIOD 2 SECONDS) EMIT FINAL",
        [(1, 0, 5), (1, 5, 10)],
        rows=((1, "a", 1), (7, "a", 1), (2, "a", 1)),
    ),
    Case(
        "a millisecond before, it is open still",
        "SELECT COUNT(*) AS v FROM s WINDOW TUMBLING (SIZE 5 SECONDS, GRACE PERIOD 2 SECONDS) EMIT FINAL",
        [(2, 0, 5), (1, 5, 10)],
        rows=((1, "a", 1), (6.999, "a", 1), (2, "a", 1)),
    ),
    Case(
        "an overlapping record may be late for one of its windows and count in the other",
        "SELECT COUNT(*) AS v FROM s WINDOW HOPPING (SIZE 4 SECONDS, ADVANCE BY 2 SECONDS, GRACE PERIOD 0 SECONDS)",
        [(1, 0, 4), (3, 2, 6), (1, 4, 8)],
        rows=((2, "a", 1), (4, "a", 1), (3, "a", 1)),
    ),
    Case(
        "EMIT FINAL and no EMIT give the same rows",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING}",
        [(1, 0, 5), (1, 5, 10), (1, 10, 15)],
        rows=LATE,
    ),
    Case(
        "two tables over one stream have a grace each",
        f"CREATE TABLE strict AS SELECT COUNT(*) AS v FROM s {NO_GRACE}; CREATE TABLE patient AS SELECT COUNT(*) AS v "
        "FROM s WINDOW TUMBLING (SIZE 5 SECONDS, GRACE PERIOD 1 MINUTE); SELECT * FROM patient",
        [(2, 0, 5), (1, 5, 10), (1, 10, 15)],
        rows=LATE,
    ),
]
SESSIONS = [
    Case(
        "a session goes from its first record to its last",
        f"SELECT account, COUNT(*) AS v FROM s {SESSION} GROUP BY account",
        [("a", 3, 0, 5)],
        rows=((0, "a", 1), (2, "a", 1), (5, "a", 1)),
    ),
    Case(
        "a session of one record begins and ends with it",
        f"SELECT COUNT(*) AS v FROM s {SESSION}",
        [(1, 2, 2)],
        rows=((2, "a", 1),),
    ),
    Case(
        "a pause of the gap's length keeps a session whole, a longer one parts it",
        f"SELECT COUNT(*) AS v FROM s {SESSION}",
        [(2, 0, 3), (1, 6.001, 6.001)],
        rows=((0, "a", 1), (3, "a", 1), (6.001, "a", 1)),
    ),
    Case(
        "each key has sessions of its own",
        f"SELECT account, COUNT(*) AS v FROM s {SESSION} GROUP BY account",
        [("b", 1, 1, 1), ("a", 3, 0, 5), ("b", 1, 6, 6), ("a", 1, 9, 9)],
    ),
    Case(
        "a record between two sessions merges them",
        "SELECT COUNT(*) AS v, SUM(amount) AS s FROM s WINDOW SESSION (3 SECONDS, GRACE PERIOD 10 SECONDS)",
        [(3, 6.0, 0, 5)],
        rows=TWO_MEET,
    ),
    Case(
        "EMIT CHANGES withdraws the sessions that were merged, then gives the whole",
        f"SELECT account, COUNT(*) AS v FROM s {SESSION} GROUP BY account EMIT CHANGES",
        [("a", 1, 0, 0), ("a", 1, 5, 5), ("a", 0, 0, GONE), ("a", 5, 5, GONE), ("a", 3, 0, 5)],
        rows=TWO_MEET,
    ),
    Case(
        "EMIT CHANGES withdraws a session whose bounds move",
        f"SELECT COUNT(*) AS v FROM s {SESSION} EMIT CHANGES",
        [(1, 0, 0), (0, 0, GONE), (2, 0, 2)],
        rows=((0, "a", 1), (2, "a", 1)),
    ),
    Case(
        "a record within a session's bounds withdraws nothing",
        f"SELECT COUNT(*) AS v FROM s {SESSION} EMIT CHANGES",
        [(1, 0, 0), (0, 0, GONE), (2, 0, 2), (3, 0, 2)],
        rows=((0, "a", 1), (2, "a", 1), (1, "a", 1)),
    ),
    Case(
        "a record out of order may move a session's beginning",
        f"SELECT COUNT(*) AS v FROM s {SESSION}",
        [(2, 1, 3)],
        rows=((3, "a", 1), (1, "a", 1)),
    ),
    Case(
        "HAVING hides sessions, and what was hidden is not withdrawn",
        f"SELECT COUNT(*) AS v FROM s {SESSION} HAVING COUNT(*) > 1 EMIT CHANGES",
        [(3, 0, 5)],
        rows=TWO_MEET,
    ),
    Case(
        "HAVING that fails for the merged session withdraws its parts only",
        f"SELECT COUNT(*) AS v FROM s {SESSION} HAVING COUNT(*) = 1 EMIT CHANGES",
        [(1, 0, 0), (1, 5, 5), (0, 0, GONE), (5, 5, GONE)],
        rows=TWO_MEET,
    ),
    Case(
        "a session is over when time has passed its end by more than the gap and the grace",
        f"SELECT account, COUNT(*) AS v FROM s {SESSION_NO_GRACE} GROUP BY account EMIT FINAL",
        [("a", 2, 0, 2), ("b", 1, 5.001, 5.001)],
        rows=((0, "a", 1), (2, "a", 1), (5.001, "b", 1), (1, "a", 1)),
    ),
    Case(
        "until then a record out of order counts in it",
        f"SELECT account, COUNT(*) AS v FROM s {SESSION_NO_GRACE} GROUP BY account EMIT FINAL",
        [("a", 3, 0, 2), ("b", 1, 5, 5)],
        rows=((0, "a", 1), (2, "a", 1), (5, "b", 1), (1, "a", 1)),
    ),
    Case(
        "GRACE PERIOD keeps a session open for longer",
        "SELECT account, COUNT(*) AS v FROM s WINDOW SESSION (3 SECONDS, GRACE PERIOD 10 SECONDS) GROUP BY account",
        [("a", 3, 0, 2), ("b", 1, 12, 12)],
        rows=((0, "a", 1), (2, "a", 1), (12, "b", 1), (1, "a", 1)),
    ),
    Case(
        "without GROUP BY all records share the sessions",
        f"SELECT COUNT(*) AS v FROM s {SESSION}",
        [(6, 0, 9)],
    ),
    Case(
        "WINDOWSTART and WINDOWEND of a session are its first and last record",
        f"SELECT WINDOWSTART AS f, WINDOWEND AS l, COUNT(*) AS v FROM s {SESSION} GROUP BY account LIMIT 1",
        [("b", 1, 1, 1, 1, 1)],
    ),
]
NULLS = [
    Case(
        "a record whose key has a null in one of two parts is left out",
        f"SELECT account, amount, COUNT(*) AS v FROM s {TUMBLING} GROUP BY account, amount",
        [("a", 1.0, 1, 0, 5)],
        rows=((0, "a", 1), (1, None, 1), (2, "a", None)),
    ),
    Case(
        "a computed key that is null is left out",
        f"SELECT UCASE(account) AS who, COUNT(*) AS v FROM s {TUMBLING} GROUP BY UCASE(account)",
        [("A", 1, 0, 5)],
        rows=((0, "a", 1), (1, None, 1)),
    ),
    Case(
        "a null key is no change",
        f"SELECT account, COUNT(*) AS v FROM s {TUMBLING} GROUP BY account EMIT CHANGES",
        [("a", 1, 0, 5)],
        rows=((0, "a", 1), (1, None, 1)),
    ),
    Case(
        "COUNT(*) counts records with nulls",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING}",
        [(2, 0, 5)],
        rows=NOTHING,
    ),
    Case(
        "COUNT of nulls only is zero",
        f"SELECT COUNT(amount) AS v FROM s {TUMBLING}",
        [(0, 0, 5)],
        rows=NOTHING,
    ),
    Case(
        "SUM of nulls only is zero", f"SELECT SUM(amount) AS v FROM s {TUMBLING}", [(0.0, 0, 5)], rows=NOTHING
    ),
    Case(
        "AVG, MIN and MAX of nulls only are null",
        f"SELECT AVG(amount) AS a, MIN(amount) AS l, MAX(amount) AS h FROM s {TUMBLING}",
        [(None, None, None, 0, 5)],
        rows=NOTHING,
    ),
    Case(
        "LATEST_BY_OFFSET of nulls only is null",
        f"SELECT LATEST_BY_OFFSET(amount) AS v FROM s {TUMBLING}",
        [(None, 0, 5)],
        rows=NOTHING,
    ),
    Case(
        "COUNT_DISTINCT passes over nulls",
        f"SELECT COUNT_DISTINCT(amount) AS v FROM s {TUMBLING}",
        [(2, 0, 5)],
        rows=MIXED,
    ),
    Case(
        "COLLECT_LIST keeps nulls and repetitions, in the order of reading",
        f"SELECT COLLECT_LIST(amount) AS v FROM s {TUMBLING}",
        [([None, 2.0, 2.0, 7.0], 0, 5)],
        rows=MIXED,
    ),
    Case(
        "COLLECT_SET keeps each value once, null too",
        f"SELECT COLLECT_SET(amount) AS v FROM s {TUMBLING}",
        [([None, 2.0, 7.0], 0, 5)],
        rows=MIXED,
    ),
    Case(
        "TOPK passes over nulls and keeps repetitions, the largest first",
        f"SELECT TOPK(amount, 3) AS v FROM s {TUMBLING}",
        [([7.0, 2.0, 2.0], 0, 5)],
        rows=MIXED,
    ),
    Case(
        "TOPKDISTINCT keeps each value once",
        f"SELECT TOPKDISTINCT(amount, 3) AS v FROM s {TUMBLING}",
        [([7.0, 2.0], 0, 5)],
        rows=MIXED,
    ),
    Case(
        "HISTOGRAM counts each value that is not null",
        f"SELECT HISTOGRAM(account) AS v FROM s {TUMBLING}",
        [({"a": 2, "b": 1}, 0, 5)],
        rows=MIXED,
    ),
    Case(
        "LATEST_BY_OFFSET with n gives the last n, the oldest of them first",
        f"SELECT LATEST_BY_OFFSET(n, 2) AS v FROM s {TUMBLING}",
        [([2, 3], 0, 5), ([5, 6], 5, 10)],
    ),
    Case(
        "EARLIEST_BY_OFFSET with n gives the first n",
        f"SELECT EARLIEST_BY_OFFSET(n, 2) AS v FROM s {TUMBLING}",
        [([1, 2], 0, 5), ([4, 5], 5, 10)],
    ),
    Case(
        "fewer values than n are all there are",
        f"SELECT LATEST_BY_OFFSET(amount, 5) AS v FROM s {TUMBLING}",
        [([2.0, 2.0, 7.0], 0, 5)],
        rows=MIXED,
    ),
    Case(
        "PERCENTILE lies among the values",
        f"SELECT PERCENTILE(amount, 0.5) AS v FROM s {TUMBLING} LIMIT 1",
        [(2.0, 0, 5)],
    ),
    Case(
        "a condition with null keeps no record",
        f"SELECT COUNT(*) AS v FROM s {TUMBLING} WHERE amount > 1 OR amount <= 1",
        [(3, 0, 5), (2, 5, 10)],
    ),
    Case(
        "IFNULL makes a value of null before it is counted",
        f"SELECT SUM(IFNULL(amount, 100)) AS v FROM s {TUMBLING}",
        [(6.0, 0, 5), (110.0, 5, 10)],
    ),
]
COMPUTED = [
    Case(
        "GROUP BY may compute a value",
        f"SELECT UCASE(account) AS who, COUNT(*) AS v FROM s {TUMBLING} GROUP BY UCASE(account) LIMIT 2",
        [("A", 2, 0, 5), ("B", 1, 0, 5)],
    ),
    Case(
        "a computed key without a name is KSQL_COL_0",
        f"SELECT UCASE(account), COUNT(*) FROM s {TUMBLING} GROUP BY UCASE(account) LIMIT 1",
        [("A", 2, 0, 5)],
    ),
    Case(
        "HAVING may read a computed key",
        f"SELECT UCASE(account) AS who, COUNT(*) AS v FROM s {TUMBLING} GROUP BY UCASE(account) "
        "HAVING UCASE(account) = 'B'",
        [("B", 1, 0, 5), ("B", 1, 5, 10)],
    ),
    Case(
        "HAVING on the key alone is enough",
        f"SELECT account, COUNT(*) AS v FROM s {TUMBLING} GROUP BY account HAVING account LIKE 'b%'",
        [("b", 1, 0, 5), ("b", 1, 5, 10)],
    ),
    Case(
        "values are computed of a computed key",
        f"SELECT CONCAT(UCASE(account), '!') AS who, COUNT(*) AS v FROM s {TUMBLING} GROUP BY UCASE(account) LIMIT 1",
        [("A", "A!", 2, 0, 5)],
    ),
    Case(
        "CASE groups by what it gives",
        "SELECT CASE WHEN amount > 3 THEN 'much' ELSE 'little' END AS size, COUNT(*) AS v "
        f"FROM s {TUMBLING} GROUP BY CASE WHEN amount > 3 THEN 'much' ELSE 'little' END",
        [("little", 3, 0, 5), ("little", 1, 5, 10), ("much", 2, 5, 10)],
    ),
    Case(
        "the bounds of a window may be written as texts",
        f"SELECT TIMESTAMPTOSTRING(WINDOWSTART, 'HH:mm:ss') AS f, COUNT(*) AS v FROM s {TUMBLING} LIMIT 1",
        [("10:00:00", 3, 0, 5)],
    ),
]
