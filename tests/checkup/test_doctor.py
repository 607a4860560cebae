"""The verb: a line for each check, two for a fault, JSON for tools, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.checkup.examined import configured, payments
from tests.cli.in_process import Verb
from tests.services.process import free_ports


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb("doctor", capsys)


def written(folder: Path, **changes: object) -> Path:
    (folder / "payments.ndjson").write_bytes(b"\n".join(payments()))
    source = {"type": "files", "path": str(folder / "payments.ndjson")}
    file = folder / "payments.yaml"
    file.write_text(yaml.safe_dump(configured(folder, source, **changes)))
    return file


def test_nothing_is_wrong(doctor: Verb, tmp_path: Path):
    ended = doctor(written(tmp_path))
    assert (ended.code, ended.lines[-1]) == (0, "5 checks, no faults")
    assert all(line.startswith("ok ") for line in ended.lines[:-1])


def test_a_fault_has_two_lines(doctor: Verb, tmp_path: Path):
    ended = doctor(written(tmp_path, lateness="10s"))
    assert (ended.code, ended.lines[-1]) == (1, "5 checks, 1 fault")
    assert ended.lines[0].startswith("warning settings, monitors.burst: windows of 5s wait")
    assert ended.lines[1].startswith("        → write a shorter lateness")


def test_json_has_one_object_per_finding(doctor: Verb, tmp_path: Path):
    found = doctor(written(tmp_path), "--json").objects
    assert [set(one) for one in found] == [{"check", "about", "grade", "found", "advice"}] * 5


def test_a_configuration_with_mistakes_ends_with_2(doctor: Verb, tmp_path: Path):
    ended = doctor(written(tmp_path, lateness="10"))
    assert (ended.code, "$.streams.payments.lateness" in ended.err) == (2, True)


def test_what_is_away_ends_with_3(doctor: Verb, tmp_path: Path):
    sink = {"type": "kafka", "brokers": f"127.0.0.1:{free_ports(1)[0]}", "topic": "rows"}
    assert doctor(written(tmp_path, write=sink)).code == 3
