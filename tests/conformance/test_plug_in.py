"""A detector of another package, installed for real as far as Python can tell, is a detector like ours."""

import doctest
import importlib
from pathlib import Path

import pytest

from streamgauge.cli import main
from streamgauge.config import plugins
from streamgauge.conformance import check_detector, profile
from tests.config.plugged_detector import PACKAGE
from tests.replaying import config, record, run, told

pytestmark = pytest.mark.conformance

NAME = "far_jump"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module on the path, and the metadata that an installer would leave."""
    (tmp_path / "far_jump_detector.py").write_text(PACKAGE)
    info = tmp_path / "far_jump_detector-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far-jump-detector\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[streamgauge.detectors]\n{NAME} = far_jump_detector\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_it_keeps_the_contract_compiled_and_plain():
    check_detector(NAME)


def test_its_own_example_runs():
    assert doctest.testmod(importlib.import_module("far_jump_detector")).failed == 0


def test_it_ends_in_incidents_through_the_main_path():
    monitor = {"detect": {"type": NAME, "value": "v", "far": 3.0}}
    found = told(run(config({"m": monitor}), [record(i, v=v) for i, v in enumerate([1.0, 2.0, 9.0, 9.5])]))
    assert found.incidents() == [(2, "firing", None, None), (3, "resolved", "recovered", None)]


def test_it_is_listed_and_has_its_lesson(capsys: pytest.CaptureFixture[str]):
    assert NAME in plugins.names("detectors")
    with pytest.raises(SystemExit) as ended:
        main(["detectors", NAME])
    assert not ended.value.code
    assert capsys.readouterr().out.startswith("Tells a value that is far from the one before of its key.")


def test_one_that_breaks_its_promise_is_found_out(monkeypatch: pytest.MonkeyPatch):
    module = plugins.module("detectors", NAME)

    class Forgetful(module.KeyedState):  # type: ignore[misc, name-defined]  # a class of a module made just now
        def restore(self, tables):
            """Start anew."""
            self.make_room(len(tables["last"]["held"]))

    monkeypatch.setattr(module, "KeyedState", Forgetful)
    monkeypatch.setattr(profile, "SHRINK", False)
    with pytest.raises(AssertionError, match="depend on how the stream is driven"):
        check_detector(NAME, compiled=False)
