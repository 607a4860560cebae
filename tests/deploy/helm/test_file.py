"""The file that a pod runs: `streamgauge check` takes it as the chart writes it, beside what the user gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamgauge.config import load
from tests.deploy.helm.charts import CASES, Helm, of_kind

PAYMENTS = """\
streams:
  payments:
    source: {type: kafka, brokers: "kafka:9092", topic: payments}
    format: json
    fields: {account: string, country: string, at: timestamp}
    partitioned_by: account
    time: at
monitors:
  burst:
    stream: payments
    window: {type: tumbling, size: 5s, by: account}
    detect: {type: threshold, when: count > 100}
    notify: ops
channels:
  ops: {type: slack, webhook: "${SLACK_WEBHOOK_URL}"}
"""


def written(helm: Helm, folder: Path, values: dict[str, Any]) -> dict[str, Path]:
    """The files of the ConfigMap, as a pod sees them."""
    data = of_kind(helm.objects("streamgauge", values), "ConfigMap")["data"]
    for name, text in data.items():
        (folder / name).write_text(text, "utf-8")
    return {name: folder / name for name in data}


@pytest.mark.parametrize(
    "case",
    ["as it comes", "several on one database", "with the app", "telling what Spark judged", "with files"],
)
def test_the_files_of_every_case_are_right(helm: Helm, tmp_path, monkeypatch, case):
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.example/secret")
    values = {**CASES["streamgauge", case], "config": PAYMENTS}
    files = written(helm, tmp_path, values)
    for name in {"streamgauge.yaml", "notify.yaml"} & set(files):
        config = load(files[name])
        assert set(config.monitors) == {"burst"}
        assert (config.server.host, config.server.port) == ("0.0.0.0", 8000)
        assert config.store.url == (
            values["notify"]["storeUrl"]
            if name == "notify.yaml"
            else values.get("store", {}).get("url", "sqlite:////var/lib/streamgauge/streamgauge.db")
        )
    assert ("notify.yaml" in files) == ("Spark" in case)


def test_what_comes_with_the_chart_runs(helm: Helm, tmp_path):
    config = load(written(helm, tmp_path, {})["streamgauge.yaml"])
    assert set(config.streams) == {"payments"}


def test_what_the_cluster_knows_gets_into_the_file(helm: Helm, tmp_path):
    server = {"publicUrl": "https://gauge.example.org", "trustedProxies": ["10.0.0.0/8"]}
    shared = {**CASES["streamgauge", "several on one database"], "server": server, "config": PAYMENTS}
    shared["store"] = {**shared["store"], "durability": "power"}
    text = written(helm, tmp_path, shared)["streamgauge.yaml"].read_text("utf-8")
    assert "shared: true" in text
    assert "durability: power" in text
    assert 'public_url: "https://gauge.example.org"' in text
    assert 'trusted_proxies: ["10.0.0.0/8"]' in text


def test_files_beside_it_are_there_under_their_names(helm: Helm, tmp_path):
    files = written(helm, tmp_path, {"files": {"countries.txt": "de\nfr\n"}})
    assert files["countries.txt"].read_text("utf-8").split() == ["de", "fr"]
