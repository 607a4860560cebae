"""Replays what was heard through the monitors that would watch it, and says how each stands at the last answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from streamgauge.clock import iso
from streamgauge.config import Config
from streamgauge.config.models import MonitorConfig
from streamgauge.detectors.lag import Config as Lag
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.replay.replay import Input, replay
from streamgauge.errors import ConfigError, OutsideError
from streamgauge.health.heard import Heard
from streamgauge.health.looking import Look
from streamgauge.health.short_lag import judged_at_once, too_short, what_to_do
from streamgauge.plan import make_plan

Grade: TypeAlias = Literal["ok", "learning", "warning", "critical", "unreachable"]

_GRADES: Mapping[str, Grade] = {
    "ok": "ok", "warning": "warning", "critical": "critical",
    "learning": "learning", "not_enough_data": "learning", "no_data": "learning",
}  # fmt: skip
"""By what a verdict is called; what is in between (``neither``) tells nothing."""

_ORDER: Sequence[Grade] = ("unreachable", "critical", "warning", "learning", "ok")

_SPEAK_AT_MATCHES = frozenset({"any", "allowlist", "blocklist"})
"""Detectors that judge each record by itself and speak of matches only: without a word, all is well."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one thing stands.

    Attributes:
        what: the monitor; of a target that cannot be reached, ``stream`` and its name.
        key: whose, where the monitor tells several apart.
        state: ``learning``: it cannot be known yet.
        why: what was seen.
        do: what to do about it; empty where nothing is wrong.
    """

    what: str
    stream: str
    key: Any
    state: Grade
    why: str
    do: str


def judge(
    config: Config, looks: Mapping[str, Look], addresses: Mapping[str, str] | None = None
) -> list[Standing]:
    """All that is known after a look, the worst first.

    Args:
        config: what was looked at.
        looks: what each stream heard.
        addresses: by stream, the parameter that says where it looks, for who has to mend it.

    Raises:
        DetectorFailedError: a monitor's step raised.
    """
    where = addresses or {}
    found = [_away(name, look, where.get(name)) for name, look in looks.items() if look.trouble is not None]
    heard = {name: look for name, look in looks.items() if look.trouble is None}
    told = _last_verdicts(config, heard)
    for name, monitor in config.monitors.items():
        look = heard.get(config.origin_of(name))
        if look is not None:
            found.extend(_of_monitor(name, monitor, look, told.get(name, [])))
    return sorted(found, key=lambda one: _ORDER.index(one.state))


def exit_code(found: Sequence[Standing]) -> int:
    """0, 1 where something is wrong, 3 where something could not be asked."""
    states = {one.state for one in found}
    if "unreachable" in states:
        return OutsideError.exit_code
    return int(bool(states & {"critical", "warning"}))


def _away(name: str, look: Look, address: str | None) -> Standing:
    told = f" ({address})" if address else ""
    do = f"see whether it runs, and whether address{told}, login and network let us in"
    return Standing(f"stream {name}", name, None, "unreachable", look.trouble or "", do)


def _last_verdicts(config: Config, heard: Mapping[str, Look]) -> Mapping[str, list[dict[str, Any]]]:
    """By monitor, the last verdict on each key that was there at the last answer."""
    if not heard:
        return {}
    shortened = judged_at_once(config)
    layouts = {name: stream.layout for name, stream in make_plan(shortened).streams.items()}
    missing = sorted(heard.keys() - layouts.keys())
    if missing:
        raise ConfigError(f"no monitor watches {', '.join(missing)}")
    inputs = {
        name: Input(Heard(name, look.slices), open_decoder(shortened.streams[name], layouts[name]))
        for name, look in heard.items()
    }
    last: dict[str, dict[str, dict[str, Any]]] = {}
    for line in replay(shortened, inputs, flush=False).lines:
        if line["kind"] != "verdict" or line["severity"] not in _GRADES:
            continue
        if _is_of_now(config, line, heard):
            last.setdefault(line["monitor"], {})[repr(line["key"])] = line
    return {monitor: list(lines.values()) for monitor, lines in last.items()}


def _is_of_now(config: Config, line: Mapping[str, Any], heard: Mapping[str, Look]) -> bool:
    """Whether a verdict holds at the last answer: not of the moment behind it, and no match that was there only before."""
    origin = config.origin_of(line["monitor"])
    now = iso(heard[origin].at)
    one_moment = config.streams[origin].time is None and _by_records(config.monitors[line["monitor"]])
    return bool(line["at"] == now if one_moment else line["at"] <= now)


def _by_records(monitor: MonitorConfig) -> bool:
    return monitor.detect is not None and monitor.detect.type in _SPEAK_AT_MATCHES


def _unspoken(monitor: MonitorConfig) -> tuple[Grade, str]:
    """What it means that a monitor said nothing in a look."""
    if isinstance(monitor.detect, Lag):
        return "ok", "no consumer group"
    if _by_records(monitor):
        return "ok", "none seen"
    return "learning", "this shows over time only; `streamgauge run` watches it"


def _of_monitor(
    name: str, monitor: MonitorConfig, look: Look, lines: Sequence[Mapping[str, Any]]
) -> Iterator[Standing]:
    stream = monitor.stream
    if not lines:
        state, why = _unspoken(monitor)
        yield Standing(name, stream, None, state, why, "")
    for line in lines:
        state, why = _GRADES[line["severity"]], _words(line)
        short = too_short(monitor.detect, look.answers, line) if isinstance(monitor.detect, Lag) else None
        if short is not None:
            seen = ", ".join(f"{part} {line['observed'][part]}" for part in ("lag", "members"))
            state, why = "learning", f"{seen}: {short}"
        yield Standing(name, stream, line["key"], state, why, _advice(monitor, state, line))


def _words(line: Mapping[str, Any]) -> str:
    seen = ", ".join(
        f"{name} {value}" for name, value in line["observed"].items() if value is not None and name != "kind"
    )
    return f"{seen}; expected {line['expected']}" if line["expected"] else seen


def _advice(monitor: MonitorConfig, state: Grade, line: Mapping[str, Any]) -> str:
    if state not in ("warning", "critical"):
        return ""
    said = monitor.description or ""
    if isinstance(monitor.detect, Lag):
        said = what_to_do(said, line["observed"])
    return " ".join(part for part in (said, monitor.runbook) if part)
