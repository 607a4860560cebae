"""Can rows be written where ``write:`` says?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from streamgauge.checkup.channels import topic_to_write
from streamgauge.checkup.contract import Finding, Grade
from streamgauge.checkup.patient import Patient

NAME = "sink"


def examine(patient: Patient) -> Iterator[Finding]:
    """One line per stream or monitor that writes to a topic or into a folder."""
    config = patient.config
    parts = {f"streams.{name}": stream.write for name, stream in config.streams.items()}
    parts |= {f"monitors.{name}": monitor.write for name, monitor in config.monitors.items()}
    for about, sink in parts.items():
        if sink is not None and sink.type == "kafka":
            yield topic_to_write(NAME, f"{about}.write", sink)
        path = getattr(sink, "path", None)
        if sink is not None and sink.type == "files" and path is not None:
            yield _folder(f"{about}.write", Path(path))


def _folder(about: str, path: Path) -> Finding:
    there = next(folder for folder in [path, *path.absolute().parents] if folder.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        return Finding(NAME, about, Grade.FINE, f"{path} can be written to")
    why = "shut" if there.is_dir() else "a file"
    advice = "name a folder that this user may write to"
    return Finding(NAME, about, Grade.WRONG, f"{path} cannot be written to: {there} is {why}", advice)
