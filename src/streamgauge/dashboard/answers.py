"""The answers of the API, as records with types. Moments are texts (ISO 8601, UTC) until they are drawn."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

Key = str | int | float | bool | list[Any] | None
Numbers = list[float | None]


class Monitor(Struct):
    """One monitor, as it stands."""

    name: str
    stream: str
    state: str
    description: str = ""
    paused: str | None = None
    keys: int = 0
    open_incidents: int = 0
    last_window_end: str | None = None


class Monitors(Struct):
    """All of them."""

    monitors: list[Monitor]


class Rule(Struct):
    """A monitor as the file declares it; ``draft`` is its YAML."""

    name: str
    stream: str
    draft: str
    detector: str | None = None
    family: str | None = None
    windowed: bool = True


class Inlet(Struct):
    """A stream as the file declares it."""

    name: str
    source: str
    synthetic: bool = False


class Offered(Struct):
    """What can be looked at and tried."""

    monitors: list[Rule]
    streams: list[Inlet]
    public_url: str | None = None


class Stream(Struct):
    """One stream, as it stands."""

    name: str
    records: int = 0
    records_per_second: float = 0.0
    watermark: str | None = None
    lost: str | None = None


class Streams(Struct):
    """All of them."""

    streams: list[Stream]


class Status(Struct):
    """The engine as a whole."""

    version: str
    at: str
    ready: bool = True
    starting: str | None = None
    incidents_open: int = 0


class Incident(Struct):
    """One incident, as far as the app shows it; one that a replay told has no ``id``."""

    monitor: str
    title: str
    opened_at: str
    key: Key = None
    id: str | None = None
    state: str = ""
    severity: str = ""
    resolved_at: str | None = None
    window_start: str | None = None
    window_end: str | None = None
    last_window_end: str | None = None


class Incidents(Struct):
    """A page of them."""

    incidents: list[Incident]


class KeyOf(Struct):
    """A key that has windows."""

    text: str
    label: str
    windows: int = 0


class Spread(Struct):
    """A number of the windows in each bucket."""

    mean: Numbers
    min: Numbers
    max: Numbers


class Course(Struct):
    """Columns of one length, oldest first."""

    start: list[str | None] = field(default_factory=list)
    at: list[str] = field(default_factory=list)
    windows: list[int] = field(default_factory=list)
    severity: list[str] = field(default_factory=list)
    score: Numbers = field(default_factory=list)
    expected: Numbers = field(default_factory=list)
    lower: Numbers = field(default_factory=list)
    upper: Numbers = field(default_factory=list)
    values: dict[str, Spread] = field(default_factory=dict)


class History(Struct):
    """Windows of a monitor over time."""

    monitor: str
    stream: str
    windows: int = 0
    key: Key = None
    keys: list[KeyOf] = field(default_factory=list)
    start: str | None = None
    end: str | None = None
    bucket_seconds: float | None = None
    expected: str | None = None
    limit: float | None = None
    drawn: str | None = None
    series: Course = field(default_factory=Course)
    incidents: list[Incident] = field(default_factory=list)


class Bin(Struct):
    """A bin of a feature: shares of rows."""

    bin: str
    reference: float
    current: float
    low: float | None = None
    high: float | None = None


class Feature(Struct):
    """A feature compared with its reference."""

    feature: str
    value: float | None
    floor: float | None
    state: str
    severity: str
    kind: str = "number"
    masked: bool = False
    missing: dict[str, float] = field(default_factory=dict)
    bins: list[Bin] = field(default_factory=list)
    moments: dict[str, dict[str, float | None]] | None = None
    moved: list[dict[str, Any]] = field(default_factory=list)


class Window(Struct):
    """When, and of how many rows."""

    start: str | None
    end: str
    rows: int


class DriftCourse(Struct):
    """The worst feature of each window, oldest first."""

    at: list[str] = field(default_factory=list)
    value: Numbers = field(default_factory=list)
    severity: list[str] = field(default_factory=list)
    feature: list[str | None] = field(default_factory=list)
    floor: Numbers = field(default_factory=list)


class FeatureCourse(Struct):
    """Every feature of the newest windows, oldest first."""

    at: list[str] = field(default_factory=list)
    values: dict[str, Numbers] = field(default_factory=dict)
    states: dict[str, list[str]] = field(default_factory=dict)


class Drift(Struct):
    """A window against its reference, or one table against another."""

    method: str
    severity: str | None
    features: list[Feature]
    monitor: str = ""
    stream: str = ""
    key: Key = None
    warning: float | None = None
    critical: float | None = None
    min: int = 0
    window: Window | None = None
    drifted: float | None = None
    series: DriftCourse = field(default_factory=DriftCourse)
    keys: list[KeyOf] = field(default_factory=list)


class Compared(Struct):
    """A draft's incidents beside those that were told."""

    same: int = 0
    only_draft: int = 0
    only_running: int = 0


class Replayed(Struct):
    """What a draft would have told."""

    monitors: list[str]
    stream: str
    records: int = 0
    windows: int = 0
    start: str | None = None
    end: str | None = None
    truncated: str | None = None
    seconds: float = 0.0
    incidents: list[Incident] = field(default_factory=list)
    incidents_total: int = 0
    fired: list[Incident] = field(default_factory=list)
    compared: Compared = field(default_factory=Compared)
    windows_lines: list[dict[str, Any]] = field(default_factory=list)


class Ahead(Struct):
    """What is expected next."""

    at: list[str]
    expected: Numbers
    lower: Numbers
    upper: Numbers


class Forecast(Struct):
    """A series, what was expected of it where something was, and how it goes on."""

    monitor: str
    stream: str
    value: str | None = None
    values: list[str] = field(default_factory=list)
    key: Key = None
    keys: list[KeyOf] = field(default_factory=list)
    known: int = 0
    least: int = 20
    step_seconds: float | None = None
    past: Course = field(default_factory=Course)
    back: Ahead | None = None
    ahead: Ahead | None = None
    model: str | None = None
    errors: dict[str, float] = field(default_factory=dict)
    cuts: int = 0
    interval: float = 0.9
    coverage: dict[str, float | int | None] | None = None
    incidents: list[Incident] = field(default_factory=list)


class Quality(Struct):
    """How good a model was.

    Columns of ``series`` are of one length; one row per window, as it was told last. ``revisions``: every telling of the
    newest windows. ``estimated``: of the monitors that estimate without labels, on the same stream.
    """

    monitor: str
    stream: str
    type: str
    key: Key = None
    keys: list[KeyOf] = field(default_factory=list)
    measures: list[str] = field(default_factory=list)
    series: dict[str, list[Any]] = field(default_factory=dict)
    revisions: dict[str, list[Any]] = field(default_factory=dict)
    estimated: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)


class Synthetic(Struct):
    """What was made up and sent."""

    stream: str
    sent: int
    drift: bool
    to: str
