"""What each page shows and does, over a real server: by Streamlit's AppTest, which has no browser."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from streamgauge.dashboard.api import Api
from streamgauge.dashboard.moments import iso, millis, parsed
from streamgauge.dashboard.views.explore import as_csv, as_parquet, grouped
from streamgauge.dashboard.views.explore import table as table_of
from streamgauge.testing import eventually
from tests.dashboard.large import KEYS, SECONDS, WINDOWS

pytestmark = pytest.mark.services

BEGIN = "2026-01-01T00:00:00Z"
RUN = "from streamgauge.dashboard.frame import framed\nfrom streamgauge.dashboard.views import {page}\nframed({page}.show)\n"


@pytest.fixture
def opened(filled: str, monkeypatch: pytest.MonkeyPatch):
    """Opens a page over the server; ``query`` is what stands in the address."""
    monkeypatch.setenv("STREAMGAUGE_API", filled)

    def open_page(page: str, **query: str) -> AppTest:
        app = AppTest.from_string(RUN.format(page=page), default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return open_page


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the app asks the server, one question after the other; what it was told stays fresh for the whole test."""
    monkeypatch.setattr("streamgauge.dashboard.memory.FRESH", 3_600.0)
    found: list[str] = []
    really = Api._answer

    def answer(self: Api, method: str, path: str, *rest: Any, **request: Any) -> Any:
        found.append(f"{method} {path}")
        return really(self, method, path, *rest, **request)

    monkeypatch.setattr(Api, "_answer", answer)
    return found


def charts(app: AppTest) -> list[Any]:
    return list(app.get("vega_lite_chart"))


def said(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.info, *app.error, *app.warning, *app.title, *app.subheader]
    return "\n".join(str(part.value) for part in parts)


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def test_drift_says_which_features_moved_and_where(opened, filled):
    app = opened("drift", monitor="mix")
    told = httpx.get(f"{filled}/api/v1/drift/mix").json()
    assert metrics(app)["Status"] == "drift"
    assert metrics(app)["Furthest"].startswith("country: ")
    by_score, histogram, furthest, country = charts(app)
    assert [row["feature"] for row in rows_of(by_score)] == [one["feature"] for one in told["features"]]
    shares = {row["bin"]: row["current"] for row in rows_of(histogram)}
    assert shares == {one["bin"]: one["current"] for one in told["features"][0]["bins"]}
    assert len(rows_of(furthest)) == len(told["series"]["at"])
    assert {row["feature"] for row in rows_of(country)} == {"country"}
    app.selectbox(key="live-feature").select("status").run()
    assert "Over time: status" in said(app)


def rows_of(chart: Any) -> list[dict[str, Any]]:
    """The longest data of a chart's layers."""
    return max(datasets(chart), key=len)


def datasets(chart: Any) -> list[list[dict[str, Any]]]:
    return [pl.read_ipc_stream(io.BytesIO(one.data.data)).to_dicts() for one in chart.proto.datasets]


@pytest.mark.parametrize(("button", "paused"), [("stop", True), ("start", False)])
def test_a_monitor_is_stopped_and_started(opened, filled, button, paused):
    opened("drift", monitor="trial").button(key=button).click().run()
    eventually(lambda: is_paused(filled, "trial") == paused, within=timedelta(seconds=60))


def is_paused(url: str, monitor: str) -> bool:
    found: dict[str, Any] = httpx.get(f"{url}/api/v1/monitors/{monitor}", timeout=30).json()
    return found["paused"] is not None


def test_no_made_up_points_where_the_stream_does_not_say_so(opened):
    assert "`payments` takes no made-up points" in said(opened("drift", monitor="mix"))
    app = opened("drift", monitor="trial")
    assert "takes no made-up points" not in said(app)
    assert app.button(key="send-moved").label == "Send with drift"


