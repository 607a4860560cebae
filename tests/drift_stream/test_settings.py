"""Each environment variable changes what is run."""

import csv
from pathlib import Path

import pytest

from streamgauge.config import load
from streamgauge.drift_stream import DriftDataConsumer, DriftDataProducer
from streamgauge.drift_stream.baseline import written
from streamgauge.drift_stream.environment import Settings, settings
from streamgauge.drift_stream.producer import synthetic
from streamgauge.engines.reporting.drift_totals import Check
from streamgauge.errors import ConfigError, OutsideError
from streamgauge.plan import make_plan


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "customers.reference"
    written(synthetic(500, drift=False), path)
    return path


def run_as(reference: Path, **more):
    return DriftDataConsumer(reference=reference, folder=reference.parent, **more).configuration()


def of(configuration, path: str):
    for step in path.split("."):
        configuration = configuration[step]
    return configuration


WINDOW, DETECT, SOURCE = "monitors.drift.window", "monitors.drift.detect", "streams.data.source"


@pytest.mark.parametrize(
    ("variable", "text", "where", "wanted"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka:9999", f"{SOURCE}.brokers", "kafka:9999"),
        ("KAFKA_TOPIC", "customers", f"{SOURCE}.topic", "customers"),
        ("KAFKA_GROUP_ID", "watchers", f"{SOURCE}.group", "watchers"),
        ("DRIFT_WINDOW_SIZE", "700", f"{WINDOW}.size", 700),
        ("DRIFT_CHECK_INTERVAL", "70", f"{WINDOW}.every", 70),
        ("DRIFT_MIN_SAMPLES", "222", f"{WINDOW}.min", 222),
        ("DRIFT_MIN_SAMPLES", "223", f"{DETECT}.min", 223),
        ("PSI_NO_DRIFT_THRESHOLD", "0.05", f"{DETECT}.warning", 0.05),
        ("PSI_POSSIBLE_DRIFT_THRESHOLD", "0.4", f"{DETECT}.critical", 0.4),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/a", "channels.slack.webhook", "https://hooks.slack.com/services/a"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/b", "monitors.drift.notify", ["console", "slack"]),
    ],
)  # fmt: skip
def test_a_variable_changes_the_configuration(variable, text, where, wanted, reference, monkeypatch):
    monkeypatch.delenv(variable, raising=False)
    try:
        before = of(run_as(reference), where)
    except KeyError:
        before = None
    monkeypatch.setenv(variable, text)
    after = run_as(reference)
    assert of(after, where) == wanted != before
    make_plan(load(after))


def test_what_is_given_wins_over_the_environment(reference, monkeypatch):
    monkeypatch.setenv("DRIFT_WINDOW_SIZE", "700")
    assert of(run_as(reference, window_size=300), WINDOW)["size"] == 300


def test_the_producer_reads_the_same_variables(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9999")
    monkeypatch.setenv("KAFKA_TOPIC", "customers")
    producer = DriftDataProducer()
    assert (producer.brokers, producer.topic) == ("kafka:9999", "customers")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_metrics_are_shown_where_the_environment_says(host, reference, monkeypatch):
    from streamgauge.engines.embedded.session import Session

    monkeypatch.setenv("PROMETHEUS_HOST", host)
    monkeypatch.setenv("PROMETHEUS_PORT", "0")
    consumer = DriftDataConsumer(reference=reference, folder=reference.parent)
    end = consumer._serve(Session(load(consumer.configuration())))
    try:
        assert consumer.settings.metrics_host == host
        taken = consumer.metrics_port
        assert taken
        monkeypatch.setenv("PROMETHEUS_PORT", str(taken))
        second = DriftDataConsumer(reference=reference, folder=reference.parent)
        with pytest.raises(OutsideError, match=f"{taken}.*PROMETHEUS_PORT"):
            second._serve(Session(load(second.configuration())))
    finally:
        end()


def test_a_number_that_is_none_is_refused_by_name():
    with pytest.raises(ConfigError, match="DRIFT_WINDOW_SIZE: expected a number, got 'many'"):
        settings({"DRIFT_WINDOW_SIZE": "many"})


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        (
            "DRIFT_WINDOW_SIZE",
            "-5",
            r"DRIFT_WINDOW_SIZE \(argument `window_size`\): expected a whole number.* got -5",
        ),
        ("DRIFT_CHECK_INTERVAL", "0", "DRIFT_CHECK_INTERVAL"),
        ("PSI_NO_DRIFT_THRESHOLD", "nan", "PSI_NO_DRIFT_THRESHOLD: expected a number above 0"),
        (
            "PSI_NO_DRIFT_THRESHOLD",
            "0.5",
            r"must not be above PSI_POSSIBLE_DRIFT_THRESHOLD \(0.25\), got 0.5",
        ),
        ("PROMETHEUS_PORT", "99999", "PROMETHEUS_PORT: expected a port"),
        ("SLACK_WEBHOOK_URL", "hello", "SLACK_WEBHOOK_URL: expected a URL"),
    ],
)
def test_what_cannot_be_run_is_refused_by_the_name_of_its_variable(variable, text, message):
    with pytest.raises(ConfigError, match=message):
        settings({variable: text})


