"""The page of the store says what is so."""

import re
from pathlib import Path

import pytest

from streamgauge.stores import Keep, wal
from streamgauge.stores.sections import LATE_KEPT, PAYLOAD_BYTES
from streamgauge.stores.sqlite import BUSY_SECONDS
from tests.stores.given import ME

PAGE = Path(__file__).parents[2] / "docs" / "store.md"
TEXT = PAGE.read_text()


def test_its_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 1
    exec(compile(blocks[0], str(PAGE), "exec"), {})
    assert capsys.readouterr().out == "[] [] {}\n"


@pytest.mark.parametrize(
    "says",
    [
        f"the newest {Keep().notices:,}",
        f"dead_letters: {Keep().dead_letters}",
        f"history: {int(Keep().history.total_seconds()) // 3600}h",
        f"{PAYLOAD_BYTES // 1024} KiB of each record",
        f"{LATE_KEPT // 86_400_000_000} days after they last changed",
        f"instead of {BUSY_SECONDS:g}",
        f"after {ME.session_timeout.total_seconds():g} s of silence",
        f"below {wal.ENOUGH // 1024**2 + 2} MB",
    ],
)
def test_its_numbers_are_those_of_the_code(says):
    assert says in " ".join(TEXT.split())
