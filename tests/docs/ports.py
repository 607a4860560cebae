"""The table of ports, out of the compose file."""

from __future__ import annotations

from tests.deploy import compose

WHAT = {
    "streamgauge": "Streamgauge: API, pages for people on call, `/metrics`",
    "analysis": "the analysis app (Streamlit)",
    "kafka": "Kafka",
    "postgres": "PostgreSQL",
    "kafka-ui": "Kafka UI",
    "prometheus": "Prometheus",
    "alertmanager": "Alertmanager",
    "grafana": "Grafana",
    "spark-master": "Spark's master",
    "spark-driver": "Spark's UI, of the driver",
    "flink-jobmanager": "Flink's UI and REST",
    "airflow": "Airflow",
    "prefect": "Prefect",
    "superset": "Superset",
    "redis": "Redis",
    "redis-insight": "Redis Insight",
    "connect": "Kafka Connect's REST",
    "ksqldb": "ksqlDB",
    "schema-registry": "Schema Registry",
    "zookeeper": "ZooKeeper",
}
"""What a service is, for people."""


def rows() -> list[tuple[str, ...]]:
    """What, its profile, the port here, how containers call it, the variable that moves it."""
    every = compose.services()
    moved = {
        name: str(100 + n) for n, name in enumerate(n for n in compose.settings() if n.endswith("_PORT"))
    }
    of_port = {
        (one.service, one.inside): next(name for name, port in moved.items() if port == str(one.outside))
        for one in compose.published(moved)
    }
    return [
        (
            WHAT[one.service],
            ", ".join(f"`{name}`" for name in every[one.service].get("profiles", ["core"])),
            f"`{one.outside}`",
            f"`{one.service}:{29092 if one.service == 'kafka' else one.inside}`",
            f"`{of_port[one.service, one.inside]}`",
        )
        for one in compose.published()
    ]


def profile_rows() -> list[tuple[str, ...]]:
    """Each profile, with what it starts beside the core."""
    core = compose.started_by(set())
    listed: list[tuple[str, ...]] = [("none (the core)", ", ".join(f"`{name}`" for name in sorted(core)))]
    return listed + [
        (f"`{name}`", ", ".join(f"`{one}`" for one in sorted(compose.started_by({name}) - core)))
        for name in compose.profiles()
    ]
