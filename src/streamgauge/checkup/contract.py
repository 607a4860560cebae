"""What a check answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from streamgauge.checkup.patient import Patient


class Grade(StrEnum):
    """How bad it is."""

    FINE = "fine"
    UNKNOWN = "unknown"
    """Cannot be told from here; no fault."""
    WARNING = "warning"
    """Works, but probably not as meant."""
    WRONG = "wrong"
    """Does not work."""
    MISSING = "missing"
    """Something outside does not answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, what to do.

    Attributes:
        check: the check's name.
        about: what of the configuration it is about, such as ``streams.payments``.
        grade: how bad it is.
        found: one sentence; no secrets.
        advice: what to do; empty where nothing is.
    """

    check: str
    about: str
    grade: Grade
    found: str
    advice: str = ""


class Check(Protocol):
    """A module of this folder."""

    def examine(self, patient: Patient) -> Iterator[Finding]:
        """Look, and tell; nothing at all where the check does not concern this configuration."""
        ...


def from_error(check: str, about: str, error: Exception, grade: Grade = Grade.WRONG) -> Finding:
    """A sentence of ours, which ends with what to do behind its last semicolon, as a finding."""
    said = re.sub(r"^stream '[^']*': ", "", str(error))  # which stream stands in ``about``
    found, _, advice = said.rpartition("; ")
    return Finding(check, about, grade, found, advice) if found else Finding(check, about, grade, advice)
