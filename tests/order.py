"""Which tests go together to a worker, which go first, and which files a run of a few need not even read.

A worker has all tests of a file, since they share what was set up for them. The longest files go first: a long one
that came last would leave the other workers with nothing to do.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = {
    f"tests/exactness/test_{name}.py": "what the topic of the kill tests comes to"
    for name in ("kills", "watching_rows", "damage", "instances")
} | {
    f"tests/house/test_{name}.py": "what each file of Python holds"
    for name in ("contents", "imports", "sizes")
}
"""Files that share what takes long to set up."""

APART = (
    "tests/docs/test_console.py",
    "tests/docs/test_blocks.py",
    "tests/conformance/test_detectors.py",
    "tests/conformance/test_windows.py",
    "tests/examples/test_payments.py",
)
"""Files whose tests share nothing: each may go to another worker."""

FIRST = (
    "tests/exactness/test_kills.py",
    "tests/exactness/test_watching_rows.py",
    "tests/exactness/test_damage.py",
    "tests/exactness/test_instances.py",
    "tests/engines/test_parity.py",
    "tests/dashboard/test_browser.py",
    "tests/exactness/test_signals_and_failures.py",
    "tests/exactness/test_backlog.py",
    "tests/exactness/test_store_faults.py",
    "tests/exactness/test_instances_live.py",
    "tests/exactness/test_broker_away.py",
    "tests/exactness/test_takeover.py",
    "tests/monitoring/test_proof.py",
    "tests/docs/test_console.py::test_session_with_kafka[examples/payments/README.md]",
    "tests/docs/test_console.py::test_session_with_kafka[docs/tutorial.md]",
    "tests/cli/test_demo.py",
    "tests/docs/test_console.py::test_session[docs/tutorial.md]",
    "tests/docs/test_console.py::test_session[docs/verbs/demo.md]",
    "tests/docs/test_blocks.py::test_python_runs[docs/conformance.md]",
    "tests/conformance/test_windows.py::test_contract[session]",
    "tests/conformance/test_detectors.py::test_contract[adwin]",
    "tests/conformance/test_detectors.py::test_contract[auto]",
    "tests/conformance/test_windows.py",
    "tests/sources/test_file_follow_kill.py",
)
"""The longest, longest first: files, or single tests of those that are apart."""


def unit(nodeid: str) -> str:
    """The name that all tests have in common that go to one worker."""
    file = nodeid.split("::", 1)[0]
    return nodeid if file in APART else TOGETHER.get(file, file)


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """As by file, but for those that are together or apart."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where ``--dist loadfile`` is asked for."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # the order is that of below
    return _Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several workers: the longest first, then the files with the most tests."""
    _check_none_is_overlooked(items)
    if not hasattr(config, "workerinput"):
        return
    place = {name: number for number, name in enumerate(FIRST)}
    counted = Counter(unit(item.nodeid) for item in items)

    def when(item: pytest.Item) -> tuple[int, int]:
        file = item.nodeid.split("::", 1)[0]
        return place.get(item.nodeid, place.get(file, len(place))), -counted[unit(item.nodeid)]

    items.sort(key=when)


KINDS = ("services", "conformance")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files that have no test of the kind that was asked for: to read all takes a quarter of a minute."""
    wanted, *more = str(config.option.markexpr).split()[:2] or [""]
    if wanted not in KINDS or more not in ([], ["and"]) or not collection_path.name.startswith("test_"):
        return None
    return None if collection_path.is_dir() or _may_have(collection_path, wanted) else True


def _may_have(file: Path, kind: str) -> bool:
    """Whether its text, or that of the ``conftest.py`` beside it, speaks of tests of a kind."""
    texts = [path.read_text("utf-8") for path in (file, file.parent / "conftest.py") if path.exists()]
    return any(f"mark.{kind}" in text for text in texts)


def _check_none_is_overlooked(items: list[pytest.Item]) -> None:
    for kind in KINDS:
        files = {item.path for item in items if item.get_closest_marker(kind)}
        if missed := [str(file) for file in sorted(files) if not _may_have(file, kind)]:
            raise pytest.UsageError(f"mark these tests in their own files with pytest.mark.{kind}: {missed}")
