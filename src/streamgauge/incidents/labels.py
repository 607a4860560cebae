"""The labels of an incident: what silences, routes and inhibitions can ask about."""

from __future__ import annotations

from collections.abc import Mapping

from streamgauge.incident import Incident, changed
from streamgauge.keys import Key, key_label

RESERVED = ("monitor", "stream", "incident", "severity", "key")
"""Names that a monitor's own labels may not take."""


def labelled(incident: Incident, own: Mapping[str, str], by: tuple[str, ...] = ()) -> Incident:
    """The incident with its labels.

    Args:
        incident: new.
        own: the stream's name and the labels that the monitor declares.
        by: the fields that its key is made of; each is a label too, unless a reserved name is in the way.
    """
    of_key = key_labels(incident.key, by)
    labels = {
        **of_key,
        **own,
        "monitor": incident.monitor,
        "incident": incident.kind,
        "severity": incident.severity,
    }
    if "key" in of_key:
        labels["key"] = of_key["key"]
    return changed(incident, labels=labels)


def key_labels(key: Key, by: tuple[str, ...]) -> dict[str, str]:
    """The labels that tell a key of a monitor from its others.

    >>> key_labels(("a-7", "CH"), ("account", "country"))
    {'account': 'a-7', 'country': 'CH', 'key': 'a-7 · CH'}
    """
    parts = key if isinstance(key, tuple) else () if key is None else (key,)
    fields = {name: str(value) for name, value in zip(by, parts, strict=False) if name not in RESERVED}
    return fields if key is None else {**fields, "key": key_label(key)}


def relabelled(incident: Incident) -> Incident:
    """With its severity as it is now."""
    if incident.labels.get("severity") == incident.severity:
        return incident
    return changed(incident, labels={**incident.labels, "severity": incident.severity})
