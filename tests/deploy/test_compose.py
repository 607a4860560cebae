"""The compose file holds together: whatever it names is there, nothing is there twice, everything is pinned."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import chain
from typing import Any

import pytest
import yaml

from streamgauge.config import load
from tests.deploy import compose
from tests.deploy.compose import ROOT

SERVICES = compose.services()
OURS = {
    "streamgauge": 8000, "analysis": 8501, "airflow": 8081, "prometheus": 9090, "grafana": 3000, "alertmanager": 9093,
    "redis": 6379, "postgres": 5432, "kafka": 9092, "kafka-ui": 8080, "flink-jobmanager": 8082, "spark-master": 7077,
    "spark-driver": 4040, "schema-registry": 8085, "connect": 8083, "ksqldb": 8088, "superset": 8089,
}  # fmt: skip
"""The ports that the project has promised; everything that asks for one of these systems expects it there."""

WANTED = {
    "ui", "monitoring", "spark", "flink", "airflow", "prefect", "superset", "redis", "connect", "ksqldb", "zookeeper",
}  # fmt: skip
HERE = {"localhost", "127.0.0.1", "0.0.0.0"}
CONFIGS = [
    *sorted((ROOT / "deploy/compose").glob("*.y*ml")),
    ROOT / "deploy/monitoring/prometheus/prometheus.yml",
]
WATCHING = ["streamgauge.yaml", "notify.yaml"]
_PLACE = re.compile(r"(?<![\w./-])(?P<host>[a-z][a-z0-9-]*|\d+(?:\.\d+){3}):(?P<port>\d{4,5})\b")
_URL = re.compile(r"\b[a-z][a-z0-9+]*://(?:[^\s/@]*@)?(?P<host>[\w.-]+)(?::(?P<port>\d+))?")
_AGENT = re.compile(r"-javaagent:/agent/\S+?=(\d+):(\S+)")
_PINNED = re.compile(r"^(?:[\w.-]+/)*[\w.-]+:v?\d+\.\d+[\w.-]*$")


def texts(value: Any) -> list[str]:
    """Every text in a configuration, keys and images left out."""
    if isinstance(value, dict):
        return [text for name, one in value.items() if name not in {"image", "build"} for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [str(value)]


@cache
def listens(name: str) -> frozenset[int]:
    """The ports at which other containers reach a service, as it says itself."""
    one = SERVICES[name]
    told = [port.rpartition(":")[2] for port in one.get("ports", ())] + list(one.get("expose", ()))
    return frozenset(map(int, told + re.findall(r"listen-address=:(\d+)", " ".join(texts(one)))))


def lost(found: list[str]) -> set[tuple[str, str]]:
    """The addresses in texts at which nothing of this file listens."""
    places = {
        (match["host"], match["port"] or "")
        for pattern in (_PLACE, _URL)
        for text in found
        for match in pattern.finditer(text)
        if match["host"] not in HERE
    }
    return {
        (host, port)
        for host, port in places
        if host not in SERVICES or (port and int(port) not in listens(host))
    }


def test_there_is_a_profile_for_each_system():
    assert set(compose.profiles()) >= WANTED


@pytest.mark.parametrize(
    "chosen", [(), *((name,) for name in compose.profiles()), tuple(compose.profiles())], ids=str
)
def test_what_a_profile_starts_waits_for_nothing_that_stays_off(chosen):
    started = compose.started_by(set(chosen))
    assert {"kafka", "postgres", "streamgauge"} <= started
    assert {other for name in started for other in SERVICES[name].get("depends_on", {})} <= started


def test_who_is_waited_for_can_become_what_is_waited_for():
    for name, one in SERVICES.items():
        for other, how in one.get("depends_on", {}).items():
            assert how["condition"] != "service_started", f"{name}: say when {other} is ready"
            ready = {"service_healthy": "healthcheck" in SERVICES[other]}
            assert ready.get(how["condition"], SERVICES[other]["restart"] == "no"), (
                f"{name} waits for {other} for ever"
            )


def test_the_start_has_an_order():
    waiting = {name: set(one.get("depends_on", {})) for name, one in SERVICES.items()}
    while waiting:
        free = {name for name, others in waiting.items() if not others & set(waiting)}
        assert free, f"they wait for each other: {sorted(waiting)}"
        waiting = {name: others for name, others in waiting.items() if name not in free}


def test_whoever_stays_says_whether_it_is_well():
    silent = {
        name for name, one in SERVICES.items() if one.get("restart") != "no" and "healthcheck" not in one
    }
    assert silent == {"kafka-exporter"}  # its image has nothing to ask with


def test_ports_are_the_promised_ones_each_once_and_on_this_machine_alone():
    ports = compose.published()
    at = {one.service: one.outside for one in ports}
    assert len({one.outside for one in ports}) == len(ports)
    assert {name: at[name] for name in OURS} == OURS
    assert {one.address for one in ports} == {"127.0.0.1"}
    opened = compose.published({"BIND_ADDRESS": "0.0.0.0", "REDIS_PORT": "16379"})
    assert {one.address for one in opened} == {"0.0.0.0"}
    assert ("redis", 16379) in {(one.service, one.outside) for one in opened}


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name):
    assert _PINNED.match(SERVICES[name]["image"]), SERVICES[name]["image"]


@pytest.mark.parametrize("image", ["kafka", "kafka:latest", "kafka:4", "a/b/kafka:stable"])
def test_an_image_that_is_not_pinned_would_be_found(image):
    assert not _PINNED.match(image)


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name):
    for volume in SERVICES[name].get("volumes", ()):
        outside, inside, *_ = volume.split(":")
        assert inside.startswith("/")
        assert (
            compose.bound(outside, name).exists() if outside.startswith(".") else outside in compose.volumes()
        ), volume


def test_every_variable_is_in_the_example_with_the_value_it_has_without():
    named, example = compose.variables(), compose.settings()
    assert set(named) == set(example)
    assert len(named) > 30
    told = {
        name: values for name, values in named.items() if name not in {"KAFKA_BROKERS", "GRAFANA_PASSWORD"}
    }
    assert {name: {example[name]} for name in told} == told
    assert (
        example["KAFKA_BROKERS"].split(":")[0] == "kafka"
    )  # the exporter's own value is for a Kafka elsewhere
    assert int(example["KAFKA_BROKERS"].split(":")[1]) in listens("kafka")


def test_what_the_example_sets_changes_nothing():
    assert compose.services(compose.settings()) == SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_every_address_in_a_service_leads_to_one(name):
    assert lost(texts(SERVICES[name])) == set()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_address_in_a_configuration_leads_to_a_service(path):
    read = path.read_text("utf-8")
    if path.name != "monitoring.yml":  # part of the compose file, seen above
        assert lost(texts(yaml.safe_load(read))) == set()


def test_each_part_that_is_scraped_shows_its_numbers():
    file = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text("utf-8"))
    groups = chain.from_iterable(job["static_configs"] for job in file["scrape_configs"])
    targets = [target for group in groups for target in group["targets"]]
    assert len(targets) > 8
    for host, port in (target.split(":") for target in targets):
        assert int(port) in listens(host), f"{host} does not show {port}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kafka:29092,elsewhere:9092", {("elsewhere", "9092")}),
        ("http://connect:8084/connectors", {("connect", "8084")}),
        ("postgresql://streamgauge@database/x", {("database", "")}),
        ("1@kafka:9093 http://localhost:1 INSIDE://:29092 redis:6379", set()),
    ],
)
def test_an_address_that_leads_nowhere_would_be_found(text, found):
    assert lost([text]) == found


def test_prometheus_scrapes_what_the_monitoring_alone_scrapes_and_shows_a_token_that_only_reads():
    ours = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text("utf-8"))
    theirs = yaml.safe_load((ROOT / "deploy/monitoring/prometheus/prometheus.yml").read_text("utf-8"))
    shown = [job.pop("authorization", None) for job in ours["scrape_configs"]]
    assert [job for job, told in zip(ours["scrape_configs"], shown, strict=True) if told] == ours[
        "scrape_configs"
    ][:1]
    assert shown[0] == {"credentials_file": "/run/scrape/token"}
    assert ours == theirs
    assert "scrape-token:/run/scrape:ro" in SERVICES["prometheus"]["volumes"]
    assert "made prometheus read /run/scrape\n" in SERVICES["token"]["command"][0]
    seen = {name for name, one in SERVICES.items() if "token:/run/streamgauge:ro" in one.get("volumes", ())}
    assert seen == {"streamgauge"}


def test_who_has_the_agent_waits_for_it_and_has_its_rules():
    having = 0
    for name, one in SERVICES.items():
        mounted = {inside for _, inside, *_ in (volume.split(":") for volume in one.get("volumes", ()))}
        for port, rules in _AGENT.findall("\n".join(texts(one.get("environment", {})))):
            having += rules in mounted
            assert int(port) in listens(name)
            assert "jmx-agent:/agent:ro" in one["volumes"]
            assert "jmx-agent" in waits_for(name)
    assert having == 5


def waits_for(name: str) -> set[str]:
    others = set(SERVICES[name].get("depends_on", {}))
    return others.union(*(waits_for(other) for other in others))


@pytest.mark.parametrize("name", WATCHING)
def test_what_is_watched_is_clean_and_its_topics_are_made(name):
    path = ROOT / "deploy/compose" / name
    brokers = SERVICES["streamgauge"]["environment"]["KAFKA_BROKERS"]
    assert load(path, environ={"KAFKA_BROKERS": brokers}).monitors
    made = re.search(r"for topic in (.+)", " ".join(texts(SERVICES["topics"]["command"])))
    assert made is not None
    written = " ".join(file.read_text("utf-8") for file in (path, path.with_name("monitors.yaml")))
    wanted = set(re.findall(r"\btopic: ([\w.]+)", written))
    wanted |= set(re.findall(r"--topic=([\w.]+)", json.dumps(SERVICES)))
    assert "payments" in wanted
    assert wanted <= set(made[1].split())
    assert lost([brokers]) == set()


def test_every_database_is_made():
    asked = json.dumps(SERVICES) + "".join(
        (ROOT / "deploy/compose" / name).read_text("utf-8") for name in WATCHING
    )
    wanted = set(re.findall(r"postgresql(?:\+\w+)?://[^/\s]+/(\w+)", asked))
    made = re.findall(r"CREATE DATABASE (\w+);", (ROOT / "deploy/compose/databases.sql").read_text("utf-8"))
    assert wanted == {*made, SERVICES["postgres"]["environment"]["POSTGRES_DB"]}
