"""One run for all tests of the looking verbs; who changes anything takes a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamgauge.config import load
from tests.cli.past import Past, make


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Of the whole session: look, do not touch."""
    made = make(tmp_path_factory.mktemp("past"))
    text = made.file.read_text()
    yield made
    assert made.file.read_text() == text, "a test changed what all share; it takes own_past"


@pytest.fixture
def own_past(past: Past, tmp_path: Path) -> Past:
    """A copy with its own store and file."""
    for found in past.folder.glob("streamgauge.db*"):
        shutil.copy(found, tmp_path / found.name)
    file = tmp_path / "payments.yaml"
    file.write_text(past.file.read_text().replace(str(past.folder), str(tmp_path)))
    return Past(file, load(file))