def test_a_forecast_names_its_model_and_its_tests(opened, filled):
    app = opened("forecast", monitor="rate")
    told = httpx.get(f"{filled}/api/v1/forecast/rate").json()
    assert metrics(app)["Model chosen"] == told["model"].replace("_", " ")
    assert metrics(app)["Within the band"] == f"{told['coverage']['share']:.0%}"
    assert [metrics(app)[name] for name in ("MAE", "RMSE")] == [
        f"{told['coverage'][name]:.4g}" for name in ("mae", "rmse")
    ]
    assert len(told["ahead"]["at"]) == 24
    _, tests = charts(app)
    assert {row["name"].replace(" ", "_"): row["value"] for row in rows_of(tests)} == told["errors"]
    app.selectbox(key="model").select("theta").run()
    assert metrics(app)["Model chosen"] == "theta"


def test_too_few_values_make_no_forecast(opened):
    assert "a forecast needs 20" in said(opened("forecast", monitor="burst"))


def test_anomalies_show_the_band_and_the_incident(opened, filled):
    app = opened("anomalies", monitor="burst")
    one = httpx.get(f"{filled}/api/v1/incidents?monitor=burst").json()["incidents"][0]
    series = json.dumps(datasets(charts(app)[0]))
    assert f"{filled}/incidents/{one['id']}" in series
    rate = opened("anomalies", monitor="rate")
    assert any(row["lower"] is not None for row in rows_of(charts(rate)[0]))
    assert len(charts(rate)) == 2


def test_another_rule_is_tried_on_the_same_past(opened):
    app = opened("anomalies", monitor="burst")
    draft = app.text_area(key="draft-burst")
    assert "events > 100" in draft.value
    draft.set_value(draft.value.replace("events > 100", "events > 100000"))
    replay = next(one for one in app.button if one.label == "Replay")
    replay.click().run()
    assert not app.exception, app.exception
    assert not app.error, [one.value for one in app.error]
    assert metrics(app)["Told by both"] == "0"
    assert metrics(app)["Only by what runs"] == "1"
    app.text_area(key="draft-burst").set_value("detect: [")
    next(one for one in app.button if one.label == "Replay").click().run()
    assert "no YAML" in said(app)


def test_quality_shows_bounds_labels_and_revisions(opened, filled):
    app = opened("quality", monitor="model")
    told = httpx.get(f"{filled}/api/v1/quality/model").json()
    assert metrics(app)["Labels"] == f"{sum(told['series']['labels']):,}"
    shares, confusion = charts(app)
    rows = rows_of(shares)
    assert {row["how"] for row in rows} == {"realised", "estimated"}
    assert {row["measure"] for row in rows} == {"precision", "recall", "accuracy"}
    known = [row for row in rows if row["how"] == "realised"]
    assert all(row["lower"] <= row["value"] <= row["upper"] for row in known)
    counted = {(row["said"], row["true"]): row["count"] for row in rows_of(confusion)}
    assert counted["no", "yes"] == told["series"]["fn"][-1]
    assert told["estimated"]["model-estimated"]["at"]


def test_explore_filters_groups_and_takes_along(opened, filled):
    app = opened("explore", monitor="rate")
    (table,) = app.dataframe
    assert len(table.value) == httpx.get(f"{filled}/api/v1/history/rate").json()["windows"]
    app.number_input(key="least").set_value(210.0).run()
    (table,) = app.dataframe
    assert table.value["n"].min() >= 210
    app.selectbox(key="group").select("severity").run()
    (table,) = app.dataframe
    assert "severity" in table.value.columns
    assert table.value["windows"].sum() < 120


@pytest.mark.parametrize(
    ("page", "monitor", "question"),
    [("anomalies", "rate", "history"), ("forecast", "rate", "forecast"), ("quality", "model", "quality"),
     ("explore", "rate", "history")],
)  # fmt: skip
def test_a_page_asks_one_costly_question_and_none_anew_while_its_answer_is_fresh(
    opened, asked, page, monitor, question
):
    app = opened(page, monitor=monitor)
    assert asked == ["GET analysis", f"GET {question}/{monitor}"]
    asked.clear()
    app.run()
    assert asked == ["GET analysis"]


