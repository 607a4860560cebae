"""Values of models that are told from outside: who may, what is refused, and that they are still there afterwards."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from streamgauge.config.models import UpdateMetricsConfig
from streamgauge.server.gate import HERE, Caller
from streamgauge.server.model_metrics import check_caller, read
from streamgauge.server.refusals import Refused
from streamgauge.server.thread import ServerThread
from streamgauge.stores.tokens import Token
from tests.server.given import Process

INGEST = Token("1", "nightly", ("ingest",), "", 0)
READING = Token("2", "reader", ("read",), "", 0)


def gauges(url: str) -> dict[str, float]:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    found = (line.rsplit(" ", 1) for line in lines if line.startswith("fraud_model_"))
    return {name: float(value) for name, value in found}


def tell(url: str, body: Any) -> httpx.Response:
    return httpx.post(f"{url}/update_metrics", json=body)


def test_any_of_them_is_set_rounded_and_stays_until_it_is_told_anew(url: str):
    assert gauges(url) == {}
    assert tell(url, {"precision": 0.91449, "drift_score": 0.0704}).json() == {
        "set": {"precision": 0.914, "drift_score": 0.07}
    }
    tell(url, {"recall": 1})
    assert gauges(url) == {
        "fraud_model_precision": 0.914,
        "fraud_model_recall": 1.0,
        'fraud_model_feature_drift{feature=""}': 0.07,
    }
    tell(url, {"precision": 0.5})
    assert gauges(url)["fraud_model_precision"] == 0.5


def test_they_are_there_after_a_restart(process: Process):
    first = ServerThread(process, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{first.start()}"
    tell(url, {"accuracy": 0.98765})
    first.stop()
    again = Process(process.config)
    second = ServerThread(again, "127.0.0.1", 0)
    assert gauges(f"http://127.0.0.1:{second.start()}") == {"fraud_model_accuracy": 0.988}
    second.stop()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"precision": 1.2}, "precision: 1.2 must lie between 0 and 1"),
        ({"recall": -0.1}, "recall: -0.1 must lie between 0 and 1"),
        ({"drift_score": -1}, "drift_score: -1 must lie from 0 on"),
        ({"accuracy": "high"}, "accuracy: high is no finite number"),
        ({"accuracy": True}, "accuracy: True is no finite number"),
        ({"accuracy": None}, "accuracy: None is no finite number"),
        ({"precison": 0.5}, "precison: there is no such value; did you mean `precision`?"),
        ({}, "send a JSON object with any of precision, recall, accuracy, drift_score"),
        ([0.5], "send a JSON object"),
    ],
)
def test_nonsense_is_refused_naming_the_field_and_sets_nothing(resting: str, body: Any, says: str):
    answer = tell(resting, body)
    assert answer.status_code == 422
    assert says in answer.json()["error"]
    assert gauges(resting) == {}


@pytest.mark.parametrize("body", [b'{"precision": NaN}', b'{"precision": 1e999}', b"{", b""])
def test_so_is_what_is_no_number_or_no_json(body: bytes):
    with pytest.raises(Refused) as refused:
        read(body)
    assert refused.value.status_code == 422


NEAR, FAR = "10.1.2.3", "192.0.2.7"
BOTH = UpdateMetricsConfig(networks=("10.0.0.0/8",))
NETWORK = UpdateMetricsConfig(networks=("10.0.0.0/8",), token=False)
TOKEN = UpdateMetricsConfig()


@pytest.mark.parametrize(
    ("config", "who", "status"),
    [
        (TOKEN, Caller("nightly", FAR, INGEST), None),
        (TOKEN, Caller("reader", FAR, READING), 401),
        (TOKEN, Caller("nobody", FAR), 401),
        (TOKEN, Caller(HERE, "127.0.0.1"), None),
        (NETWORK, Caller("nobody", NEAR), None),
        (NETWORK, Caller("nightly", FAR, INGEST), 403),
        (BOTH, Caller("nightly", NEAR, INGEST), None),
        (BOTH, Caller("nightly", FAR, INGEST), 403),
        (BOTH, Caller("nobody", NEAR), 401),
    ],
)
def test_who_may_tell(config: UpdateMetricsConfig, who: Caller, status: int | None):
    if status is None:
        check_caller(who, config)
        return
    with pytest.raises(Refused) as refused:
        check_caller(who, config)
    assert refused.value.status_code == status


def test_a_file_that_lets_everybody_tell_is_refused():
    with pytest.raises(ValueError, match="name `networks:` where no `token:` is asked for"):
        UpdateMetricsConfig(token=False)
