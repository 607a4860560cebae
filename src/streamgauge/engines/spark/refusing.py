"""What one thing that Spark cannot do looks like, and one place where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streamgauge.config.models import Config


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that a file may ask for and this engine cannot do.

    Attributes:
        what: in a few words.
        why: the reason, and what to do instead; one sentence.
        found: the places of a configuration that ask for it.
    """

    what: str
    why: str
    found: Callable[[Config], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """Where a configuration asks for what cannot be done."""

    path: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}: {self.why}"
