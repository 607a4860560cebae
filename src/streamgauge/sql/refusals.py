"""What ksqlDB has and this does not, and the nearest thing that is here: pure data."""

from __future__ import annotations

AGGREGATES: dict[str, str] = {
    "CORRELATION": "AVG(x * y) - AVG(x) * AVG(y) can be written with a name for each",
    "ATTR": "add the column to GROUP BY",
    "SUM_LIST": "declare the values as columns of their own",
    "AS_MAP": "HISTOGRAM(x) counts each value",
}
"""Aggregate functions of ksqlDB that cannot be computed yet."""

FUNCTIONS: dict[str, str] = {
    "UNIX_TIMESTAMP": "the clock is not part of a query; CAST(at AS BIGINT) is a column's milliseconds since 1970",
    "FROM_UNIXTIME": "write CAST(x AS TIMESTAMP)",
    "EXTRACTJSONFIELD": "declare the column as STRUCT<…> and write a->b",
    "REGEXP_EXTRACT": "MATCHES(x, 'pattern') tells whether it is found",
    "INSTR": "x LIKE '%text%' tells whether it is found",
    "AS_VALUE": "write the column itself: keys are shown as values too",
    "DATEADD": "compare with a moment: '2026-01-01T00:00:00Z'",
    "DATETOSTRING": "write TIMESTAMPTOSTRING(x, 'yyyy-MM-dd')",
    "STRINGTODATE": "write STRINGTOTIMESTAMP(x, 'yyyy-MM-dd')",
    "EXPLODE": "one record cannot become several rows; split it before it is produced",
    "ARRAY_CONTAINS": "arrays are not columns here; x IN ('a', 'b') compares with a list",
    "GEO_DISTANCE": "compute it before the record is produced",
}
"""Functions of one row."""

CLAUSES: dict[str, str] = {
    "JOIN": "a statement reads one stream: bring the fields together before they are produced",
    "INNER": "a statement reads one stream: bring the fields together before they are produced",
    "LEFT": "a statement reads one stream: bring the fields together before they are produced",
    "RIGHT": "a statement reads one stream: bring the fields together before they are produced",
    "FULL": "a statement reads one stream: bring the fields together before they are produced",
    "OUTER": "a statement reads one stream: bring the fields together before they are produced",
    "PARTITION": "leave PARTITION BY out: grouping does not depend on where records lie",
    "ORDER": "rows come in the order of their windows' ends",
    "UNION": "write two statements",
}
"""Words that may follow FROM."""

STATEMENTS: dict[str, str] = {
    "CREATE TABLE": "a table is made of a query: CREATE TABLE name AS SELECT … FROM stream WINDOW TUMBLING (…) …",
    "CREATE SOURCE": "write CREATE STREAM",
    "CREATE TYPE": "write the type where it is used: STRUCT<a INT, b STRING>",
    "CREATE SINK": "connectors run in Kafka Connect, not here",
    "ALTER": "write the columns into CREATE STREAM",
    "ASSERT": "`streamgauge replay --fail-on` checks what comes out",
    "UPDATE": "events are not changed; use INSERT INTO",
    "DELETE": "events are not deleted",
    "WITH": "write each query as a CREATE TABLE of its own and read that",
}
"""Beginnings of statements that are refused."""

SKIPPED: frozenset[str] = frozenset(
    {
        "SET", "UNSET", "UNDEFINE", "DROP", "SHOW", "LIST", "DESCRIBE", "EXPLAIN", "PRINT", "TERMINATE", "PAUSE",
        "RESUME", "RUN", "SPOOL",
    }
)  # fmt: skip
"""Beginnings of statements that speak to a ksqlDB server and change nothing here."""
