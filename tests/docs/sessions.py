"""The ``console`` blocks of a page as one session: commands run in order, answers are compared where given.

The first line of a command starts with ``$ ``; what follows up to the next command is its expected output, in
which ``...`` stands for anything. No output given: none is compared. ``exit=2`` behind the language says how
the block's last command ends.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import starting
from tests.docs.pages import ROOT, Block

_EXIT = re.compile(r"exit=(\d+)")


@dataclass(frozen=True, slots=True)
class Step:
    """One command, what it prints (None = not said) and how it ends."""

    block: Block
    arguments: tuple[str, ...]
    prints: str | None
    exit_code: int


def steps(block: Block) -> Iterator[Step]:
    """The commands of a block."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not parts[0].strip(), f"{block}: output before the first command"
    code = next((int(found[1]) for word in block.words if (found := _EXIT.fullmatch(word))), 0)
    for number, part in enumerate(parts[1:], 2):
        command, _, output = part.partition("\n")
        last = number == len(parts)
        yield Step(
            block, tuple(shlex.split(command)), output if output.strip() else None, code if last else 0
        )


def run(step: Step, folder: Path, rewrite: Callable[[str], str] = lambda text: text) -> None:
    """Run one command in ``folder`` and compare."""
    program, *arguments = step.arguments
    assert program in ("streamgauge", "cat"), f"{step.block}: `{program}` is not run by the tests"
    words = [*map(rewrite, arguments)]
    if program == "streamgauge":
        done = starting.run(words, folder=folder, environ=environment(), timeout=240)
    else:
        done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=False)
    told = f"{step.block}: {shlex.join(step.arguments)}\n{done.stdout}{done.stderr}"
    assert done.returncode == step.exit_code, told
    compare(step, done.stdout if done.stdout.strip() else done.stderr, told)


def compare(step: Step, printed: str, told: str) -> None:
    """Hold what was printed against the page."""
    assert step.prints is None or same(step.prints, printed), f"{told}\n--- the page says\n{step.prints}"


def same(wanted: str, printed: str) -> bool:
    """Whether they agree, trailing blanks aside; ``...`` in ``wanted`` stands for anything."""
    return doctest.OutputChecker().check_output(_plain(wanted), _plain(printed), doctest.ELLIPSIS)


def environment() -> dict[str, str]:
    """As in a wide terminal without colours."""
    return {**os.environ, "COLUMNS": "130", "NO_COLOR": "1", "TERM": "dumb"}


def prepare(folder: Path, page: Path) -> Path:
    """What a reader has at hand: a copy of the examples; a page of an example is read in its own folder."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder / page.parent.relative_to(ROOT) if (ROOT / "examples") in page.parents else folder


def write_files(block: Block, folder: Path, rewrite: Callable[[str], str] = lambda text: text) -> None:
    """A block whose second word is a file's name, such as ``yaml payments.yaml``, is that file."""
    for name in block.words:
        if name.endswith((".yaml", ".yml")):
            (folder / name).write_text(rewrite(block.text), "utf-8")


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"
