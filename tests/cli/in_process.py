"""The command line without a process of its own: what it printed, and the code it ended with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from streamgauge.cli import main


@dataclass(frozen=True)
class Ended:
    """A call that has ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def objects(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]


class Verb:
    """Calls one verb again and again."""

    def __init__(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._name = name
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ended:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([self._name, *map(str, arguments)])
        said = self._capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)
