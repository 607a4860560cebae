"""Are the servers there that streams ask again and again: Kafka Connect, Flink, Prometheus, a page of metrics?"""

from __future__ import annotations

from collections.abc import Iterator

from streamgauge.checkup.channels import reached
from streamgauge.checkup.contract import Finding
from streamgauge.checkup.patient import Patient

NAME = "polled"


def examine(patient: Patient) -> Iterator[Finding]:
    """One line per stream whose source asks an address; nothing is asked of it here."""
    for name, stream in patient.watched():
        url = getattr(stream.source, "url", None)
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            yield reached(NAME, f"streams.{name}", url)
