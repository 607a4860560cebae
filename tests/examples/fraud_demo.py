"""``make demo-fraud``: the fraud story on a real Kafka and a real Prometheus, told while it goes, with a page at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlencode

from examples.fraud.story.chart import Line, Mark
from examples.fraud.story.page import Moment, Panel, Told, Value, page
from examples.fraud.story.transactions import BEGIN, CHANGE

from streamgauge.dashboard import theme
from streamgauge.testing import eventually
from tests.docs.pages import ROOT
from tests.examples import fraud_reckoning as reckoned
from tests.examples.fraud_stage import PATIENCE, Stage, staged
from tests.monitoring import asked, proving
from tests.services.chromium import Chromium
from tests.services.chromium.browser import found
from tests.services.kafka import Broker
from tests.services.missing import CannotBeHadError
from tests.services.prometheus import Prometheus

DAY, WINDOW = timedelta(days=1), timedelta(hours=6)
HOURS = 5 * 24 + 5
"""Up to when four days have all their labels; an hour before a window's end, so that none closes by waiting."""
OUT = ROOT / ".cache" / "demo-fraud"

Say = Callable[[str], None]


@dataclass
class Course:
    """How it goes.

    Attributes:
        clock: moments of the story beside Prometheus' own (seconds since 1970).
        moments: what the page tells.
        told: incidents of which was said that they are there.
    """

    stage: Stage
    prometheus: Prometheus
    say: Say
    clock: list[tuple[float, datetime]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def tell(self, at: datetime, what: str, kind: str = "") -> None:
        """One more line."""
        self.moments.append(Moment(when(at), what, kind))
        self.say(f"  {when(at):<14} {what}")

    def look(self) -> None:
        """Tell incidents that have come; those of single payments are too many."""
        for monitor in ("moved", "quality"):
            for one in self.stage.told(monitor):
                if one["id"] not in self.told:
                    self.told.add(one["id"])
                    self.tell(
                        datetime.fromisoformat(one["opened_at"]), f"{one['severity']}: {one['title']}", "told"
                    )

    def reevaluate(self, now: datetime) -> None:
        """Measure the day whose labels are complete, as the nightly job does."""
        day = now.replace(hour=0) - 2 * DAY
        self.stage.wait_for(lambda: self.stage.labelled(day), f"the labels of {when(day)}")
        self.look()
        span = ["--from", day.isoformat(), "--until", (day + DAY).isoformat()]
        words = ["evaluate", "quality", "--config", "story.yaml", *span, "--post", self.stage.url]
        done = subprocess.run(
            [sys.executable, "-m", "streamgauge", *words], cwd=self.stage.folder, text=True, check=False,
            env={**os.environ, "BROKERS": self.stage.broker.bootstrap}, capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        gauges = self.stage.exposed()
        values = ", ".join(
            f"{name} {gauges[f'fraud_model_{name}', '']:.3f}" for name in ("precision", "recall", "accuracy")
        )
        self.tell(
            now, f"labels of day {(day - BEGIN).days + 1} are complete, evaluate sets the gauges: {values}"
        )


def when(at: datetime) -> str:
    return f"day {(at - BEGIN).days + 1}, {at:%H:%M}"


def play(stage: Stage, prometheus: Prometheus, pace: float, say: Say) -> Course:
    """From the first hour to the last; ``pace``: seconds of an hour."""
    course, pause = Course(stage, prometheus, say), Event()
    trained = stage.trained
    course.tell(
        BEGIN,
        f"the model goes live; on held-out days precision was {trained.precision}, recall {trained.recall}",
    )
    for now in stage.story.play(HOURS, stage.broker.new_producer(), stage.web):
        course.clock.append((time.time(), now))
        if now == CHANGE:
            course.tell(
                now,
                "planted: a marketplace opens far away, and a fraud that looks like its customers",
                "planted",
            )
        if now.hour == 1 and now > BEGIN + 2 * DAY:
            course.reevaluate(now)
        if now.hour % 6 == 1:
            course.look()
        pause.wait(pace)
    totals = reckoned.transactions_total(stage.folder, [payment for payment, _ in stage.story.scored])
    stage.wait_for(
        lambda: stage.exposed()["fraud_transactions_total", "normal"] == totals["normal"], "all payments"
    )
    course.look()
    course.clock.append((time.time(), course.clock[-1][1]))
    return course


def values(stage: Stage) -> list[Value]:
    """Every `fraud_*` value, and what it must be."""
    payments = [payment for payment, _ in stage.story.scored]
    of = reckoned.of_window
    day, window = of(payments, BEGIN + 3 * DAY, DAY), of(payments, BEGIN + 5 * DAY - WINDOW, WINDOW)
    wanted: dict[tuple[str, str], float] = {
        ("fraud_transactions_total", name): value
        for name, value in reckoned.transactions_total(stage.folder, payments).items()
    }
    wanted |= {
        ("fraud_model_feature_drift", name): value
        for name, value in reckoned.drift(stage.training, window).items()
    }
    wanted |= {
        (f"fraud_model_{name}", ""): value for name, value in reckoned.quality(stage.folder, day).items()
    }
    exposed = stage.exposed()
    assert exposed.keys() == wanted.keys()
    return [Value(_named(*key), exposed[key], wanted[key]) for key in sorted(wanted)]


def _named(name: str, label: str) -> str:
    kind = {"fraud_transactions_total": "result", "fraud_model_feature_drift": "feature"}.get(name)
    return name if kind is None else f'{name}{{{kind}="{label}"}}'


def panels(course: Course) -> list[Panel]:
    """The dashboard's, as Prometheus answers; every query gives series, before long."""
    board = asked.panels(asked.boards()["fraud"])
    answers: dict[str, dict[str, Line]] = {}

    def answered() -> bool:
        for panel in board:
            for target in panel["targets"]:
                answers.setdefault(panel["title"] + panel["type"], {}).update(_series(course, target))
        return all(answers[panel["title"] + panel["type"]] for panel in board)

    eventually(answered, "every panel of the dashboard", within=PATIENCE)
    return [
        Panel(
            panel["title"],
            [target["expr"] for target in panel["targets"]],
            answers[panel["title"] + panel["type"]],
            0.25 if panel["title"].startswith("Drift") else None,
            newest=panel["type"] == "stat",
        )
        for panel in board
    ]


def _series(course: Course, target: Mapping[str, Any]) -> Iterator[tuple[str, Line]]:
    """Over the days of the story, by what the legend calls them."""
    first, last = course.clock[0][0], max(course.clock[-1][0], time.time())
    query = {"query": asked.outside(target["expr"]), "start": first, "end": last, "step": 1}
    for one in course.prometheus.get(f"query_range?{urlencode(query)}")["result"]:
        name = target.get("legendFormat") or "value"
        for label, value in one["metric"].items():
            name = name.replace(f"{{{{{label}}}}}", value)
        points = [(_day(course.clock, float(at)), float(value)) for at, value in one["values"]]
        yield name, [point for point in points if point[1] == point[1]]


def _day(clock: Sequence[tuple[float, datetime]], at: float) -> float:
    """The day of the story at a moment of the wall clock."""
    for (before, moment), (after, following) in pairwise(clock):
        if at <= after:
            share = max(0.0, (at - before) / max(after - before, 1e-9))
            return (moment - BEGIN) / DAY + share * ((following - moment) / DAY)
    return (clock[-1][1] - BEGIN) / DAY


def picture(course: Course) -> Told:
    """What the page shows."""
    (moved,), quality = course.stage.told("moved"), course.stage.told("quality")[-1]
    opened = [(datetime.fromisoformat(one["opened_at"]) - BEGIN) / DAY for one in (moved, quality)]
    marks = [Mark((CHANGE - BEGIN) / DAY, "planted"), *(Mark(day, "told") for day in opened)]
    shown = course.stage.get(f"drift/moved?at={moved['window_end']}")["features"]
    colours = theme.style(), {"light": theme.series("light"), "dark": theme.series("dark")}
    return Told(
        course.moments, moved, shown, panels(course), values(course.stage), marks, HOURS / 24, colours
    )  # fmt: skip


def whole(folder: Path, broker: Broker, *, pace: float, say: Say) -> tuple[Course, Told]:
    """All of it; the page lies in ``folder`` as ``index.html``."""
    say("the model is trained, Kafka, Streamgauge and Prometheus start …")
    with staged(folder, broker, days=10, per_hour=100, env={"STREAMGAUGE_JIT": "off"}) as stage:
        port = int(stage.url.rpartition(":")[2])
        with Prometheus(proving.scraping({"streamgauge": [port]}, "1s"), asked.RULES) as prometheus:
            course = play(stage, prometheus, pace, say)
            told = picture(course)
    (folder / "index.html").write_text(page(told), "utf-8")
    return course, told


def photograph(folder: Path) -> Path | None:
    """The page as an image; None where there is no Chromium."""
    browser, file = Chromium(), folder / "index.png"
    if not found():
        return None
    try:
        browser.start()
        tab = browser.context(viewport={"width": 1200, "height": 900}, color_scheme="light").new_page()
        tab.goto((folder / "index.html").as_uri())
        tab.screenshot(path=str(file), full_page=True)
    finally:
        browser.close()
    return file


def main() -> int:
    """Play it here; 3 where a server cannot be had."""
    say = partial(print, flush=True)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    try:
        with Broker() as broker:
            _, told = whole(OUT, broker, pace=0.5, say=say)
    except CannotBeHadError as missing:
        say(f"the story needs it: {missing}")
        return 3
    wrong = [one for one in told.values if abs(one.exposed - one.reckoned) > 1e-6]
    say(f"\n{len(told.values)} values of fraud_* metrics, {len(wrong)} of them other than the payments say")
    say(f"the pictures: {OUT.relative_to(ROOT)}/index.html")
    if (file := photograph(OUT)) is not None:
        say(f"              {file.relative_to(ROOT)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
