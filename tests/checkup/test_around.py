"""Planted faults around the reading: store, port, receivers, settings. No server is needed."""

from __future__ import annotations

import socket
import sqlite3
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.checkup import store
from streamgauge.checkup.contract import Grade
from streamgauge.clock import SystemClock
from streamgauge.server.thread import ServerThread
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit
from streamgauge.testing import WebhookReceiver
from tests.checkup.examined import BURST, configured, faults, findings, payments, the_fault
from tests.server.given import Process, configuration, fill, past
from tests.services.process import free_ports


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "payments.ndjson").write_bytes(b"\n".join(payments()))
    return {"type": "files", "path": str(tmp_path / "payments.ndjson")}


def test_healthy_files_are_praised(files: dict[str, str], tmp_path: Path):
    assert {one.grade for one in findings(configured(tmp_path, files))} == {Grade.FINE}


def test_files_that_are_followed_are_looked_at_too(files: dict[str, str], tmp_path: Path):
    found = findings(configured(tmp_path, {**files, "follow": True}))
    assert {one.grade for one in found} == {Grade.FINE}
    assert "records" in {one.check for one in found}


def test_a_file_that_is_missing(tmp_path: Path):
    fault = the_fault(configured(tmp_path, {"type": "files", "path": str(tmp_path / "none.ndjson")}))
    assert fault.check == "records"


def test_a_store_that_another_program_holds(files: dict[str, str], tmp_path: Path):
    config = configured(tmp_path, files)
    open_store(config["store"], owner=Owner.this_process(), clock=SystemClock()).close()
    holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    fault = the_fault(config)
    holder.close()
    assert (fault.check, fault.grade) == ("store", Grade.WRONG)
    assert "database is locked" in fault.found


def test_a_store_of_a_later_version(files: dict[str, str], tmp_path: Path):
    config = configured(tmp_path, files)
    open_store(config["store"], owner=Owner.this_process(), clock=SystemClock()).close()
    with sqlite3.connect(tmp_path / "store.db") as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    fault = the_fault(config)
    assert (fault.check, fault.grade) == ("store", Grade.WRONG)
    assert "tables '9999'" in fault.found + fault.advice


def test_a_store_in_a_folder_that_is_missing(files: dict[str, str], tmp_path: Path):
    fault = the_fault(configured(tmp_path, files, store=f"sqlite:///{tmp_path}/none/store.db"))
    assert (fault.check, fault.advice) == ("store", "create it, or name another place under `store:`")


def test_a_port_that_is_taken(files: dict[str, str], tmp_path: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_ports(1)[0]))
        other.listen()
        port = other.getsockname()[1]
        hanging_up = threading.Thread(target=_hang_up, args=(other,), daemon=True)
        hanging_up.start()
        fault = the_fault(configured(tmp_path, files, server={"port": port}))
    assert (fault.check, fault.grade) == ("server", Grade.WRONG)
    assert "no Streamgauge answers there" in fault.found


def test_a_streamgauge_that_runs_already_and_who_reads_its_metrics(files: dict[str, str], tmp_path: Path):
    running = configuration(tmp_path)
    fill(running, past())
    server = ServerThread(Process(running), "127.0.0.1", 0)
    port = server.start()
    try:
        first = findings(
            configured(tmp_path, files, server={"port": port}, store=f"sqlite:///{tmp_path}/own.db")
        )
        httpx.get(f"http://127.0.0.1:{port}/metrics")
        second = findings(
            configured(tmp_path, files, server={"port": port}, store=f"sqlite:///{tmp_path}/own.db")
        )
    finally:
        server.stop()
    told = [one for one in first if one.check in ("server", "metrics")]
    assert told[0].found == f"a running Streamgauge answers at 127.0.0.1:{port}"
    assert (told[1].grade, "nobody has read it" in told[1].found) == (Grade.UNKNOWN, True)
    (metrics,) = [one for one in second if one.check == "metrics"]
    assert metrics.found == f"http://127.0.0.1:{port}/metrics was read 2 times before this look"


def test_a_disk_that_is_full(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "_ROOM", 2**60)  # no disk has so much
    fault = the_fault(configured(tmp_path, files))
    assert (fault.check, fault.grade) == ("store", Grade.WRONG)
    assert "MiB left" in fault.found


def test_a_monitor_that_is_paused_in_the_store(files: dict[str, str], tmp_path: Path):
    config = configured(tmp_path, files)
    opened = open_store(config["store"], owner=Owner.this_process(), clock=SystemClock())
    opened.commit(Commit(paused={"burst": "by hand"}))
    opened.close()
    fault = the_fault(config)
    assert (fault.check, fault.grade, "burst" in fault.found) == ("store", Grade.WARNING, True)