def test_another_value_and_a_filter_ask_nothing_costly(opened, asked):
    app = opened("anomalies", monitor="burst")
    asked.clear()
    app.selectbox(key="value-burst").select("spent").run()
    assert "spent and what was expected" in said(app)
    explore = opened("explore", monitor="rate")
    asked.clear()
    explore.number_input(key="least").set_value(210.0).run()
    explore.selectbox(key="group").select("severity").run()
    assert set(asked) == {"GET analysis"}


def test_the_address_names_monitor_key_and_time(opened, asked, filled):
    one = httpx.get(f"{filled}/api/v1/incidents?monitor=burst").json()["incidents"][0]
    app = opened(
        "anomalies", monitor="burst", key=one["key"], **{"from": BEGIN, "to": "2026-01-01T00:00:58Z"}
    )
    assert asked == ["GET analysis", "GET history/burst"]
    assert [app.selectbox(key=name).value for name in ("monitor", "key", "span")] == [
        "burst", json.dumps(one["key"]), "own",
    ]  # fmt: skip
    assert [str(one.value) for one in app.datetime_input] == ["2026-01-01 00:00:00", "2026-01-01 00:01:00"]
    assert app.query_params["to"] == "2026-01-01T00:01:00.000Z"
    marked = [row["href"] for rows in datasets(charts(app)[0]) for row in rows if "href" in row]
    assert marked == [f"{filled}/incidents/{one['id']}"]
    asked.clear()
    app.selectbox(key="value-burst").select("spent").run()
    assert asked == ["GET analysis"]
    app.selectbox(key="span").select("all").run()
    assert "from" not in app.query_params
    assert app.selectbox(key="span").value == "all"


@pytest.mark.parametrize("given", [{"key": "nobody"}, {"from": "yesterday"}, {"monitor": "none"}])
def test_an_address_that_names_what_is_not_there_shows_what_is(opened, given):
    app = opened("anomalies", **{"monitor": "burst", **given})
    assert charts(app)
    assert app.selectbox(key="key").value is None
    assert app.selectbox(key="span").value == "all"


def test_drift_as_it_stood_then_is_not_live(opened, filled):
    ends = httpx.get(f"{filled}/api/v1/drift/mix").json()["series"]["at"]
    app = opened("drift", monitor="mix", to=iso(parsed(ends[5]) + timedelta(milliseconds=1)))
    assert not app.toggle(key="live").value
    assert max(row["t"] for row in rows_of(charts(app)[2])) == millis(ends[5])
    app.toggle(key="live").set_value(True).run()
    assert max(row["t"] for row in rows_of(charts(app)[2])) == millis(ends[-1])
    assert "to" not in app.query_params


@pytest.mark.parametrize(
    ("page", "monitor", "chart"), [("drift", "mix", 2), ("explore", "burst", 0), ("anomalies", "burst", 0)]
)
def test_a_chart_leads_to_its_incidents(opened, filled, page, monitor, chart):
    found = httpx.get(f"{filled}/api/v1/incidents?monitor={monitor}").json()["incidents"]
    marked = {
        row["href"]
        for rows in datasets(charts(opened(page, monitor=monitor))[chart])
        for row in rows
        if "href" in row
    }
    assert marked == {f"{filled}/incidents/{one['id']}" for one in found}


@pytest.mark.parametrize(("page", "monitor"), [("drift", "mix"), ("forecast", "rate"), ("anomalies", "rate"),
                                                ("quality", "model"), ("explore", "rate")])  # fmt: skip
def test_hovering_says_the_moment_in_utc(opened, page, monitor):
    over_time = [chart for chart in charts(opened(page, monitor=monitor)) if "utc" in rows_of(chart)[0]]
    assert over_time
    for chart in over_time:
        assert {"field": "utc", "title": "UTC", "type": "nominal"} in tooltips(json.loads(chart.proto.spec))
        row = rows_of(chart)[0]
        moment = datetime.fromtimestamp(row["t"] / 1000, UTC)
        assert row["utc"].startswith(f"{moment:%Y-%m-%d %H:%M:%S}")


