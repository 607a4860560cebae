"""Files of statements, and what stands beside them on the command line: for every verb that takes `-f`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from streamgauge.sql.script import Script
    from streamgauge.sql.statements import Statement


def scripts(files: list[Path]) -> list[Script]:
    """The files' text.

    Raises:
        ConfigError: one is not text.
        OutsideError: one cannot be read.
    """
    from streamgauge.errors import ConfigError, OutsideError
    from streamgauge.sql.script import Script

    found = []
    for path in files:
        try:
            found.append(Script(str(path), path.read_text(encoding="utf-8-sig")))
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{path}: it is not UTF-8 text (byte {error.start + 1}); save it as UTF-8"
            ) from None
        except OSError as error:
            raise OutsideError(f"{path} cannot be read: {(error.strerror or '').lower()}") from None
    return found


def statements(files: list[Path]) -> list[Statement]:
    """All statements, in order.

    Raises:
        SqlErrors: some cannot be understood.
    """
    from streamgauge.sql.parse import parse

    return list(parse(scripts(files)))


def pair(text: str, option: str, shape: str) -> tuple[str, str]:
    """One ``NAME=VALUE``.

    Raises:
        BadParameter: a part is missing.
    """
    name, separator, value = text.partition("=")
    if not separator or not name or not value:
        raise typer.BadParameter(f"{text!r}: write {shape}", param_hint=option)
    return name, value


def pairs(texts: list[str], option: str, shape: str) -> dict[str, str]:
    """``NAME=VALUE`` each; of two with one name the later one holds."""
    return dict(pair(text, option, shape) for text in texts)
