"""What the tests of the configuration read: the folders of good and bad files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
GOOD = sorted((HERE / "good").glob("*.yaml"))
ENVIRON = {"WEBHOOK_URL": "https://hooks.example.com/T0/s3cr3t"}

_EXPECT = re.compile(r"# expect: (\d+):(\d+) (\S+|\$\S*\[.*?\]): (.*)")


@dataclass(frozen=True)
class Bad:
    """A file with one mistake; its first two lines say which, and whether an editor sees it."""

    path: Path
    line: int
    column: int
    where: str
    message: str
    editor: str

    def __str__(self) -> str:
        return self.path.stem


def bad_files() -> list[Bad]:
    return [_bad(path) for path in sorted((HERE / "mistakes").glob("*.yaml"))]


def _bad(path: Path) -> Bad:
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    found = _EXPECT.fullmatch(first)
    assert found, f"{path}: the first line must be `# expect: LINE:COLUMN $.path: sentence`"
    editor = second.removeprefix("# editor: ")
    assert editor in ("sees it", "does not see it", "cannot read it"), path
    line, column, where, message = found.groups()
    return Bad(path, int(line), int(column), where, message, editor)