def tooltips(spec: dict[str, Any]) -> list[Any]:
    return [tip for layer in spec["layer"] for tip in layer["encoding"].get("tooltip", ())]


def test_explore_sets_keys_side_by_side(opened):
    app = opened("explore", monitor="burst")
    first, second = app.multiselect(key="keys").options[:2]
    app.multiselect(key="keys").select(first).select(second).run()
    (chart,) = charts(app)
    assert {row["who"] for row in rows_of(chart)} == {first, second}


def test_what_is_taken_along_is_what_is_there(filled):
    history = Api(filled).history("burst", points=100)
    frame = table_of([("=all", history)])
    back = pl.read_parquet(io.BytesIO(as_parquet(frame)))
    assert back.equals(frame)
    text = as_csv(frame).decode().splitlines()
    assert text[0].split(",")[:5] == ["key", "start", "end", "windows", "severity"]
    assert text[1].startswith("'=all,2026-01-01T00:00:00.000Z,")
    together = grouped(frame, "key")
    assert together["windows"].to_list() == [history.windows]


def test_an_answer_of_two_files_needs_no_server(opened, monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_API", "http://127.0.0.1:1")
    app = AppTest.from_string(RUN.format(page="drift"), default_timeout=60).run()
    assert "No Streamgauge server answers at http://127.0.0.1:1" in said(app)
    before = pl.DataFrame({"country": ["CH"] * 150 + ["DE"] * 50}).write_csv().encode()
    after = pl.DataFrame({"country": ["CH"] * 60 + ["US"] * 140}).write_csv().encode()
    app.file_uploader(key="reference").set_value(("before.csv", before, "text/csv"))
    app.file_uploader(key="current").set_value(("after.csv", after, "text/csv")).run()
    assert metrics(app)["Status"] == "drift"
    assert any(row["bin"] == "unseen" for row in rows_of(charts(app)[1]))


def test_others_reach_it_so_each_says_who_they_are(opened, monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_UI_SHARED", "1")
    app = AppTest.from_string(RUN.format(page="explore"), default_timeout=60).run()
    assert "asks nobody for a token" in said(app)
    assert not charts(app)


@pytest.mark.parametrize("points", [10, 500, 5_000])
def test_of_a_million_windows_come_no_more_points_than_were_asked_for(filled, points):
    answer = httpx.get(f"{filled}/api/v1/history/day", params={"points": points}, timeout=60)
    found = answer.json()
    series = found["series"]
    assert found["windows"] == sum(series["windows"]) == WINDOWS > 1_000_000
    assert points / 2 < len(series["at"]) <= points
    assert max(series["values"]["events"]["max"]) == 900
    assert "critical" in series["severity"]
    assert len(answer.content) < 400 * points + 10_000


def test_of_one_key_likewise(filled):
    found = httpx.get(f"{filled}/api/v1/history/day", params={"key": "a-3"}, timeout=60).json()
    assert (found["windows"], len(found["keys"])) == (SECONDS, KEYS)
    assert len(found["series"]["at"]) <= 500


def test_the_token_that_a_reader_gives_goes_to_the_server_in_a_header_alone(httpserver, monkeypatch):
    httpserver.expect_request(
        "/api/v1/analysis", headers={"Authorization": "Bearer sgt_1_mine"}, query_string=""
    ).respond_with_json({"monitors": [], "streams": []})
    httpserver.expect_request("/healthz").respond_with_json({})
    monkeypatch.setenv("STREAMGAUGE_API", httpserver.url_for(""))
    monkeypatch.setenv("STREAMGAUGE_UI_SHARED", "1")
    app = AppTest.from_string(RUN.format(page="explore"), default_timeout=60).run()
    app.text_input[0].set_value(" sgt_1_mine ")
    app.button[0].click().run()
    assert "No monitor of this kind is declared." in said(app)
    assert not app.text_input
    assert not dict(app.query_params)
    httpserver.check_assertions()
