"""What drift detectors say is counted for metrics, and heard by whoever asks."""

from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.engines.reporting.drift_totals import CHECK_BOUNDS, Check
from streamgauge.metrics import make_registry
from streamgauge.testing import PushedClock


def ran(tmp_path, *, prefix: str | None, method: str = "psi"):
    """A finite run over numbers that drift in their second half."""
    lines = [f'{{"x": {n % 7}, "y": {n % 5}}}' for n in range(300)] + ['{"x": 9, "y": 1}'] * 300
    (tmp_path / "x.ndjson").write_text("\n".join(lines) + "\n")
    reference = {"x": [float(n % 7) for n in range(300)], "y": [float(n % 5) for n in range(300)]}
    monitor = {
        "stream": "s",
        "window": {"type": "count", "size": 300},
        "detect": {"type": method, "reference": reference, "min": 50},
        **({"metrics_prefix": prefix} if prefix else {}),
    }
    source = {"type": "files", "path": str(tmp_path / "x.ndjson")}
    session = Session(
        load(
            {
                "streams": {
                    "s": {"source": source, "format": "json", "fields": {"x": "float", "y": "float"}}
                },
                "monitors": {"m": monitor},
                "store": f"sqlite:///{tmp_path}/s.db",
            }
        )
    )
    heard: list[Check] = []
    session.status.totals.drift.heard.append(heard.append)
    session.run()
    return session, heard


def shown(session):
    found = {}
    for family in make_registry(session.status, PushedClock()).collect():
        for sample in family.samples:
            found[sample.name, tuple(sample.labels.values())] = sample.value
    return found


def test_each_check_is_heard_counted_and_timed(tmp_path):
    session, heard = ran(tmp_path, prefix=None)
    assert [check.status for check in heard] == ["no_drift", "drift"]
    metrics = shown(session)
    assert metrics["drift_detection_events_total", ("m", "no_drift")] == 1
    assert metrics["drift_detection_events_total", ("m", "drift")] == 1
    assert metrics["real_time_psi_score", ("m",)] == heard[-1].value > 0.25
    assert metrics["psi_calculation_duration_seconds_count", ()] == 2
    assert 0 < metrics["psi_calculation_duration_seconds_sum", ()] < 60
    assert len(session.status.totals.drift.times.now().counts) == len(CHECK_BOUNDS) + 1
    assert not [name for name, _ in metrics if name.startswith("fraud_model_feature_drift")]


def test_the_fraud_family_is_shown_where_it_is_asked_for(tmp_path):
    session, heard = ran(tmp_path, prefix="fraud")
    metrics = shown(session)
    worst = metrics["fraud_model_feature_drift", ("",)]
    assert worst == heard[-1].value
    assert metrics["fraud_model_feature_drift", ("x",)] > 0.25
    told = {labels for name, labels in metrics if name == "fraud_model_feature_drift"}
    assert told == {
        ("",),
        ("x",),
        ("y",),
    }


def test_only_psi_is_shown_as_psi(tmp_path):
    session, heard = ran(tmp_path, prefix=None, method="wasserstein")
    assert [check.status for check in heard] == ["no_drift", "drift"]
    assert not [name for name, _ in shown(session) if name == "real_time_psi_score"]
