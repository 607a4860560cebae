"""The pages that people read, and the fenced blocks in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+)(?P<info>[^`\n]*)\n(?P<text>.*?)^ *(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: ``words`` is what stands behind the language, such as ``piece`` or ``kafka``."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Everything that is documentation."""
    top = [
        path
        for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")
        if (path := ROOT / name).exists()
    ]
    folders = [path for folder in ("docs", "examples", "changes") for path in (ROOT / folder).rglob("*.md")]
    return sorted([*top, *folders])


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, *words = match["info"].split() or [""]
        inside = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        found.append(Block(page, text.count("\n", 0, match.start()) + 1, language, tuple(words), inside))
    return found


def all_blocks(*languages: str) -> list[Block]:
    """The blocks of all pages in one of these languages; without languages, all."""
    return [
        block for page in pages() for block in blocks(page) if not languages or block.language in languages
    ]
