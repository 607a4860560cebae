"""What a reader of the analysis app waits for over a million windows: ``python -m benchmarks.app [--rounds N]``.

One JSON object per step: medians of the clock, and of the processors' time in the server and in the app while one
waited. A real server, the real app and a real Chromium, all on this machine; ``page`` is a new session in a browser that
has the app's scripts, ``interaction`` a click within one. Exit code 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as NotSeenError
from tests.dashboard import large
from tests.dashboard.browsing import CHART
from tests.dashboard.given import configured, served
from tests.services.chromium import Chromium

from streamgauge.dashboard.process import App
from streamgauge.dashboard.reach import Reach

GOALS = {"page": 2.0, "interaction": 1.0}
"""Seconds."""
KERNELS = Path(__file__).parent.parent / ".cache" / "numba"
APP = "[data-testid=stApp][data-test-script-state={}]"
PAGES = {
    "anomalies, all keys": "anomalies?monitor=day",
    "anomalies, one key": "anomalies?monitor=day&key=a-3",
    "explore, all keys": "explore?monitor=day",
    "forecast, one key": "forecast?monitor=day&key=a-3",
}


def main() -> int:
    """Measure, print, and say whether the goals are met."""
    rounds = argparse.ArgumentParser(prog="python -m benchmarks.app")
    rounds.add_argument("--rounds", type=int, default=5)
    count = rounds.parse_args().rounds
    missed = 0
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder)) as (page, app, pids):
        print(json.dumps({"case": "app", "kind": "idle", **_idle(pids)}), flush=True)
        for kind, name, act in chain(_pages(page, app), _interactions(page, app)):
            row = {"case": "app", "kind": kind, "name": name, **_measured(page, pids, act, count)}
            missed += row["seconds"] >= GOALS[kind]
            print(json.dumps({**row, "goal": GOALS[kind]}), flush=True)
    return 1 if missed else 0


@contextmanager
def _running(folder: Path) -> Iterator[tuple[Page, App, dict[str, int]]]:
    """A server over the store, the app over it, a page of a browser that has seen it, and the processes."""
    config = configured(folder)
    config["streams"].pop("payments")
    config["monitors"] = {"day": config["monitors"]["day"]}
    large.fill(config["store"]["url"], "day")
    before = _children()
    with served(folder, config, ready=None, STREAMGAUGE_JIT="on", NUMBA_CACHE_DIR=str(KERNELS)) as url:
        server = (_children() - before).pop()
        app = App(Reach(url, url), port=0, quiet=True)
        app.start()
        pids = {"server": server, "app": (_children() - before - {server}).pop()}
        app.wait_ready()
        browser = Chromium().start()
        page = browser.context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(180_000)
        for place in PAGES.values():  # what is loaded and compiled once
            page.goto(f"{app.url}/{place}")
            _settled(page)
        yield page, app, pids
        browser.close()
        app.stop()


def _pages(page: Page, app: App) -> list[tuple[str, str, Callable[[int], None]]]:
    def go(place: str) -> Callable[[int], None]:
        def act(_: int) -> None:
            page.goto(f"{app.url}/{place}")

        return act

    return [("page", name, go(place)) for name, place in PAGES.items()]


def _interactions(page: Page, app: App) -> Iterator[tuple[str, str, Callable[[int], None]]]:
    """Each on a page that is there already."""
    page.goto(f"{app.url}/{PAGES['anomalies, one key']}")
    _settled(page)
    yield "interaction", "another value", lambda n: _pick(page, "Value", ("spent", "events")[n % 2])
    yield "interaction", "another key", lambda n: _pick(page, "Key", f"a-{n % 9 + 1}")
    page.goto(f"{app.url}/{PAGES['explore, all keys']}")
    _settled(page)
    yield "interaction", "a filter", lambda n: _fill(page, "At least", str(110 + n))


def _pick(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=option, exact=True).first.click()


def _fill(page: Page, label: str, text: str) -> None:
    page.get_by_label(label).fill(text)
    page.keyboard.press("Enter")


def _measured(page: Page, pids: dict[str, int], act: Callable[[int], None], rounds: int) -> dict[str, Any]:
    found: dict[str, list[float]] = {"seconds": [], **{f"{name}_cpu_seconds": [] for name in pids}}
    for number in range(rounds):
        used = {name: _cpu(pid) for name, pid in pids.items()}
        began = time.perf_counter()
        act(number)
        _settled(page)
        found["seconds"].append(time.perf_counter() - began)
        for name, pid in pids.items():
            found[f"{name}_cpu_seconds"].append(_cpu(pid) - used[name])
    return {name: round(statistics.median(values), 3) for name, values in found.items()}


def _idle(pids: dict[str, int], seconds: float = 3.0) -> dict[str, float]:
    """What both use while nobody asks anything, in each second: to be taken off what was used while one waited."""
    used = {name: _cpu(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    return {
        f"{name}_cpu_per_second": round((_cpu(pid) - used[name]) / seconds, 3) for name, pid in pids.items()
    }


def _settled(page: Page) -> None:
    """The script has run, and the charts are drawn."""
    with suppress(NotSeenError):  # it was over before we looked
        page.wait_for_selector(APP.format("running"), timeout=1_000)
    page.wait_for_selector(APP.format("notRunning"))
    page.wait_for_selector(CHART)


def _children() -> set[int]:
    """Processes that this one has started, or that were forked for it, and that have none of their own."""
    found = psutil.Process().children(recursive=True)
    parents = {process.ppid() for process in found}
    return {process.pid for process in found if process.pid not in parents}


def _cpu(pid: int) -> float:
    """Seconds of all processors that it has used, by the kernel's count."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
