"""Notices as a few readable lines on the terminal; what a monitor without ``notify`` uses.

.. code-block:: yaml

    channels:
      here: {type: console}
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TextIO

from streamgauge.channels.contract import Answer, ChannelConfig, Result
from streamgauge.channels.templating import Templated, TemplateText
from streamgauge.channels.wording import Wording, wording

_COLOURS = {"critical": "1;31", "warning": "1;33", "resolved": "1;32"}


class Config(ChannelConfig):
    """What may be written beside ``type: console``."""

    type: Literal["console"] = "console"
    to: Literal["stdout", "stderr"] = "stdout"
    """Which of the two streams; logs go to ``stderr``."""
    title: TemplateText | None = None
    """A Jinja template of the first line, behind the severity; default: the notice's title."""
    text: TemplateText | None = None
    """A Jinja template of what stands below it; default: what was observed and expected."""


class ConsoleChannel:
    """Prints a notice and flushes; colours only where a terminal reads along and ``NO_COLOR`` is unset.

    Args:
        to: ``stdout`` or ``stderr``, looked up at each notice.
        stream: written to instead, where given.
        prefix: put in front of each notice on a line of its own.
        templates: of the first line and of what stands below it.
    """

    def __init__(
        self,
        to: str = "stdout",
        stream: TextIO | None = None,
        prefix: str = "",
        templates: tuple[Templated, Templated] | None = None,
    ) -> None:
        self._to = to
        self._stream = stream
        self._prefix = prefix
        self._templates = templates

    def send(self, notice: dict[str, Any]) -> Answer:
        """Print it."""
        stream: TextIO = self._stream or getattr(sys, self._to)
        try:
            text = self._prefix + self._rendered(notice, colour=_wants_colour(stream)) + "\n"
            encoding = stream.encoding or "utf-8"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
        except (OSError, ValueError) as error:  # a pipe without a reader; a closed file
            return Answer(Result.AGAIN, f"the terminal takes nothing: {error}")
        return Answer(Result.DELIVERED)

    def close(self) -> None:
        """Nothing is held."""

    def _rendered(self, notice: Mapping[str, Any], *, colour: bool) -> str:
        if self._templates is None:
            return render(notice, colour=colour)
        (title, why), (text, reason) = (template.render(notice) for template in self._templates)
        remarks = "".join(f"  ({remark})\n" for remark in (why, reason) if remark)
        if title is None and text is None:
            return render(notice, colour=colour) + remarks
        words = wording(notice)
        first = title if title is not None else words.title
        below = words.lines if text is None else [("", line) for line in text.splitlines()]
        return _laid_out(replace(words, title=first, lines=tuple(below)), colour=colour) + remarks


def open_channel(config: Config, name: str, stream: TextIO | None = None) -> ConsoleChannel:
    """The channel of ``config``; ``stream`` takes the place of the terminal."""
    if config.title is None and config.text is None:
        return ConsoleChannel(config.to, stream)
    made = (
        Templated(config.title, f"the title of channel {name}"),
        Templated(config.text, f"the text of channel {name}"),
    )
    return ConsoleChannel(config.to, stream, templates=made)


def dry_run_channel(name: str, stream: TextIO | None = None) -> ConsoleChannel:
    """Stands in for channel ``name`` under ``--dry-run``: prints what would be sent, sends nothing."""
    return ConsoleChannel("stdout", stream, prefix=f"(dry run: not sent to {name})\n")


def render(notice: Mapping[str, Any], *, colour: bool = False) -> str:
    """The lines of a notice, each ended by a newline."""
    return _laid_out(wording(notice), colour=colour)


def _laid_out(words: Wording, *, colour: bool) -> str:
    head = _paint(words.word, _COLOURS.get(words.mood, "1"), colour=colour)
    lines = [f"{head}  {_paint(words.title, '1', colour=colour)}"]
    aligned = any(label for label, _ in words.lines)
    lines += [
        f"  {_paint(f'{label:<8}', '2', colour=colour)}  {text}" if aligned else f"  {text}"
        for label, text in words.lines
    ]
    return "\n".join(lines) + "\n"


def _paint(text: str, code: str, *, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def _wants_colour(stream: TextIO) -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()
