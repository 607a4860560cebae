"""The text of a ``.sql`` file, places in it, and the errors that point there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from streamgauge.errors import ConfigError

SHOWN = 100
"""Characters of a line that a message shows around the place."""


@dataclass(frozen=True, slots=True)
class Script:
    """One file, or the text of the command line.

    Attributes:
        name: for messages: the path, or ``<query>``.
        text: as it was read.
    """

    name: str
    text: str = field(repr=False)

    def place(self, at: int) -> tuple[int, int]:
        r"""Line and column of the character ``at``, both from 1.

        >>> Script("a.sql", "SELECT 1\nFROM s").place(14)
        (2, 6)
        """
        before = self.text[:at]
        return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1

    def pointed(self, at: int) -> str:
        """The line of the character ``at`` with a caret under it, cut where it is long."""
        line, column = self.place(at)
        whole = self.text.split("\n")[line - 1].rstrip("\r")
        start = max(0, min(column - 1 - SHOWN // 2, len(whole) - SHOWN))
        shown = "".join(c if c.isprintable() else " " for c in whole[start : start + SHOWN])
        return f"  {shown}\n  {' ' * (column - 1 - start)}^"


class SqlError(ConfigError):
    """A statement is wrong or cannot be run; says where, and what can be.

    Attributes:
        message: the sentence alone.
        script, at: where; ``line`` and ``column`` count from 1.
    """

    def __init__(self, message: str, script: Script, at: int) -> None:
        self.message = message
        self.script = script
        self.at = at
        self.line, self.column = script.place(at)
        super().__init__(f"{script.name}:{self.line}:{self.column}: {message}\n{script.pointed(at)}")


class SqlErrors(ConfigError):  # noqa: N818  # the plural says that it holds all of them
    """All that is wrong in the statements of one run, in their order."""

    def __init__(self, errors: Iterable[SqlError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))
