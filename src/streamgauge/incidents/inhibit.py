"""What is not told because something else is: a consequence while its cause is open.

One rule is there undeclared: a critical incident mutes warnings of the same stream and key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from streamgauge.incident import Incident
from streamgauge.incidents.matchers import Matcher, all_hold


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While an incident that fits ``source`` is open, those that fit ``target`` are muted.

    ``equal`` names labels that both must share, with a value.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


SAME_KEY = InhibitRule(
    (Matcher("severity", "=", "critical"),), (Matcher("severity", "=", "warning"),), ("stream", "key")
)
"""The rule that is there undeclared."""

Place = tuple[int, tuple[str, ...]]
"""A rule and what source and target share."""


class Inhibitions:
    """Who is a cause, and who a consequence. Nothing here knows of time."""

    def __init__(self, rules: tuple[InhibitRule, ...] = (SAME_KEY,)) -> None:
        self._rules = rules
        self._places: dict[str, tuple[tuple[Place, ...], tuple[Place, ...]]] = {}
        self._sources: defaultdict[Place, dict[str, None]] = defaultdict(dict)
        self._targets: defaultdict[Place, dict[str, None]] = defaultdict(dict)

    def note(self, name: str, incident: Incident) -> set[str]:
        """An incident (``name`` is its id) is new, changed its severity, or ended; whom that may concern."""
        before = self._places.pop(name, ((), ()))
        after = self._find(incident.labels) if incident.open else ((), ())
        for index, places, new in zip((self._sources, self._targets), before, after, strict=True):
            for place in places:
                if place not in new:
                    del index[place][name]
                    if not index[place]:
                        del index[place]
            for place in new:
                index[place][name] = None
        if after != ((), ()):
            self._places[name] = after
        changed = set(before[0]) ^ set(after[0])
        return {target for place in changed for target in self._targets.get(place, ()) if target != name}

    def causes(self, name: str) -> list[str]:
        """The ids of the open incidents that mute this one."""
        _, targets = self._places.get(name, ((), ()))
        return [cause for place in targets for cause in self._sources.get(place, ()) if cause != name]

    def _find(self, labels: Mapping[str, str]) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
        sources, targets = [], []
        for number, rule in enumerate(self._rules):
            shared = tuple(labels.get(label, "") for label in rule.equal)
            if "" in shared:
                continue
            if all_hold(rule.source, labels):
                sources.append((number, shared))
            if all_hold(rule.target, labels):
                targets.append((number, shared))
        return tuple(sources), tuple(targets)
