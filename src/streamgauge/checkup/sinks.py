"""Can rows be written where ``write:`` says?"""

from __future__ import annotations

from collections.abc import Iterator

from streamgauge.checkup.channels import topic_to_write
from streamgauge.checkup.contract import Finding
from streamgauge.checkup.patient import Patient

NAME = "sink"


def examine(patient: Patient) -> Iterator[Finding]:
    """One line per stream or monitor that writes to a topic."""
    config = patient.config
    parts = {f"streams.{name}": stream.write for name, stream in config.streams.items()}
    parts |= {f"monitors.{name}": monitor.write for name, monitor in config.monitors.items()}
    for about, sink in parts.items():
        if sink is not None and sink.type == "kafka":
            yield topic_to_write(NAME, f"{about}.write", sink)
