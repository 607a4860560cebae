"""Streamgauge watches event streams and tells people once, within a second, what went wrong.

One file says what to watch; see :func:`load`, :func:`replay` and :func:`run`, which do what the command line's
verbs do. Nothing heavy is imported before one of them is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamgauge.api import drift, load, replay, run, score

__version__ = "0.1.0"

__all__ = ["__version__", "drift", "load", "replay", "run", "score"]


def __getattr__(name: str) -> Any:
    """Import the API when it is first used."""
    if name in ("drift", "load", "replay", "run", "score"):
        from streamgauge import api

        return getattr(api, name)
    raise AttributeError(f"module 'streamgauge' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What editors and notebooks offer after ``streamgauge.``."""
    return sorted({*globals(), *__all__})
