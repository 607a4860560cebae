"""Watches a topic for drift: makes a configuration, and runs it on the engine that runs all configurations."""

from __future__ import annotations

import csv
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from streamgauge.clock import iso
from streamgauge.drift_stream.baseline import first_records, written
from streamgauge.drift_stream.environment import Settings, settings
from streamgauge.errors import ConfigError
from streamgauge.statistics import reference_file
from streamgauge.statistics.reference import Reference

if TYPE_CHECKING:
    from streamgauge.engines.embedded.session import Session
    from streamgauge.engines.reporting.drift_totals import Check

_KINDS = {"number": "float", "boolean": "bool", "category": "string"}
_log = structlog.get_logger("streamgauge.drift")


class DriftDataConsumer:
    """Compares the last ``window_size`` records of a topic with a reference, every ``check_interval`` records.

    What is not given comes from the environment (:class:`~streamgauge.drift_stream.environment.Settings`).

    Args:
        bootstrap_servers: host:port of brokers.
        topic: of JSON objects.
        window_size, check_interval: records.
        reference: what is normal: a file of ``streamgauge reference build``. Without one the topic's first
            ``window_size`` records are taken, and kept in ``folder`` for the next start; that is said in the log.
        folder: where the log, the store and that reference are.
        options: further settings of librdkafka.
    """

    def __init__(
        self,
        bootstrap_servers: str | None = None,
        topic: str | None = None,
        window_size: int | None = None,
        check_interval: int | None = None,
        *,
        reference: str | Path | None = None,
        folder: str | Path = "logs",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        given = {
            "brokers": bootstrap_servers,
            "topic": topic,
            "window_size": window_size,
            "check_interval": check_interval,
        }
        asked = settings()
        chosen = {name: value for name, value in given.items() if value is not None}
        self.settings = Settings(**{**{n: getattr(asked, n) for n in Settings.__slots__}, **chosen})
        self.folder = Path(folder)
        self.options = dict(options or {})
        self._reference = None if reference is None else Path(reference)
        self._session: Session | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._stopping = threading.Event()
        self._last: Check | None = None
        self._running = False
        self.metrics_port: int | None = None

    @property
    def log(self) -> Path:
        """The CSV log: timestamp, psi_score and drift_status of each check."""
        return self.folder / "psi_drift_log.csv"

    def start_consuming(self, background: bool = False) -> None:
        """Watch until :meth:`stop`; with ``background`` on a thread, and return at once.

        Raises:
            StreamgaugeError: it cannot begin; in the background :meth:`get_status` tells why.
        """
        if self._thread is not None and self._thread.is_alive():
            raise ConfigError("it is watching already; stop() it first")
        self._stopping.clear()
        self._failure = None
        if not background:
            self._run()
            return
        self._running = True
        self._thread = threading.Thread(target=self._run_quietly, name="drift consumer", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """End in order; what was counted is kept, and the next start goes on from there."""
        self._stopping.set()
        if self._session is not None:
            self._session.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def get_status(self) -> dict[str, Any]:
        """running, ready, topic, records, dead_letters, checks, psi_score, drift_status, error.

        ``dead_letters``: records that could not be read; ``checks``: by status; score and status: of the last check.
        """
        session, last = self._session, self._last
        now = None if session is None else session.status.now
        events = {} if session is None else dict(session.status.totals.drift.events)
        return {
            "running": self._running,
            "ready": bool(now is not None and now.ready),
            "topic": self.settings.topic,
            "records": 0 if now is None else sum(stream.records for stream in now.streams.values()),
            "dead_letters": 0 if now is None else sum(stream.dead_letters for stream in now.streams.values()),
            "checks": {status: count for (_, status), count in events.items()},
            "psi_score": None if last is None else last.value,
            "drift_status": None if last is None else last.status,
            "error": None if self._failure is None else str(self._failure),
        }

    def configuration(self) -> dict[str, Any]:
        """What is run, as a configuration file would say it.

        Raises:
            ConfigError: there is no reference yet.
        """
        asked, path = self.settings, self._reference or self._own_reference()
        known = reference_file.load(path)
        least = min(asked.min_samples, asked.window_size)
        channels: dict[str, Any] = {"console": {"type": "console"}}
        if asked.slack is not None:
            channels["slack"] = {"type": "slack", "webhook": asked.slack}
        source = {
            "type": "kafka",
            "brokers": asked.brokers,
            "topic": asked.topic,
            "group": asked.group,
            "start": "earliest",
            "settings": self.options,
        }
        return {
            "streams": {"data": {"source": source, "format": "json", "fields": _fields(known)}},
            "monitors": {
                "drift": {
                    "stream": "data",
                    "window": {
                        "type": "count",
                        "size": asked.window_size,
                        "every": min(asked.check_interval, asked.window_size),
                        "min": least,
                    },
                    "detect": {
                        "type": "psi",
                        "reference": str(path),
                        "warning": asked.no_drift,
                        "critical": asked.possible_drift,
                        "min": least,
                    },
                    "notify": sorted(channels),
                },
                "unreadable": {
                    "stream": "streamgauge.dead_letters",
                    "detect": {"type": "any", "severity": "warning"},
                    "notify": sorted(channels),
                },
            },
            "channels": channels,
            "store": f"sqlite:///{self.folder / 'drift_stream.db'}",
        }

    def _run_quietly(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001  told by get_status
            self._failure = error
            _log.error("watching ended", why=str(error))

    def _run(self) -> None:
        self._running = True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._has_reference():
                self._watch()
        finally:
            self._running = False

    def _watch(self) -> None:
        from streamgauge.config import load
        from streamgauge.engines.embedded.session import Session

        self._session = Session(load(self.configuration()))
        self._session.status.totals.drift.heard.append(self._heard)
        if self._stopping.is_set():
            return
        stop_serving = self._serve(self._session)
        try:
            self._session.run()
        finally:
            stop_serving()

    def _has_reference(self) -> bool:
        """Make one of the topic's first records where none is given; False when stopped meanwhile."""
        path = self._own_reference()
        if self._reference is not None or path.exists():
            return True
        asked = self.settings
        records = first_records(asked.brokers, asked.topic, asked.window_size, self.options, self._stopping)
        if records is None:
            return False
        written(records, path)
        _log.warning(
            "no reference was given: the topic's first records count as normal from now on",
            records=len(records),
            file=str(path),
        )
        return True

    def _own_reference(self) -> Path:
        return self.folder / f"{self.settings.topic}.reference"

    def _serve(self, session: Session) -> Any:
        """Show the metrics, and nothing else; what ends that."""
        from prometheus_client import start_http_server

        from streamgauge.clock import SystemClock
        from streamgauge.errors import OutsideError
        from streamgauge.metrics import make_registry

        asked = self.settings
        try:
            server, _ = start_http_server(
                asked.metrics_port, asked.metrics_host, make_registry(session.status, SystemClock())
            )
        except OSError as error:
            raise OutsideError(
                f"metrics cannot be shown at {asked.metrics_host}:{asked.metrics_port}: {error.strerror}; set "
                "PROMETHEUS_PORT to another port"
            ) from error
        self.metrics_port = server.server_port

        def end() -> None:
            server.shutdown()
            server.server_close()

        return end

    def _heard(self, check: Check) -> None:
        """Write a line of the log."""
        self._last = check
        is_new = not self.log.exists()
        with self.log.open("a", encoding="utf-8", newline="") as file:
            line = csv.writer(file)
            if is_new:
                line.writerow(["timestamp", "psi_score", "drift_status"])
            line.writerow([iso(check.at), f"{check.value:.6f}", check.status])


def _fields(known: Reference) -> dict[str, str]:
    return {name: _KINDS[feature.kind] for name, feature in known.features.items()}
