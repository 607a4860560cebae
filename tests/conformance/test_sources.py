"""Every source found by its file's name keeps the contract; those that need a server do it against a real one."""

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import zstandard

from streamgauge.clock import SystemClock
from streamgauge.config import plugins
from streamgauge.conformance import check_source
from streamgauge.errors import SourceError
from streamgauge.sources.contract import Source, SourceConfig
from streamgauge.sources.polling.settings import PollerConfig
from streamgauge.stores import Owner, open_store
from streamgauge.stores.inbox import Inbox, Posted
from streamgauge.testing import ListedSource, listed
from tests.services.kafka import Broker, unique

pytestmark = pytest.mark.conformance
ROWS = [{"id": i, "text": f"row {i}"} for i in range(250)]


def opened(name: str, **settings: object) -> Callable[[], Source]:
    """Makes the source that a file with these settings would open."""
    module = plugins.module("sources", name)
    config = module.Config(**settings)
    return lambda: module.open_source(config, "checked", SystemClock())


def packed(lines: bytes, suffix: str) -> bytes:
    """As a file with that extension holds them."""
    if suffix.endswith("gz"):
        return gzip.compress(lines)
    return zstandard.compress(lines) if suffix.endswith("zst") else lines


@pytest.mark.parametrize("suffix", ["ndjson", "ndjson.gz", "ndjson.zst", "csv", "parquet", "avro"])
def test_files(tmp_path: Path, suffix: str):
    frame = pl.DataFrame(ROWS)
    for part in "ab":
        path = tmp_path / f"{part}.{suffix}"
        if suffix == "csv":
            frame.write_csv(path)
        elif suffix == "parquet":
            frame.write_parquet(path)
        elif suffix == "avro":
            frame.write_avro(path)
        else:
            path.write_bytes(packed(frame.write_ndjson().encode(), suffix))
    check_source(opened("files", path=str(tmp_path / f"*.{suffix}")))


@pytest.mark.parametrize("scenario", ["payments", "logins", "sensors", "weblog"])
def test_synthetic(scenario: str):
    check_source(opened("synthetic", scenario=scenario, seed=3, records=700, partitions=3))


def test_synthetic_without_end():
    check_source(opened("synthetic", scenario="payments", seed=3, partitions=2), records=300)


def test_the_listed_source_that_is_shipped_for_tests():
    check_source(lambda: ListedSource([listed(ROWS[:90]), listed(ROWS[90:], start=95)]))


@pytest.mark.services
def test_kafka(kafka: Broker):
    topic = kafka.create_topic(unique("conformance"), 2)
    for partition in (0, 1):
        kafka.produce(topic, [b'{"id": %d}' % i for i in range(60)], partition=partition)

    def make() -> Source:
        return opened(
            "kafka", brokers=kafka.bootstrap, topic=topic, group=unique("group"), start="earliest"
        )()

    check_source(make, records=120)


def test_http(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/store.db"
    open_store(url, owner=Owner.this_process(), clock=SystemClock()).close()
    inbox = Inbox(url)
    inbox.add([Posted("checked", 3, 7, b"{}\n{}\n{}", 1000) for _ in range(40)])
    inbox.close()
    module = plugins.module("sources", "http")
    config = module.Config(token="long-enough")
    check_source(lambda: module.open_source(config, "checked", SystemClock(), store_url=url), records=120)


def test_every_source_is_checked():
    assert set(plugins.names("sources")) - set(POLLERS) == {"files", "synthetic", "kafka", "http"}


POLLERS = [
    name
    for name in plugins.names("sources")
    if issubclass(plugins.config_class("sources", name), PollerConfig)
]


SETTINGS: dict[str, dict[str, object]] = {
    "connect": {"url": "http://nowhere"},
    "exposition": {"url": "http://nowhere/"},
    "flink": {"url": "http://nowhere"},
    "kafka_lag": {"brokers": "nowhere:1"},
    "pipeline": {"brokers": ["nowhere:1"], "steps": [{"topic": "a"}, {"topic": "b"}]},
    "probe": {"tcp": "nowhere:1"},
    "prometheus": {"url": "http://nowhere", "query": "up"},
    "spark": {"url": "http://nowhere"},
    "sql": {"url": "sqlite:///none.db", "query": "SELECT 1"},
}


@pytest.mark.parametrize("name", POLLERS)
def test_pollers_are_read_through_the_inbox(name: str):
    """Which :mod:`tests.sources.test_polling` holds to the contract, whatever is asked."""
    config: type[SourceConfig] = plugins.module("sources", name).Config
    assert config.formats == frozenset({"json"})
    make = opened(name, **SETTINGS[name])
    with pytest.raises(SourceError, match="name recorded answers"):
        make()


class Forgetful(ListedSource):
    """Starts over whatever it is asked for."""

    def open(self, positions):
        super().open({})


def test_a_source_that_ignores_positions_is_found_out():
    with pytest.raises(AssertionError, match=r"was asked for"):
        check_source(lambda: Forgetful([listed(ROWS)]))
