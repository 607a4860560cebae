"""Whatever is written, the answer is a configuration or a list of mistakes, never another error."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamgauge.config import ConfigErrors, Mistake, load
from tests.config.reading import ENVIRON, HERE

TEXT = (HERE / "good" / "everything.yaml").read_text(encoding="utf-8")
WORDS = [
    "",
    " ",
    "\n",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "null",
    "5",
    "5s",
    "-1",
    "${X}",
    "|",
    "'",
]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([*WORDS, "clicks", "threshold"])
)
KEYS = st.sampled_from(
    [
        "streams",
        "monitors",
        "channels",
        "store",
        "source",
        "type",
        "fields",
        "window",
        "detect",
        "stream",
        "notify",
        "x",
    ]
)
DATA = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)
)


def answers(source: object) -> None:
    mistakes: tuple[Mistake, ...] = ()
    try:
        load(source, environ=ENVIRON)  # type: ignore[arg-type]
    except ConfigErrors as errors:
        mistakes = errors.mistakes or (Mistake("", ""),)
    assert all(mistake.path.startswith("$") and mistake.message for mistake in mistakes)
    assert all(mistake.message.isprintable() for mistake in mistakes)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(TEXT)), st.integers(0, 12), st.sampled_from(WORDS)),
        min_size=1,
        max_size=4,
    )
)
def test_a_file_with_pieces_cut_out_and_put_in(edits: list[tuple[int, int, str]]):
    text = TEXT
    for at, cut, word in edits:
        text = text[:at] + word + text[at + cut :]
    answers(text)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, DATA, max_size=4))
def test_any_python_data(data: dict[str, object]):
    answers(data)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text(text: str):
    answers(f"{text}\n")


@settings(max_examples=100, deadline=None)
@given(DATA, st.sampled_from(["source", "format", "fields", "key", "time", "lateness", "limits"]))
def test_anything_in_a_stream(part: object, key: str):
    stream = {"source": {"type": "files", "path": "x"}, "format": "json", "fields": {"id": "string"}}
    monitors = {
        "m": {"stream": "s", "where": "id = 'x'", "detect": {"type": "silence", "by": "id", "after": "1m"}}
    }
    answers({"streams": {"s": {**stream, key: part}}, "monitors": monitors})


@settings(max_examples=150, deadline=None)
@given(DATA, st.sampled_from(["stream", "where", "window", "detect", "for", "notify", "order", "samples"]))
@example("\n", "stream")
@example("\x1b[2J", "notify")
def test_anything_in_a_monitor(part: object, key: str):
    stream = {"source": {"type": "files", "path": "x"}, "format": "json", "fields": {"id": "string"}}
    monitor = {
        "stream": "s",
        "window": {"type": "tumbling", "size": "1m"},
        "detect": {"type": "threshold", "when": "count > 1"},
    }
    answers({"streams": {"s": stream}, "monitors": {"m": {**monitor, key: part}}})
