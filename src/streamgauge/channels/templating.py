"""Titles and texts that people word themselves, in Jinja's sandbox.

A template sees the notice's fields (``monitor``, ``key``, ``severity``, ``observed`` …), and nothing else: no files, no
imports, no attributes of Python. Each value passes a gate of the channel's before the template sees it, so that what
a stranger wrote into a record cannot be taken for markup. A template that fails is no reason to stay silent: the
channel's own words go out instead, and the notice says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import structlog
from pydantic import AfterValidator, Field

from streamgauge.channels.wording import printable

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from jinja2.runtime import Context

LONGEST = 20_000
"""Characters that a template may come to."""
VALUE = 2_000
"""Characters of one value that a template sees."""
DEPTH = 6

Gate: TypeAlias = Callable[[str], str]
"""What a text of a record passes before a template sees it."""

_log = structlog.get_logger("streamgauge.channels")


def _compiles(text: str) -> str:
    from jinja2 import TemplateSyntaxError

    try:
        _environment().from_string(text)
    except TemplateSyntaxError as error:
        raise ValueError(f"this template cannot be read: {error.message} (line {error.lineno})") from None
    return text


TemplateText = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_compiles)]
"""A Jinja template, checked when the file is read."""


class Templated:
    """One template of a channel; None renders nothing.

    Args:
        text: the template.
        what: what it makes, such as ``the title of channel ops``; for the log.
        gate: what texts of the notice pass.
    """

    def __init__(self, text: str | None, what: str, gate: Gate = printable) -> None:
        self._template: Template | None = None if text is None else _environment().from_string(text)
        self._what = what
        self._gate = gate

    def render(self, notice: Mapping[str, Any]) -> tuple[str | None, str]:
        """What it comes to, and why it failed; None and nothing where there is no template."""
        if self._template is None:
            return None, ""
        try:
            made, length = [], 0
            for piece in self._template.generate(**gated(notice, self._gate)):
                made.append(piece)
                length += len(piece)
                if length > LONGEST:
                    return self._failed(f"it comes to more than {LONGEST} characters")
        except Exception as error:  # noqa: BLE001  whatever a template does, the notice leaves
            return self._failed(f"{type(error).__name__}: {error}")
        return "".join(made).strip(), ""

    def _failed(self, why: str) -> tuple[None, str]:
        sentence = f"the template of {self._what} failed: {printable(why, 150)}"
        _log.warning(
            "a template failed; plain words were sent instead", what=self._what, why=printable(why, 300)
        )
        return None, sentence


def gated(value: Any, gate: Gate, depth: int = 0) -> Any:
    """A notice with every text in it, names included, let through ``gate``; cut to what fits a message."""
    if isinstance(value, str):
        return gate(printable(value, VALUE))
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    if depth >= DEPTH:
        return gate(printable(value, VALUE))
    if isinstance(value, Mapping):
        return {gate(printable(name, VALUE)): gated(item, gate, depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [gated(item, gate, depth + 1) for item in value]
    return gate(printable(value, VALUE))


@cache
def _environment() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Bounded(ImmutableSandboxedEnvironment):
        """Where a value, such as a count, decides how long a text becomes, it must not become endless."""

        intercepted_binops = frozenset(["*", "**"])

        def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
            """Refuse what makes long texts, and powers that take long."""
            times = next((side for side in (left, right) if isinstance(side, (int, float))), 0)
            other = right if times is left else left
            if operator == "*" and hasattr(other, "__len__") and len(other) * times > LONGEST:
                raise ValueError(f"this text would have more than {LONGEST} characters")
            if operator == "**" and not (abs(left) < 1e6 and abs(right) < 20):
                raise ValueError("this power is too large")
            return super().call_binop(context, operator, left, right)

    made = Bounded(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    made.globals.clear()
    return made