def _hang_up(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.close()


def test_a_receiver_that_is_away(files: dict[str, str], tmp_path: Path):
    url = f"http://127.0.0.1:{free_ports(1)[0]}/hook?token=secret"
    told = {"burst": {**BURST, "notify": "ops"}}
    config = configured(tmp_path, files, monitors=told, channels={"ops": {"type": "webhook", "url": url}})
    fault = the_fault(config)
    assert (fault.check, fault.grade) == ("channel", Grade.MISSING)
    assert "connection refused" in fault.found
    assert "secret" not in repr(fault)


def test_a_receiver_that_is_there_is_not_posted_to(files: dict[str, str], tmp_path: Path):
    told = {"burst": {**BURST, "notify": "ops"}}
    with WebhookReceiver() as receiver:
        channels = {"ops": {"type": "webhook", "url": receiver.url}}
        found = findings(configured(tmp_path, files, monitors=told, channels=channels))
        assert {one.grade for one in found} == {Grade.FINE}
        assert not receiver.received


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    "settings",
    [
        {"type": "slack", "webhook": "{url}?token=secret"},
        {"type": "slack", "token": "xoxb-secret-1", "channel": "C0123456789", "api": "{url}"},
        {"type": "alertmanager", "url": "{url}"},
        {
            "type": "email",
            "host": "127.0.0.1",
            "port": "{port}",
            "tls": "none",
            "sender": "a@x.org",
            "to": "b@x.org",
        },
    ],
    ids=["slack-webhook", "slack-bot", "alertmanager", "email"],
)
def test_each_receiver_is_looked_for(
    files: dict[str, str], tmp_path: Path, settings: dict[str, str], there: bool
):
    with WebhookReceiver() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0]) if there else free_ports(1)[0]
        url = f"http://127.0.0.1:{port}/x"
        given = {name: value.format(url=url, port=port) for name, value in settings.items()}
        told = {"burst": {**BURST, "notify": "ops"}}
        found = findings(configured(tmp_path, files, monitors=told, channels={"ops": given}))
        (finding,) = [one for one in found if one.check == "channel"]
        assert finding.grade == (Grade.FINE if there else Grade.MISSING)
        assert "secret" not in repr(finding)
        assert not receiver.received


def test_a_receiver_whose_certificate_nobody_signed(files: dict[str, str], tmp_path: Path):
    """It speaks no TLS at all, which is a handshake that fails too."""
    told = {"burst": {**BURST, "notify": "ops"}}
    with WebhookReceiver() as receiver:
        channels = {"ops": {"type": "webhook", "url": receiver.url.replace("http:", "https:")}}
        fault = the_fault(configured(tmp_path, files, monitors=told, channels=channels))
    assert (fault.check, fault.grade) == ("channel", Grade.WRONG)
    assert "no secure connection" in fault.found


def test_a_registry_that_is_away_and_one_that_is_none(files: dict[str, str], tmp_path: Path):
    away = f"http://127.0.0.1:{free_ports(1)[0]}"
    avro = {"type": "avro", "registry": away}
    fault = next(
        one for one in faults(configured(tmp_path, files, format=avro)) if one.check == "schema registry"
    )
    assert (fault.grade, "does not answer" in fault.found) == (Grade.MISSING, True)
    with WebhookReceiver() as receiver:
        avro = {"type": "avro", "registry": receiver.url}
        fault = next(
            one for one in faults(configured(tmp_path, files, format=avro)) if one.check == "schema registry"
        )
    assert (fault.grade, "but not as a schema registry" in fault.found) == (Grade.WRONG, True)


def test_rows_that_cannot_leave(files: dict[str, str], tmp_path: Path):
    away = f"127.0.0.1:{free_ports(1)[0]}"
    writing = {"burst": {**BURST, "write": {"type": "kafka", "brokers": away, "topic": "bursts"}}}
    fault = the_fault(configured(tmp_path, files, monitors=writing))
    assert (fault.check, fault.about, fault.grade) == ("sink", "monitors.burst.write", Grade.MISSING)


def test_a_folder_for_rows_that_is_a_file(files: dict[str, str], tmp_path: Path):
    (tmp_path / "lake").write_text("")
    writing = {"burst": {**BURST, "write": {"type": "files", "path": str(tmp_path / "lake" / "rows")}}}
    fault = the_fault(configured(tmp_path, files, monitors=writing))
    assert (fault.about, fault.found) == (
        "monitors.burst.write",
        f"{tmp_path}/lake/rows cannot be written to: {tmp_path}/lake is a file",
    )


