"""The fraud story on a real Kafka: a trained model scores, inputs change, labels come a day late, and every value is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from examples.fraud.story.chart import HEIGHT, WIDTH, Mark, bins, lines
from examples.fraud.story.transactions import BEGIN, CHANGE, hours

from streamgauge.config import load
from streamgauge.metrics import METRICS
from tests.cli.in_process import Verb
from tests.docs.pages import ROOT
from tests.examples import fraud_reckoning as reckoned
from tests.examples.fraud_stage import Stage, staged
from tests.services.kafka import Broker

PAGE = ROOT / "docs" / "fraud-metrics.md"
DAY, WINDOW = timedelta(days=1), timedelta(hours=6)
HOURS = 4 * 24 + 5
"""Up to when the third day has all its labels; an hour before a window's end, so that none closes by waiting."""


@pytest.fixture(scope="module")
def stage(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("fraud")
    with staged(folder, kafka, days=4, per_hour=40, env={"STREAMGAUGE_JIT": "off"}) as running:
        assert min(running.trained.precision, running.trained.recall) > 0.6
        for _ in running.story.play(HOURS, kafka.new_producer(), running.web, step=12):
            pass
        yield running


@pytest.mark.services
def test_every_value_is_what_the_records_say(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    payments = [payment for payment, _ in stage.story.scored]
    totals = reckoned.transactions_total(stage.folder, payments)
    stage.wait_for(lambda: stage.labelled(BEGIN + 2 * DAY), "the third day's labels")
    stage.wait_for(
        lambda: stage.exposed().get(("fraud_transactions_total", "normal")) == totals["normal"],
        "all payments",
    )
    monkeypatch.setenv("BROKERS", stage.broker.bootstrap)
    monkeypatch.chdir(stage.folder)
    window = reckoned.of_window(payments, BEGIN + 4 * DAY - WINDOW, WINDOW)
    drift = reckoned.drift(stage.training, window)
    expected = {("fraud_transactions_total", result): float(count) for result, count in totals.items()}
    expected |= {("fraud_model_feature_drift", name): value for name, value in drift.items()}
    assert stage.exposed() == pytest.approx(
        expected, abs=1e-6
    )  # nothing of labels is claimed before it is told
    for day in (BEGIN, BEGIN + 2 * DAY):
        span = ("--from", day.isoformat(), "--until", (day + DAY).isoformat())
        done = Verb("evaluate", capsys)("quality", "--config", stage.file, *span, "--post", stage.url)
        assert done.code == 0, done.err
        quality = reckoned.quality(stage.folder, reckoned.of_window(payments, day, DAY))
        told = {(f"fraud_model_{name}", ""): value for name, value in quality.items()}
        assert stage.exposed() == pytest.approx({**expected, **told}, abs=1e-6)
    assert quality["precision"] < 0.7  # of the third day
    assert {name for name, _ in stage.exposed()} == explained()


@pytest.mark.services
def test_the_score_over_http_is_that_on_the_stream_and_the_models_own(stage: Stage):
    payments = [payment for payment, _ in stage.story.scored]
    own = reckoned.probabilities(stage.folder, payments)
    assert [score for _, score in stage.story.scored] == pytest.approx(own.tolist(), abs=1e-9)
    flagged = {one["key"] for one in stage.told("suspicious")}
    assert flagged
    assert flagged <= {payment.account for payment, p in zip(payments, own, strict=True) if p >= 0.5}


@pytest.mark.services
def test_drift_is_told_with_the_feature_that_moved_a_day_before_labels_say_so(stage: Stage):
    stage.wait_for(lambda: stage.told("moved") and stage.told("quality"), "both incidents")
    (moved,), quality = stage.told("moved"), stage.told("quality")[-1]
    assert moved["window_start"].startswith(f"{CHANGE:%Y-%m-%dT%H:%M}")
    features = {one["feature"]: one for one in moved["evidence"]["features"]}
    assert {name: one["state"] for name, one in features.items()} == {
        "distance": "drift", "amount": "no_drift", "minutes": "no_drift",
    }  # fmt: skip
    assert features["distance"]["moved"][0]["bin"].startswith(">")
    assert "distance" in moved["title"]
    assert quality["opened_at"] >= f"{CHANGE + DAY:%Y-%m-%dT%H:%M}" > moved["opened_at"]


def test_the_page_explains_each_metric_of_the_family():
    names = {metric.name for metric in METRICS if metric.name.startswith("fraud_")}
    assert explained() == names
    headings = "".join(line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("## "))
    assert all(name in headings for name in names)


def explained() -> set[str]:
    """The metrics in the page's table."""
    return set(re.findall(r"^\| `(fraud_\w+)` \|", PAGE.read_text("utf-8"), flags=re.MULTILINE))


@pytest.mark.services
@pytest.mark.parametrize(("environ", "prefix"), [({}, "fraud"), ({"METRICS": "none"}, None)])
def test_the_same_file_shows_metrics_or_does_not_as_on_spark(
    stage: Stage, environ: dict[str, str], prefix: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(stage.folder)
    config = load(stage.folder / "transactions.yaml", environ={"BROKERS": "b:1", **environ})
    assert {one.metrics_prefix for one in config.monitors.values()} == {prefix}


def test_the_same_arguments_give_the_same_payments_hour_by_hour():
    def made(count: int, seed: int = 1):
        return [
            one for _, of_hour in hours(CHANGE - 2 * WINDOW, count, per_hour=30, seed=seed) for one in of_hour
        ]

    assert made(24)[: len(made(5))] == made(5)
    assert made(5, seed=2) != made(5)
    assert all("fraud" not in one.record() and one.label()["at"] - one.at == 86_400_000 for one in made(5))


def test_charts_are_svg_that_stays_within_its_frame():
    drawn = lines(
        {"a <b>": [(0.0, 0.0), (5.0, 2000.0)], "c": [(1.0, 1.0)]}, 5, [Mark(2.5, "planted")], limit=3000.0
    )
    picture, legend = drawn.split("<p class", 1)
    root = ET.fromstring(picture)
    points = [point.split(",") for line in root.iter("polyline") for point in line.get("points", "").split()]
    assert len(points) == 3
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in points)
    assert "a &lt;b&gt;" in legend
    assert [text.text for text in root.iter("text")][:3] == ["0", "1.5k", "3k"]
    shares = ET.fromstring(bins(["≤ 1", "> 1"], [0.5, 0.5], [0.1, 0.9]).split("<p class", 1)[0])
    assert len(list(shares.iter("rect"))) == 4
