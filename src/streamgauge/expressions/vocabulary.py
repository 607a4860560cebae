"""The words of the language: functions, aggregates, and what people write instead of them.

Pure data, so that error messages, documentation and the parser agree on what exists.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

AggregateName: TypeAlias = Literal[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "stddev",
    "variance",
    "first",
    "last",
    "distinct",
    "rate",
    "approx_distinct",
    "quantile",
    "frequent",
    "topk",
    "topk_distinct",
    "collect_list",
    "collect_set",
    "histogram",
]

AGGREGATES: dict[str, AggregateName] = {
    **{name: name for name in get_args(AggregateName)},
    "mean": "avg",
    "stddev_samp": "stddev",
    "std": "stddev",
    "var": "variance",
    "var_samp": "variance",
    "count_distinct": "distinct",
    "approx_count_distinct": "approx_distinct",
    "percentile": "quantile",
    "topkdistinct": "topk_distinct",
}
"""Every spelling of an aggregate, in lower case, and the name it stands for."""

FUNCTIONS: dict[str, str] = {
    "abs": "abs",
    "round": "round",
    "floor": "floor",
    "ceil": "ceil",
    "ceiling": "ceil",
    "lower": "lower",
    "upper": "upper",
    "length": "length",
    "trim": "trim",
    "substring": "substring",
    "substr": "substring",
    "concat": "concat",
    "coalesce": "coalesce",
    "matches": "matches",
    "nullif": "nullif",
    "cast": "cast",
    "try_cast": "cast",
    "timestamptostring": "timestamptostring",
    "format_timestamp": "timestamptostring",
    "stringtotimestamp": "stringtotimestamp",
    "parse_timestamp": "stringtotimestamp",
    "lcase": "lower",
    "ucase": "upper",
    "len": "length",
    "char_length": "length",
    "ifnull": "coalesce",
    "nvl": "coalesce",
    "regexp_matches": "matches",
}
"""Every spelling of a function of one record, in lower case, and the name it stands for."""

INSTEAD: dict[str, str] = {
    "if": "write case when … then … else … end",
    "iif": "write case when … then … else … end",
    "pow": "write x * x",
    "power": "write x * x",
    "mod": "write a % b",
    "div": "write floor(a / b)",
    "truncate": "write floor(x) or round(x, n)",
    "convert": "write cast(x as double)",
    "to_date": "write stringtotimestamp(x, 'yyyy-MM-dd')",
    "strftime": "write timestamptostring(x, 'yyyy-MM-dd HH:mm:ss')",
    "to_char": "write timestamptostring(x, 'yyyy-MM-dd HH:mm:ss')",
    "ilike": "write lower(x) like 'pattern'",
    "rlike": "write matches(x, 'pattern') or x ~ 'pattern'",
    "regexp": "write matches(x, 'pattern') or x ~ 'pattern'",
    "regexp_like": "write matches(x, 'pattern')",
    "similar": "write matches(x, 'pattern')",
    "contains": "write x like '%text%'",
    "startswith": "write x like 'text%'",
    "starts_with": "write x like 'text%'",
    "endswith": "write x like '%text'",
    "escape": "match % and _ themselves with matches(x, 'pattern')",
    "isnull": "write x is null",
    "notnull": "write x is not null",
    "none": "write x is null",
    "nan": "a number that is NaN counts as missing: write x is null",
    "xor": "write (a and not b) or (b and not a)",
    "select": "write only the condition or value itself, not a query",
    "from": "write only the condition or value itself, not a query",
    "where": "write only the condition itself",
    "having": "write only the condition itself",
    "filter": "write count(case when … then 1 end)",
    "over": "a window is declared under `window`",
    "exists": "there are no subqueries; write x in ('a', 'b')",
    "any": "there are no subqueries; write x in ('a', 'b')",
    "all": "there are no subqueries; join conditions with `and`",
    "as": "the name stands before the colon in `compute: {name: expression}`",
    "now": "the clock is not part of an expression; compare with '2026-01-01T00:00:00Z'",
    "current_timestamp": "the clock is not part of an expression; compare with '2026-01-01T00:00:00Z'",
    "interval": "durations are settings such as `for: 5m`, not part of an expression",
    "timestamp": "write the moment in single quotes: '2026-01-01T00:00:00Z'",
    "date": "write the moment in single quotes: '2026-01-01'",
}
"""What people know from elsewhere, and what to write here."""

SYMBOLS_INSTEAD: dict[str, str] = {
    "!": "write not",
    "&": "write and",
    "|": "write or; || joins texts",
    "^": "there is no power; write x * x",
    "?": "write case when … then … else … end",
    ":": "write case when … then … else … end",
    ";": "write one expression",
    "[": "a nested field is declared under `fields` with its path",
    "{": "a nested field is declared under `fields` with its path",
    "@": "settings from the environment are written ${NAME}",
    "#": "comments belong into the YAML, after a #",
}
"""The same for symbols."""
