"""What a reader was told a moment ago is not asked for again; what is old, or failed, is."""

from functools import partial

import pytest

from streamgauge.dashboard.api import Api, AwayError
from streamgauge.dashboard.memory import FRESH, MOST, Memory


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_is_shown_again_while_it_is_fresh():
    clock, asked = Clock(), []

    def ask() -> int:
        asked.append(clock.now)
        return len(asked)

    memory = Memory(clock)
    assert [memory.of("q", ask), memory.of("q", ask)] == [1, 1]
    clock.now = FRESH - 0.1
    assert memory.of("q", ask) == 1
    assert memory.of("other", ask) == 2
    clock.now = FRESH
    assert memory.of("q", ask) == 3
    assert asked == [0.0, FRESH - 0.1, FRESH]


def test_the_oldest_goes_first():
    asked: list[int] = []
    memory = Memory(Clock())
    for number in [*range(MOST + 1), 1, 0]:
        memory.of(number, partial(asked.append, number))
    assert asked == [*range(MOST + 1), 0]


def test_what_goes_wrong_is_not_kept():
    memory = Memory(Clock())
    server = Api("http://127.0.0.1:1", memory=memory)
    for _ in range(2):
        with pytest.raises(AwayError):
            server.history("burst")
    assert memory.of("q", lambda: "well") == "well"


def test_other_questions_are_other_answers(httpserver):
    body = {"monitor": "m", "stream": "s"}
    httpserver.expect_request("/api/v1/history/m").respond_with_json(body)
    server = Api(httpserver.url_for(""), memory=Memory(Clock()))
    for key in (None, '"a"', '"a"', None):
        server.history("m", key)
    server.history("m", None, ("2026-01-01T00:00:00.000Z", None))
    server.history("m", None, points=10)
    assert len(httpserver.log) == 4
