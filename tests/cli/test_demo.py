"""``streamgauge demo`` as people start it. The whole of it lasts 48 s; the others run meanwhile."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import yaml
from rich.cells import cell_len

from streamgauge.testing import eventually
from tests.cli.running import streamgauge
from tests.demo.running import Demo, Terminal, demo, demo_with

FAULTS = ["burst", "malformed", "quiet", "refusals", "late"]
SHIPPED = files("streamgauge.demo").joinpath("streamgauge.yaml").read_text("utf-8")
AnyDemo = TypeVar("AnyDemo", Demo, Terminal)
QUIETLY = {"STREAMGAUGE_JIT": "off"}


@pytest.fixture(scope="module")
def running() -> Iterator[Callable[[AnyDemo], AnyDemo]]:
    """Ends what is handed to it, whatever happens."""
    with ExitStack() as stack:

        def ended(running: AnyDemo) -> AnyDemo:
            stack.callback(running.close)
            return running

        yield ended


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module", autouse=True)
def whole(running: Callable[[Demo], Demo], kept: Path) -> Demo:
    """The whole demo, from the first test of this file on."""
    return running(demo("--json", "--port", "0", "--keep", kept))


def without(monitor: str) -> str:
    shipped = yaml.safe_load(re.sub(r"@(\w+)", r"'@\1'", SHIPPED.replace('"@url"', "@url")))
    del shipped["monitors"][monitor]
    return re.sub(r"'@(\w+)'", r"@\1", yaml.safe_dump(shipped))


@pytest.fixture(scope="module", autouse=True)
def unwatched(running: Callable[[Demo], Demo], tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A demo without the rule for bursts, as long as a burst lasts."""
    rules = tmp_path_factory.mktemp("unwatched") / "rules.yaml"
    rules.write_text(without("burst"), "utf-8")
    return running(demo_with(rules, seconds=13.2))


def test_metrics_and_api_are_up_meanwhile(whole: Demo):
    whole.says("payments begin")

    def records() -> float:
        text = httpx.get(f"{whole.server}/metrics").text
        found = re.search(r'^streamgauge_records_total\{stream="payments"\} (\S+)', text, flags=re.MULTILINE)
        return float(found[1]) if found else 0.0

    eventually(lambda: records() > 0, "counted records")
    assert httpx.get(f"{whole.server}/readyz").status_code == 200
    monitors = httpx.get(f"{whole.server}/api/v1/monitors").json()["monitors"]
    assert {monitor["name"] for monitor in monitors} == {
        "burst",
        "unreadable",
        "went-quiet",
        "refusals",
        "late",
    }
    whole.says("CRITICAL")
    incidents = httpx.get(f"{whole.server}/api/v1/incidents").json()["incidents"]
    assert [incident["monitor"] for incident in incidents] == ["burst"]


def test_a_fault_that_no_rule_finds_is_missed(unwatched: Demo):
    assert unwatched.end() == 1, unwatched.told()
    burst, malformed, summary = unwatched.lines
    assert (burst["what"], burst["outcome"], burst["monitor"]) == ("burst", "missed", None)
    assert (burst["told_at"], burst["delay_seconds"]) == (None, None)
    assert malformed["outcome"] == "found"
    assert (summary["found"], summary["missed"], summary["invented"]) == (1, 1, 0)


def test_what_nobody_planted_is_invented(running, tmp_path: Path):
    always = """
  always:
    stream: payments
    window: {type: tumbling, size: 20000d}
    detect: {type: threshold, when: count >= 1}
    notify: webhook

channels:"""
    rules = tmp_path / "rules.yaml"
    rules.write_text(SHIPPED.replace("\nchannels:", always), "utf-8")
    played = running(demo_with(rules, seconds=2))
    assert played.end() == 1, played.told()
    invented, summary = played.lines
    assert (invented["kind"], invented["outcome"], invented["monitor"]) == ("incident", "invented", "always")
    assert (invented["what"], invented["planted_at"]) == (None, None)
    assert (summary["found"], summary["missed"], summary["invented"]) == (0, 0, 1)
    assert "NOT PLANTED" in played.err


def test_an_interrupted_demo_tells_what_it_found_and_leaves_nothing(running, tmp_path: Path):
    played = running(demo("--plain", "--port", "0", TMPDIR=str(tmp_path), **QUIETLY))
    played.says("CRITICAL")
    assert len(list(tmp_path.iterdir())) == 1
    played.interrupt()
    assert played.end() == 130, played.told()
    assert "interrupted" in played.out
    assert re.search(r"✓ +burst +a-\d+ .* burst .* \d\.\d\d s", played.out), played.told()
    assert "1 of 1 found, none invented" in played.out
    assert not list(tmp_path.iterdir())
    assert not played.err


