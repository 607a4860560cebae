"""One KRaft broker, and what tests do to it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

from tests.services.kafka import install, secured
from tests.services.process import Server, ServerProcess, answers, free_ports

_CLUSTER = "AAAAAAAAQACAAAAAAAAAAQ"
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners={protocol}://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={protocol}://127.0.0.1:{port}
listener.security.protocol.map={protocol}:{protocol},CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
log.retention.check.interval.ms=1000
"""


def unique(name: str = "topic") -> str:
    """A name that no other test has taken, for topics and groups of a shared broker."""
    return f"{name}-{uuid.uuid4().hex[:10]}"


class Broker(Server):
    """A real Kafka on free loopback ports with its data in a temporary folder.

    Use it with ``with``, or :meth:`start` and :meth:`close`. It may be killed and started again on the same
    ports and data.

    Attributes:
        bootstrap: ``127.0.0.1:PORT``.
        certificates: of a secured broker, the folder with ``ca.pem`` and ``other-ca.pem``.
    """

    def __init__(
        self,
        *,
        secured: bool = False,
        heap: str = "512m",
        fast_start: bool = True,
        folder: Path | None = None,
        port: int | None = None,
        properties: Sequence[str] = (),
        java: Sequence[str] = (),
    ) -> None:
        """Prepare; nothing runs yet.

        ``fast_start`` stops the compiler at its first tier (for tests; not for benchmarks). ``properties``
        are further lines of server.properties, ``java`` further arguments of its Java machine, such as an agent.
        """
        self.secured = secured
        self.folder = folder or Path(tempfile.mkdtemp(prefix="streamgauge-kafka-"))
        self.certificates = self.folder / "certificates"
        self.port, self.controller = free_ports(2)
        self.port = port or self.port
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._heap, self._fast, self._properties, self._given = heap, fast_start, properties, java
        self._quorum: Sequence[str] = ["--standalone"]
        self._process: ServerProcess | None = None
        self._admin: Any = None
        self._producer: Any = None

    # life

    def start(self, *, within: float = 60.0) -> Self:
        """Start, or start again after :meth:`kill` or :meth:`stop`; returns when it answers.

        Raises:
            CannotBeHadError: Java, Maven or openssl is missing.
            RuntimeError: it did not come up; the text ends with its log.
        """
        self.launch()
        return self.await_answer(within)

    def launch(self) -> None:
        """Start without waiting for its answer, which comes only with the others' where several make a cluster."""
        if not (self.folder / "data").exists():
            self._format()
        self._process = ServerProcess(
            [
                *self._java("-Xms128m", f"-Xmx{self._heap}", *self._given),
                "kafka.Kafka",
                str(self.folder / "server.properties"),
            ],
            self.folder / "broker.log",
        )

    def await_answer(self, within: float = 60.0) -> Self:
        """Return when it answers, after :meth:`launch`.

        Raises:
            RuntimeError: it did not come up; the text ends with its log.
        """
        deadline = time.monotonic() + within
        while not self._answers():
            if self.pid is None or time.monotonic() > deadline:
                words = "" if self._process is None else self._process.last_words()
                self.kill()
                raise RuntimeError(f"the Kafka broker did not come up:\n{words}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Shut down in order; data stays."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """kill -9; data stays."""
        if self._process:
            self._process.kill()

    def pause(self) -> None:
        """SIGSTOP: its connections stay up and nothing is answered."""
        if self._process:
            self._process.freeze()

    def resume(self) -> None:
        """SIGCONT."""
        if self._process:
            self._process.signal(signal.SIGCONT)

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.running else None

    def close(self) -> None:
        """End it and remove its data."""
        self._admin = self._producer = None
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # clients

    def client(
        self,
        user: str = "admin",
        *,
        password: str | None = None,
        mechanism: Literal["SCRAM-SHA-512", "PLAIN"] = "SCRAM-SHA-512",
    ) -> dict[str, str]:
        """librdkafka's settings beside ``bootstrap.servers``: empty unless secured."""
        if not self.secured:
            return {}
        return secured.client_settings(self.certificates, user, password, mechanism)

    @property
    def admin(self) -> Any:
        """A confluent-kafka AdminClient."""
        if self._admin is None:
            from confluent_kafka.admin import AdminClient

            mine: dict[str, Any] = {"bootstrap.servers": self.bootstrap, "log_level": 0}
            mine["reconnect.backoff.max.ms"] = 200
            self._admin = AdminClient({**mine, **self.client()})
        return self._admin

    def create_topic(self, name: str, partitions: int = 1, **config: Any) -> str:
        """Create a topic and return its name; ``retention_ms=-1`` in ``config`` becomes ``retention.ms``.

        Records with old timestamps are removed within seconds unless ``retention_ms=-1``.
        """
        from confluent_kafka import KafkaError, KafkaException
        from confluent_kafka.cimpl import NewTopic

        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        topic = NewTopic(name, partitions, 1, config=settings)
        deadline = time.monotonic() + 30
        while True:
            try:
                self.admin.create_topics([topic], operation_timeout=10)[name].result(20)
            except KafkaException as error:  # a machine under load fences its own broker for a moment
                fenced = error.args[0].code() == KafkaError.INVALID_REPLICATION_FACTOR
                if not fenced or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                self._spread(name, partitions)
                return name

    def _spread(self, name: str, partitions: int) -> None:
        """Wait until the broker tells of a new topic, or of new partitions: the controller knows them a little earlier."""
        deadline = time.monotonic() + 60
        while True:
            told = self.admin.list_topics(name, timeout=30).topics[name]
            if told.error is None and sum(one.leader >= 0 for one in told.partitions.values()) == partitions:
                return
            assert time.monotonic() < deadline, f"the broker does not know the new topic {name}"
            time.sleep(0.02)

    def add_partitions(self, topic: str, total: int) -> None:
        """Raise the number of partitions to ``total``."""
        from confluent_kafka.cimpl import NewPartitions

        self.admin.create_partitions([NewPartitions(topic, total)])[topic].result(20)
        self._spread(topic, total)
        self._producer = None  # it would look for new partitions only minutes later

    def delete_topic(self, topic: str) -> None:
        """Delete a topic."""
        self.admin.delete_topics([topic], operation_timeout=10)[topic].result(20)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Remove what lies before an offset, as retention does."""
        from confluent_kafka import TopicPartition

        for future in self.admin.delete_records([TopicPartition(topic, partition, before)]).values():
            future.result(20)

    def allow(
        self, user: str, *, topic: str | None = None, group: str | None = None, operation: str = "READ"
    ) -> None:
        """Let a user of the secured broker do ``operation`` (``READ`` covers ``DESCRIBE``) on a topic or group."""
        from confluent_kafka import admin

        words: Any = admin
        for kind, name in ((words.ResourceType.TOPIC, topic), (words.ResourceType.GROUP, group)):
            if name is not None:
                pattern = (kind, name, words.ResourcePatternType.LITERAL)
                who = (f"User:{user}", "*", words.AclOperation[operation], words.AclPermissionType.ALLOW)
                rule = words.AclBinding(*pattern, *who)
                self.admin.create_acls([rule])[rule].result(20)

    def disallow(self, topic: str) -> None:
        """Take back all that was allowed on a topic."""
        from confluent_kafka import admin

        words: Any = admin
        pattern = (words.ResourceType.TOPIC, topic, words.ResourcePatternType.LITERAL)
        anybody = (None, None, words.AclOperation.ANY, words.AclPermissionType.ANY)
        rules = words.AclBindingFilter(*pattern, *anybody)
        self.admin.delete_acls([rules])[rules].result(20)

    # records

    def produce(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        keys: Sequence[bytes | None] | None = None,
        timestamps: Sequence[int] | None = None,
        partition: int | None = None,
    ) -> None:
        """Write records and wait until all are acknowledged; ``timestamps`` in milliseconds since 1970."""
        if self._producer is None:
            self._producer = self.new_producer()
        columns = {"key": keys, "timestamp": timestamps}
        self._write(self._producer, topic, values, columns, partition)
        if self._producer.flush(30) > 0:
            raise RuntimeError(f"the broker at {self.bootstrap} did not acknowledge all records within 30 s")

    def transaction(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        partition: int | None = None,
        end: Literal["commit", "abort", "open"] = "commit",
    ) -> Any:
        """Write records in one transaction; returns the producer, whose transaction you end if left ``open``.

        The mark that ends it is written a moment after this returns: others' records may come before it.
        """
        producer = self.new_producer({"transactional.id": unique("transaction")})
        producer.init_transactions(20)
        producer.begin_transaction()
        self._write(producer, topic, values, {}, partition)
        producer.flush(20)
        if end == "commit":
            producer.commit_transaction(20)
        elif end == "abort":
            producer.abort_transaction(20)
        return producer

    def new_producer(self, settings: dict[str, Any] | None = None) -> Any:
        """A producer of your own: idempotent, 1 ms of batching, quiet while the broker is away."""
        from confluent_kafka import Producer

        mine = {
            "bootstrap.servers": self.bootstrap,
            "enable.idempotence": True,
            "linger.ms": 1,
            "log_level": 0,
            "queue.buffering.max.messages": 2_000_000,
            "reconnect.backoff.max.ms": 500,
        }
        return Producer({**mine, **self.client(), **(settings or {})})

    def read(self, topic: str, count: int, partitions: int = 1, *, whole: bool = False) -> list[Any]:
        """The first ``count`` messages of a topic, waited for; with ``whole`` not more than there are now."""
        from confluent_kafka import Consumer, TopicPartition

        mine = {"bootstrap.servers": self.bootstrap, "group.id": unique("reads"), "log_level": 0}
        consumer = Consumer({**mine, **self.client(), "enable.partition.eof": True})
        consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        found: list[Any] = []
        ended: set[int] = set()
        deadline = time.monotonic() + 60
        while len(found) < count and not (whole and len(ended) == partitions):
            assert time.monotonic() < deadline, f"{len(found)} of {count} messages came within 60 s"
            for message in consumer.consume(count - len(found), 0.1):
                error = message.error()
                if error is None:
                    found.append(message)
                elif error.name() == "_PARTITION_EOF":
                    ended.add(message.partition() or 0)
        consumer.close()
        return found

    @staticmethod
    def _write(
        producer: Any,
        topic: str,
        values: Sequence[bytes | None],
        columns: Mapping[str, Sequence[Any] | None],
        partition: int | None,
    ) -> None:
        place = {} if partition is None else {"partition": partition}
        given = {name: column for name, column in columns.items() if column is not None}
        for row, value in enumerate(values):
            more = {**place, **{name: column[row] for name, column in given.items()}}
            try:
                producer.produce(topic, value, **more)
            except BufferError:
                producer.flush(30)
                producer.produce(topic, value, **more)
            if row % 10_000 == 0:
                producer.poll(0)

    # inside

    def _java(self, *memory: str) -> list[str]:
        quick = ["-XX:TieredStopAtLevel=1"] if self._fast else []
        logging = [
            f"-Dlog4j2.configurationFile={install.HERE / 'log4j2.properties'}",
            "-Dlog4j2.disableJmx=true",
        ]
        return [install.java(), *memory, "-XX:+UseSerialGC", *quick, *logging, "-cp", f"{install.jars()}/*"]

    def _format(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        protocol = "SASL_SSL" if self.secured else "PLAINTEXT"
        text = _PROPERTIES.format(
            protocol=protocol, port=self.port, controller=self.controller, data=self.folder / "data"
        )
        more = list(self._properties)
        if self.secured:
            secured.make_certificates(self.certificates)
            more += secured.server_properties(self.certificates)
        config = self.folder / "server.properties"
        config.write_text(text + "\n".join([*more, ""]))
        users = secured.scram_arguments() if self.secured else []
        tool = [
            "kafka.tools.StorageTool",
            "format",
            *self._quorum,
            "-t",
            _CLUSTER,
            "-c",
            str(config),
            *users,
        ]
        done = subprocess.run([*self._java("-Xmx128m"), *tool], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        if not answers(self.port):
            return False
        from confluent_kafka import KafkaException

        with suppress(KafkaException):
            return len(self.admin.list_topics(timeout=1).brokers) > 0
        return False
