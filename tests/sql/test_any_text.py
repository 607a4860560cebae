"""Whatever is typed is answered by rows or by a sentence with its place, never by a traceback."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamgauge.errors import ConfigError
from streamgauge.sql.parse import parse
from streamgauge.sql.plan import Given, plan
from streamgauge.sql.script import Script
from tests.sql.asking import STREAM

TYPED = (
    "SELECT FROM WINDOW TUMBLING HOPPING SIZE ADVANCE BY GRACE PERIOD 5 SECONDS 1 MINUTE WHERE GROUP HAVING EMIT FINAL "
    "CHANGES SESSION CAST TOPK || LIMIT CREATE STREAM TABLE AS INSERT INTO VALUES WITH DEFINE s account amount n ok at COUNT SUM LEN CASE WHEN "
    "THEN ELSE END AND OR NOT IN LIKE IS NULL BETWEEN TRUE ROWTIME WINDOWSTART ( ) ( ) , * + - / = > < . -> ; 'a' `n` "
    '"n" ${known} known 7 0.5 1e9 -- /* */ \' ` STRUCT < VARCHAR KEY ARRAY'
)
WORDS = TYPED.split()
BEGIN = "SELECT account, COUNT(*) AS v FROM s WINDOW TUMBLING (SIZE 5 SECONDS) WHERE n > 1 GROUP BY account HAVING v > 1"
WHOLE = BEGIN.replace("(", " ( ").replace(")", " ) ").split()


def holds(text: str) -> None:
    told = ""
    try:
        plan(parse([Script("any.sql", STREAM + text)]), Given({"known": "1"}))
    except ConfigError as error:
        told = str(error)
    assert not told or told.startswith("any.sql:")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_any_words(words):
    holds(" ".join(words))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_statement_with_a_word_changed(data):
    words = list(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(words) - 1))
        words[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.lists(st.sampled_from(WORDS), max_size=2)
        )
    holds(" ".join(words))


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40))
@example("\ud800")
@example("SELECT n FROM s WHERE n = 99999999999999999999999")
@example("SELECT n FROM s WHERE account = '\x00'")
@example("SELECT COUNT(*) FROM s WINDOW TUMBLING (SIZE 99999999999999999999 DAYS)")
@example("INSERT INTO s (at) VALUES (99999999999999999999)")
@example("SELECT " + "(" * 500 + "n" + ")" * 500 + " FROM s")
@example("CREATE STREAM t (a " + "STRUCT<b " * 2000)
@example("SELECT n FROM s LIMIT " + "9" * 5000)
@example("INSERT INTO s (amount) VALUES (1e999)")
@example("INSERT INTO s (n, ROWTIME) VALUES (1, 9999999999999999)")
def test_any_text(text):
    holds(text)