def test_a_wrong_argument_is_refused_before_anything_is_asked():
    with pytest.raises(ConfigError, match=r"window_size.*got 'many'"):
        DriftDataConsumer(window_size="many")  # type: ignore[arg-type]


def test_fields_that_the_stream_cannot_read_as_one_kind_are_left_out_of_the_first_reference(tmp_path):
    record = {
        "age": 3.5,
        "note": None,
        "owner": {"name": "ann"},
        "tags": ["a"],
        "mixed": 1,
        "flag": True,
        "city": "B",
    }
    records = [
        record | {"age": float(n), "mixed": "x" if n % 2 else n, "flag": n if n % 2 else True}
        for n in range(200)
    ]
    written(records, path := tmp_path / "first.reference")
    configuration = run_as(path)
    assert set(of(configuration, "streams.data.fields")) == {"age", "city"}


def test_records_that_cannot_be_read_are_told(reference):
    monitors = run_as(reference)["monitors"]
    assert monitors["unreadable"]["stream"] == "streamgauge.dead_letters"
    assert monitors["unreadable"]["notify"] == monitors["drift"]["notify"]


def test_a_data_point_that_is_none_is_refused():
    producer = DriftDataProducer("127.0.0.1:1", "customers")
    with pytest.raises(ConfigError, match="is a mapping of names to values, got `list`"):
        producer.send_data_point([1])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cannot be written as JSON: a value of type `object` has none"):
        producer.send_data_point({"a": object()})


def test_without_variables_the_documented_defaults_hold():
    assert settings({}) == Settings()
    assert settings({"KAFKA_TOPIC": ""}).topic == "drift-data"


def test_the_log_has_a_line_for_each_check(tmp_path):
    consumer = DriftDataConsumer(folder=tmp_path)
    for at, status in ((0, "no_drift"), (60_000_000, "drift")):
        consumer._heard(Check("drift", at, 0.25, status))
    with consumer.log.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["timestamp", "psi_score", "drift_status"],
            ["1970-01-01T00:00:00.000Z", "0.250000", "no_drift"],
            ["1970-01-01T00:01:00.000Z", "0.250000", "drift"],
        ]
    assert consumer.get_status()["drift_status"] == "drift"


def test_a_reference_that_is_missing_is_not_invented(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        DriftDataConsumer(reference=tmp_path / "none.reference", folder=tmp_path).start_consuming()


def test_invented_records_are_the_same_for_the_same_seed_and_drift_is_another_country():
    assert synthetic(20, drift=False, seed=3) == synthetic(20, drift=False, seed=3)
    assert {record["country"] for record in synthetic(500, drift=True)} - {"CH", "DE", "FR", "IT"} == {"US"}


def test_stop_before_start_is_no_mistake(tmp_path):
    consumer = DriftDataConsumer(folder=tmp_path)
    consumer.stop()
    assert consumer.get_status()["running"] is False