def test_with_port_8000_taken_another_serves_and_what_the_end_cuts_off_is_not_missed(running):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # then it is taken by another, which serves as well
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        played = running(demo("--rate", "1000", "--records", "4500", "--json", **QUIETLY))
        assert re.fullmatch(r"http://127.0.0.1:(?!8000$)\d+", played.server)
    assert played.end() == 0, played.told()
    burst, summary = played.lines
    assert (burst["what"], burst["outcome"], burst["told_at"]) == ("burst", "cut off", None)
    assert (summary["records"], summary["cut_off"]) == (4_500, 1)


def test_a_port_that_was_asked_for_and_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = streamgauge("demo", "--port", str(port))
    assert done.returncode == 3
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_rate_at_which_the_faults_would_drown_the_rest():
    done = streamgauge("demo", "--rate", "50")
    assert done.returncode == 2
    assert "--rate" in done.stderr
    assert "100" in done.stderr


def frames(printed: str) -> list[list[str]]:
    """What stood on the terminal each time the live view was drawn, without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m|\x1b\[\?\d+[lh]", "", printed.partition("planted against")[0])
    drawn = re.split(r"\r(?:\x1b\[2K)?(?:\x1b\[1A\x1b\[2K)+", plain)
    return [frame.splitlines() for frame in drawn if frame.strip()]


def test_the_live_view_keeps_its_height_and_fits_80_columns(running):
    terminal = running(Terminal("--rate", "1000", "--records", "8000", "--port", "0", **QUIETLY))
    assert terminal.end() == 0, terminal.shown
    drawn = frames(terminal.shown)
    assert len(drawn) > 20
    assert {len(frame) for frame in drawn} == {22}
    assert max(cell_len(line) for frame in drawn for line in frame) <= 78, (
        "a terminal adds ^C to the last line"
    )
    first, last = "\n".join(drawn[0]), "\n".join(drawn[-1])
    assert "Five rules" in first or " s of 8 s" in first, "told what comes, unless all was ready at once"
    assert re.search(r"✓ burst +a-\d+ +at 4\.\d s +burst +\d\.\d\d s +\d\.\d\d s +(firing|resolved)", last), (
        last
    )
    assert "CRITICAL  burst of a-" in last
    assert "\x1b[?25h" in terminal.shown, "the cursor is shown again"
    assert "1 of 1 found, none invented" in terminal.shown


def test_all_faults_are_found_and_none_is_invented(whole: Demo):
    assert whole.end() == 0, whole.told()
    *rows, summary = whole.lines
    assert [(row["kind"], row["what"], row["outcome"]) for row in rows] == [
        ("fault", f, "found") for f in FAULTS
    ]
    assert summary["found"] == 5
    assert (summary["missed"], summary["invented"], summary["told_twice"], summary["cut_off"]) == (0, 0, 0, 0)
    assert summary["records"] == 96_000
    assert (summary["dead_letters"], summary["late"] >= 60) == (40, True)
    for row in rows:
        assert row["planted_at"] <= row["held_at"] < row["told_at"], row
        assert row["resolved_at"] > row["held_at"], row
        assert row["delay_seconds"] > 0, row
    assert not [line for line in whole.err.splitlines() if line.startswith("{")], (
        "nothing was logged as a warning"
    )


def test_what_is_kept_goes_on(whole: Demo, kept: Path, tmp_path: Path):
    assert whole.end() == 0
    assert {path.name for path in kept.iterdir()} >= {"streamgauge.yaml", "demo.db", "log.ndjson"}
    assert streamgauge("check", kept / "streamgauge.yaml").returncode == 0
    day = tmp_path / "day.ndjson"
    assert streamgauge("generate", "payments", "--records", "30000", "--out", day).returncode == 0
    replayed = streamgauge("replay", kept / "streamgauge.yaml", "--stream", f"payments={day}")
    assert replayed.returncode == 0, replayed.stderr
    assert "burst of a-" in replayed.stdout
    again = streamgauge("demo", "--keep", kept)
    assert again.returncode == 2
    assert "holds streamgauge.yaml already" in again.stderr


def test_each_rule_says_which_fault_it_finds():
    described: Any = yaml.safe_load(re.sub(r"@\w+", "1", SHIPPED))["monitors"]
    from streamgauge.sources import synthetic

    config = synthetic.Config(scenario="payments", records=96_000, rate=2_000)
    hints = {fault.monitor_hint for fault in synthetic.planted(config)}
    assert hints == {rule["description"] for rule in described.values()}


def test_the_pages_stay_until_they_are_left(running: Callable[[Demo], Demo]):
    short = running(
        demo("--stay", "--records", "6000", "--rate", "3000", "--port", "0", "--plain", **QUIETLY)
    )
    short.says("look around at http")
    page = httpx.get(f"{short.server}/").text
    assert "payments" in page
    assert "Something keeps it from its work" not in page
    assert httpx.get(f"{short.server}/healthz").status_code == 200
    short.interrupt()
    assert short.end() == 0, short.told()
