"""Each alert fires when its series say so, stays quiet when they are healthy, and says what is wrong; asked of promtool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.monitoring import asked
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.prometheus import program

pytestmark = pytest.mark.services


class Case(NamedTuple):
    """Series of a sick and of a healthy system, a sample each minute; and what is told of the sick one.

    Values are promtool's: ``0x30`` is zero thirty-one times, ``0+60x30`` grows by sixty each time.
    """

    sick: dict[str, str]
    healthy: dict[str, str]
    told: str
    after: str = "20m"


def one(series: str, sick: str, healthy: str, told: str, after: str = "20m") -> Case:
    return Case({series: sick}, {series: healthy}, told, after)


US = 'instance="us:8000"'
CASES = {
    "StreamgaugeDown": one(f'up{{job="streamgauge", {US}}}', "0x30", "1x30", "us:8000 does not answer"),
    "StreamgaugeStuck": one(f"streamgauge_loop_age_seconds{{{US}}}", "5+60x30", "0x30", "us:8000: its loop"),
    "StreamgaugeStoreRefuses": one(f"streamgauge_store_refusing{{{US}}}", "1x30", "0x30", "refuses commits"),
    "StreamgaugeSourceLost": one(
        f'streamgauge_source_lost{{{US}, stream="payments"}}', "1x30", "0x30", "the source of payments gives"
    ),
    "StreamgaugeBehind": one(
        f'streamgauge_watermark_delay_seconds{{{US}, stream="payments"}}', "90x30", "3x30", "payments is 1m 30s"
    ),
    "StreamgaugeNoticesStay": one(
        f'streamgauge_outbox_waiting{{{US}, channel="ops"}}', "2x30", "0x30", "2 notices wait for ops"
    ),
    "StreamgaugeRowsDropped": one(
        f'streamgauge_sink_rows_total{{{US}, sink="monitor burst", outcome="dropped"}}',
        "0+5x30", "7x30", "rows for monitor burst found no room",
    ),
    "StreamgaugeMonitorPaused": one(
        f'streamgauge_monitor_paused{{{US}, monitor="burst"}}', "1x90", "0x90", "burst has been paused", "80m"
    ),
    "TargetGone": Case(
        {'up{job="jmx-kafka", instance="k:9404"}': "1x10 0x20"},
        {'up{job="jmx-kafka", instance="never:9404"}': "0x30", 'up{job="jmx-kafka", instance="k:9404"}': "1x30",
         f'up{{job="streamgauge", {US}}}': "1x10 0x20"},
        "jmx-kafka k:9404 cannot be scraped any more",
    ),
    "KafkaUnderReplicated": one(
        'kafka_topic_partition_under_replicated_partition{cluster="main", topic="t", partition="0"}',
        "1x30", "0x30", "1 partitions lack a copy",
    ),
    "KafkaOfflinePartitions": one(
        'kafka_controller_kafkacontroller_offlinepartitionscount{cluster="main", instance="k:1"}',
        "3x30", "0x30", "3 partitions have no leader",
    ),
    "KafkaNoSingleController": one(
        'kafka_controller_kafkacontroller_activecontrollercount{cluster="main", instance="k:1"}',
        "0x30", "1x30", "0 active controllers",
    ),
    "KafkaIsrShrinks": Case(
        {'kafka_topic_partition_in_sync_replica{cluster="main", topic="t", partition="0"}': "3x17 2x20",
         'kafka_topic_partition_in_sync_replica{cluster="main", topic="t", partition="1"}': "3x17 2 3x20",
         'kafka_topic_partition_replicas{cluster="main", topic="t", partition="0"}': "3x40",
         'kafka_topic_partition_replicas{cluster="main", topic="t", partition="1"}': "3x40",
         'kafka_server_replicamanager_isrshrinks_total{cluster="main", instance="k:1"}': "0x40"},
        # One that is moved to other brokers has more copies for a while.
        {'kafka_topic_partition_in_sync_replica{cluster="main", topic="t", partition="0"}': "3x15 6 3x20",
         'kafka_topic_partition_replicas{cluster="main", topic="t", partition="0"}': "3x14 6x1 3x20",
         'kafka_server_replicamanager_isrshrinks_total{cluster="main", instance="k:1"}': "4x40"},
        "2 times within five minutes a copy fell out of sync",
    ),
    "KafkaRequestsTimeOut": one(
        'kafka_network_requestmetrics_errors_total{cluster="main", instance="k:1", request="Produce", error="REQUEST_TIMED_OUT"}',
        "0+1x30", "2x30", "k:1 does not answer Produce in time",
    ),
    "KafkaGroupWithoutMembers": Case(
        {'kafka_consumergroup_lag{cluster="main", consumergroup="g", topic="t", partition="0"}': "50x30",
         'kafka_consumergroup_members{cluster="main", consumergroup="g"}': "0x30"},
        {'kafka_consumergroup_lag{cluster="main", consumergroup="g", topic="t", partition="0"}': "50x30",
         'kafka_consumergroup_members{cluster="main", consumergroup="g"}': "1x30"},
        "g has 50 records before it and nobody",
    ),
    "KafkaGroupStands": Case(
        {'kafka_consumergroup_lag{cluster="main", consumergroup="g", topic="t", partition="0"}': "5+5x30",
         'kafka_consumergroup_current_offset{cluster="main", consumergroup="g", topic="t", partition="0"}': "70x30"},
        {'kafka_consumergroup_lag{cluster="main", consumergroup="g", topic="t", partition="0"}': "5x30",
         'kafka_consumergroup_current_offset{cluster="main", consumergroup="g", topic="t", partition="0"}': "70+5x30"},
        "g has lag on t and commits nothing new",
    ),
    "FlinkNoNewCheckpoint": one(
        'flink_jobmanager_job_lastCheckpointCompletedTimestamp{job_name="j"}',
        "60000x30", "60000+60000x30", "j: its last checkpoint completed",
    ),
    "FlinkBackPressure": one(
        'flink_taskmanager_job_task_backPressuredTimeMsPerSecond{job_name="j", task_name="map", subtask_index="0"}',
        "900x30", "300x30", "map of j is held up 90 %",
    ),
    "FlinkWatermarkStands": one(
        'flink_taskmanager_job_task_currentInputWatermark{job_name="j", task_name="map", subtask_index="0"}',
        "1000x30", "1000+60000x30", "map of j: its time is",
    ),
    "FlinkRestarts": one(
        'flink_jobmanager_job_numRestarts{job_name="j"}', "0x14 3x20", "1x30", "j was started again"
    ),
    "SparkFallsBehind": Case(
        {'metrics_streamgauge_driver_spark_streaming_q_inputRate_total_Value{instance="s:4040"}': "500x30",
         'metrics_streamgauge_driver_spark_streaming_q_processingRate_total_Value{instance="s:4040"}': "400x30"},
        {'metrics_streamgauge_driver_spark_streaming_q_inputRate_total_Value{instance="s:4040"}': "500x30",
         'metrics_streamgauge_driver_spark_streaming_q_processingRate_total_Value{instance="s:4040"}': "900x30"},
        "s:4040 is given more than its 400 rows",
    ),
    "JvmHeapNearItsBound": Case(
        {'jvm_memory_used_bytes{job="j", instance="k:1", area="heap"}': "95x30",
         'jvm_memory_max_bytes{job="j", instance="k:1", area="heap"}': "100x30"},
        {'jvm_memory_used_bytes{job="j", instance="k:1", area="heap"}': "95x30",
         'jvm_memory_max_bytes{job="j", instance="k:1", area="heap"}': "-1x30"},
        "j k:1 uses 95% of its heap",
    ),
    "JvmCollectsAllTheTime": one(
        'jvm_gc_collection_seconds_sum{job="j", instance="k:1", gc="Copy"}', "0+30x30", "0+1x30",
        "j k:1 spends 50% of its time collecting",
    ),
    "FraudInputDrifted": one('fraud_model_feature_drift{feature=""}', "0.31x30", "0.05x30", "drift 0.31"),
}  # fmt: skip


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        command = [str(program("promtool")), *arguments]
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    return subprocess.run(command, capture_output=True, text=True, check=False)


def told(folder: Path, alert: str, series: dict[str, str], after: str) -> list[dict[str, Any]]:
    """The alerts of that name after a while, as promtool sees them when it is told to expect none."""
    test = {
        "rule_files": [str(asked.RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": after, "alertname": alert, "exp_alerts": []}],
            }
        ],
    }
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump(test), "utf-8")
    done = promtool("test", "rules", str(file))
    words = done.stdout + done.stderr
    assert done.returncode == 0 or "alertname" in words, words
    return [] if done.returncode == 0 else [{"said": words}]


def test_each_alert_has_its_case():
    assert set(CASES) == {rule["alert"] for rule in asked.rules()}


@pytest.mark.parametrize("alert", CASES)
def test_it_fires_when_it_should_and_says_what_is_wrong(tmp_path, alert):
    case = CASES[alert]
    (found,) = told(tmp_path, alert, case.sick, case.after)
    assert case.told in found["said"]


@pytest.mark.parametrize("alert", CASES)
def test_it_is_quiet_on_a_healthy_system(tmp_path, alert):
    case = CASES[alert]
    assert told(tmp_path, alert, case.healthy, case.after) == []


def test_shrinks_of_which_only_a_leader_knows_are_told_too(tmp_path):
    """Shorter than the time between two answers of who asks from the outside, or nobody asks."""
    series = {'kafka_server_replicamanager_isrshrinks_total{cluster="main", instance="k:1"}': "0x17 1x20"}
    (found,) = told(tmp_path, "KafkaIsrShrinks", series, "20m")
    assert "1 times within five minutes" in found["said"]


def test_promtool_finds_no_fault_in_the_files():
    folder = asked.MONITORING / "prometheus"
    done = promtool("check", "config", str(folder / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.dumps(len(asked.rules())) + " rules found" in done.stdout + done.stderr