QUIET = {"quiet": {"stream": "payments", "detect": {"type": "silence", "after": "2s"}}}


@pytest.mark.parametrize(
    ("changes", "about", "words"),
    [
        ({"lateness": "10s"}, "monitors.burst", "longer than they last"),
        ({"limits": {"forget": "2s"}}, "monitors.burst", "within a window of 5s"),
        ({"monitors": QUIET}, "monitors.quiet", "a silence of 2s is shorter"),
        ({"source_timeout": "1s"}, "streams.payments", "`source_timeout: 1s` is not longer than"),
        ({"channels": {"ops": {"type": "console"}}}, "channels.ops", "no monitor notifies this channel"),
    ],
)
def test_settings_that_contradict(files, tmp_path, changes, about, words):
    found = [
        one for one in faults_or_warnings(configured(tmp_path, files, **changes)) if one.check == "settings"
    ]
    assert [one.about for one in found] == [about]
    assert words in found[0].found


def faults_or_warnings(config):
    return [one for one in findings(config) if one.grade is not Grade.FINE]


def test_a_deadline_below_what_producers_gather_and_two_streams_in_one_group(tmp_path: Path):
    away = f"127.0.0.1:{free_ports(1)[0]}"
    source = {"type": "kafka", "brokers": away, "topic": "payments", "group": "mine"}
    config = configured(tmp_path, source, deadline="10ms")
    config["streams"]["other"] = config["streams"]["payments"] | {"deadline": "1s"}
    config["monitors"]["other"] = {**BURST, "stream": "other"}
    config["channels"] = {"echo": {"type": "kafka", "brokers": away, "topic": "payments"}}
    config["monitors"]["burst"] = {**BURST, "notify": "echo"}
    said = [one.found for one in faults(config) if one.check == "settings"]
    assert "shorter than producers commonly gather" in said[0]
    assert said[1] == "streams payments and other read in one group, mine"
    assert all("notices go to topic payments" in one for one in said[2:])
    assert len(said) == 4


def test_one_rule_over_windows_that_overlap_tells_twice(files: dict[str, str], tmp_path: Path):
    longer = {**BURST, "window": {**BURST["window"], "size": "10s"}}  # type: ignore[dict-item]
    fault = the_fault(configured(tmp_path, files, monitors={"burst": BURST, "longer": longer}))
    assert (fault.check, fault.about, fault.grade) == ("settings", "monitors.longer", Grade.WARNING)
    assert "judges the same as burst" in fault.found


@pytest.mark.parametrize(
    "change",
    [
        {"where": "amount > 5"},
        {"detect": {"type": "threshold", "when": "count > 200"}},
        {"window": {"type": "tumbling", "size": "10s", "by": "amount"}},
        {"notify": "others"},
    ],
    ids=str,
)
def test_what_judges_or_tells_otherwise_is_no_repetition(files: dict[str, str], tmp_path: Path, change):
    monitors = {"burst": BURST, "other": {**BURST, **change}}
    channels = {"others": {"type": "csv", "path": str(tmp_path / "others.csv")}}
    found = findings(configured(tmp_path, files, monitors=monitors, channels=channels))
    assert not [one for one in found if "judges the same" in one.found]


def test_a_server_that_a_stream_asks_is_away(tmp_path: Path):
    (port,) = free_ports(1)
    fault = the_fault(_asks(tmp_path, f"http://127.0.0.1:{port}"))
    assert (fault.check, fault.about, fault.grade) == ("polled", "streams.connectors", Grade.MISSING)
    assert "connection refused" in fault.found
    assert "NetworkPolicies" not in fault.advice


def test_a_server_behind_a_closed_network_does_not_answer(tmp_path: Path):
    """Its queue is full, so connections are dropped without a word, as a policy does."""
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(full.getsockname())
        fault = the_fault(_asks(tmp_path, f"http://127.0.0.1:{full.getsockname()[1]}"))
    assert (fault.check, fault.grade) == ("polled", Grade.MISSING)
    assert "does not answer" in fault.found
    assert "NetworkPolicies drop without a word" in fault.advice


def test_a_server_that_a_stream_asks_is_there(tmp_path: Path):
    with WebhookReceiver() as receiver:
        found = {one.check: one for one in findings(_asks(tmp_path, receiver.url))}
    assert found["polled"].grade is Grade.FINE


def _asks(folder: Path, url: str) -> dict[str, Any]:
    return {
        "streams": {"connectors": {"source": {"type": "connect", "url": url}}},
        "monitors": {"failed": {"stream": "connectors", "detect": {"type": "silence", "after": "1h"}}},
        "store": f"sqlite:///{folder / 'store.db'}",
        "server": {"port": 0},
    }
