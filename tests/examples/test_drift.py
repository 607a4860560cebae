"""The drift example ends in the two incidents that it promises, through the main path."""

import json
import shutil

import pytest

from tests.cli.running import streamgauge
from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A reference of a calm day, and a day with faults."""
    tmp_path = tmp_path_factory.mktemp("drift")
    shutil.copy(ROOT / "examples/drift/streamgauge.yaml", tmp_path)
    for arguments in (
        ("generate", "payments", "--seed", "1", "--quiet", "--records", "40000", "--out", tmp_path / "calm.ndjson"),
        ("reference", "build", "--from", tmp_path / "calm.ndjson", "--features", "amount,country,status",
         "--out", tmp_path / "payments.reference"),
        ("generate", "payments", "--seed", "2", "--records", "90000", "--out", tmp_path / "payments.ndjson"),
    ):  # fmt: skip
        done = streamgauge(*arguments)
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_both_drifts_are_told_once_and_end(day):
    stream = f"payments={day / 'payments.ndjson'}"
    done = streamgauge(
        "replay", day / "streamgauge.yaml", "--stream", stream, "--json", "--fail-on", "incident"
    )
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    told = [line for line in lines if line["kind"] == "incident"]
    began = {line["monitor"]: line for line in told if line["n"] == 1}
    assert set(began) == {"who-pays", "how-it-ends"}
    assert began["who-pays"]["observed"]["feature"] == "country"
    assert began["how-it-ends"]["evidence"]["moved"].startswith("status: refused 0.0")
    assert {line["monitor"] for line in told if line["status"] == "resolved"} == set(began)
    assert len({line["id"] for line in told}) == 2


def test_a_calm_day_is_quiet(day):
    stream = f"payments={day / 'calm.ndjson'}"
    done = streamgauge(
        "replay", day / "streamgauge.yaml", "--stream", stream, "--json", "--fail-on", "incident"
    )
    assert done.returncode == 0, done.stdout[-500:]
