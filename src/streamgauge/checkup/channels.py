"""Can notices leave: is a receiver reached (nothing is posted), a file's folder writable, a topic there?"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streamgauge.checkup.contract import Finding, Grade
from streamgauge.checkup.patient import PATIENCE, Patient, connects

NAME = "channel"


def examine(patient: Patient) -> Iterator[Finding]:
    """One line per channel that reaches out."""
    for name, config in patient.config.channels.items():
        check = _CHECKS.get(config.type)
        if check is not None:
            yield check(f"channels.{name}", config)


def _webhook(about: str, config: Any) -> Finding:
    return reached(NAME, about, config.url.get_secret_value())


def _slack(about: str, config: Any) -> Finding:
    return reached(NAME, about, config.api if config.webhook is None else config.webhook.get_secret_value())


def _alertmanager(about: str, config: Any) -> Finding:
    """Of a cluster one is enough, so the best finding counts."""
    findings = [reached(NAME, about, url) for url in config.url]
    return next((one for one in findings if one.grade is Grade.FINE), findings[0])


def _email(about: str, config: Any) -> Finding:
    port = config.port or {"starttls": 587, "tls": 465, "none": 25}[config.tls]
    why = connects(config.host, port)
    if why is None:
        return Finding(NAME, about, Grade.FINE, f"{config.host}:{port} takes connections; no mail was sent")
    return Finding(
        NAME, about, Grade.MISSING, f"{config.host}:{port} cannot be reached: {why}",
        "correct `host` and `port`, start the mail server, or let this machine through to it",
    )  # fmt: skip


def reached(check: str, about: str, url: str) -> Finding:
    """Whether the host of ``url`` takes connections, with a certificate that is trusted; nothing is sent."""
    from streamgauge.channels.posting import origin

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    host, shown = parts.hostname or "", origin(url)
    why = connects(host, port)
    if why is not None:
        who = "receiver" if check == NAME else "server"
        advice = f"correct the URL, start the {who}, or let this machine through to it"
        if why.endswith("does not answer"):  # refused is said at once; what is dropped waits for nothing
            advice += "; firewalls and NetworkPolicies drop without a word"
        return Finding(check, about, Grade.MISSING, f"{shown} cannot be reached: {why}", advice)
    refused = _handshake(host, port) if secure else None
    if refused is not None:
        return Finding(
            check, about, Grade.WRONG, f"no secure connection to {shown}: {refused}",
            "let the receiver present a certificate that this machine trusts, for this very host name",
        )  # fmt: skip
    how = "and its certificate is trusted" if secure else "without encryption"
    return Finding(check, about, Grade.FINE, f"{shown} takes connections, {how}; nothing was posted")


def _handshake(host: str, port: int) -> str | None:
    """Why TLS fails; None when it holds."""
    try:
        with (
            socket.create_connection((host, port), timeout=PATIENCE) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ssl.SSLError) as error:
        return (getattr(error, "reason", None) or str(error)).lower()


def _csv(about: str, config: Any) -> Finding:
    path = Path(config.path)
    there = next(folder for folder in [path, *path.absolute().parents] if folder.exists())
    if not os.access(there, os.W_OK) or path.is_dir():
        return Finding(
            NAME, about, Grade.WRONG, f"{path} cannot be written: {there} is {'a folder' if path.is_dir() else 'shut'}",
            "name a file that this user may write",
        )  # fmt: skip
    return Finding(NAME, about, Grade.FINE, f"{path} can be written")


def _kafka(about: str, config: Any) -> Finding:
    return topic_to_write(NAME, about, config)


def topic_to_write(check: str, about: str, config: Any) -> Finding:
    """Whether a topic that is written to is there; ``config`` has ``brokers``, ``topic`` and ``settings``."""
    from confluent_kafka import KafkaError, KafkaException, admin

    settings = {
        "bootstrap.servers": config.brokers,
        "log_level": 0,
        "socket.timeout.ms": 3000,
        **config.settings,
    }
    try:
        topic = admin.AdminClient(settings).list_topics(config.topic, timeout=PATIENCE).topics[config.topic]
    except KafkaException:
        return Finding(
            check, about, Grade.MISSING, f"no broker answers at {config.brokers}",
            "start the brokers, or correct `brokers:` and `settings:` there",
        )  # fmt: skip
    made = getattr(config, "partitions", None)
    if topic.error is None:
        return Finding(check, about, Grade.FINE, f"topic {config.topic} is there; nothing was written to it")
    if made is not None and topic.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return Finding(
            check, about, Grade.FINE, f"topic {config.topic} is made at the start, with {made} partitions"
        )
    return Finding(
        check, about, Grade.WRONG, f"topic {config.topic} at {config.brokers}: {topic.error.str()}",
        "create it, or allow this user to write to it",
    )  # fmt: skip


_CHECKS: Mapping[str, Callable[[str, Any], Finding]] = {
    "webhook": _webhook,
    "slack": _slack,
    "alertmanager": _alertmanager,
    "email": _email,
    "csv": _csv,
    "kafka": _kafka,
}
