"""The client over a real server: what it asks, what it takes for an answer, and how it says that there is none."""

from datetime import timedelta

import httpx
import pytest

from streamgauge.dashboard.api import Api, AwayError, ClosedError, RefusedError
from streamgauge.dashboard.reach import Reach, from_environment
from streamgauge.errors import ConfigError
from streamgauge.stores.tokens import Tokens
from tests.server.conftest import process, url  # noqa: F401  fixtures


def test_what_is_there(url):  # noqa: F811
    api = Api(url)
    assert api.is_there()
    assert [one.name for one in api.monitors()] == ["burst", "refused", "went-quiet"]
    assert api.streams()[0].records == 200
    assert [one.family for one in api.offered().monitors] == ["series"] * 3
    history = api.history("burst", points=10)
    assert (history.windows, history.drawn, [key.label for key in history.keys]) == (
        4,
        "events",
        ["a-7", "a-9"],
    )
    assert api.history("burst", '"a-7"').series.values["events"].max == [3.0, 101.0]
    assert api.incidents("burst")[0].title.startswith("burst of a-7")
    forecast = api.forecast("burst", "a-7")
    assert (forecast.ahead, forecast.known, forecast.least) == (None, 2, 20)


def test_a_server_that_is_away_is_said():
    api = Api("http://127.0.0.1:1")
    assert not api.is_there()
    with pytest.raises(AwayError, match=r"127\.0\.0\.1:1"):
        api.monitors()


@pytest.mark.parametrize("path", ["history", "drift", "quality", "forecast"])
def test_what_is_refused_is_said_in_the_servers_words(url, path):  # noqa: F811
    with pytest.raises(RefusedError, match="burst"):
        getattr(Api(url), path)("burts")


def test_tokens(url, process):  # noqa: F811
    tokens = Tokens(process.config.store.url, process.clock)
    reading = tokens.create("reader", ["read"], None)
    process.clock.push(timedelta(seconds=2))
    with pytest.raises(ClosedError) as closed:
        Api(url).monitors()
    assert not closed.value.forbidden
    assert Api(url, reading).monitors()
    with pytest.raises(ClosedError, match="operate") as closed:
        Api(url, reading).ask_monitor("burst", "pause")
    assert closed.value.forbidden
    tokens.close()


def test_another_answer_than_expected_is_no_crash(httpserver):
    httpserver.expect_request("/api/v1/monitors").respond_with_data("<html>")
    with pytest.raises(RefusedError, match="something else"):
        Api(httpserver.url_for("")).monitors()


def test_where_the_server_is_comes_from_the_environment(tmp_path):
    file = tmp_path / "token"
    file.write_text("sgt_1_secret\n")
    given = {
        "STREAMGAUGE_API": "http://h:1/",
        "STREAMGAUGE_TOKEN_FILE": str(file),
        "STREAMGAUGE_UI_SHARED": "1",
    }
    reach = from_environment(given)
    assert reach == Reach("http://h:1", "http://h:1", "sgt_1_secret", shared=True)
    assert "secret" not in repr(reach)
    file.write_text("")
    with pytest.raises(ConfigError, match="empty"):
        from_environment(given)
    with pytest.raises(ConfigError, match="cannot be read"):
        from_environment({**given, "STREAMGAUGE_TOKEN_FILE": str(tmp_path / "none")})


def test_a_token_is_only_ever_sent_in_the_header():
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"monitors": []})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    Api("http://h", "secret", client).monitors()
    assert seen[0].headers["authorization"] == "Bearer secret"
    assert "secret" not in str(seen[0].url)
