"""Who else reads: one process alone reads all partitions of a stream, or the counts are wrong.

Where several instances share a store (:mod:`streamgauge.engines.instances`), an engine hears what they decided.
"""

from __future__ import annotations

from typing import Final, Protocol

from streamgauge.engines.embedded.ledger import Ledger
from streamgauge.errors import SourceError
from streamgauge.incidents.board import Board
from streamgauge.sources.contract import Source


class Ears(Protocol):
    """Hears what other instances decided about incidents."""

    def begin(self) -> None:
        """The board was made anew from the last commit."""
        ...

    def listen(self, board: Board, ledger: Ledger, wait: float = 0.0) -> None:
        """Let the board follow what was decided; ``wait``: seconds to wait for it, at most."""
        ...


class _Alone:
    """There is nobody to hear."""

    def begin(self) -> None:
        """Nothing was missed."""

    def listen(self, board: Board, ledger: Ledger, wait: float = 0.0) -> None:
        """Nothing was said."""


NOBODY: Final = _Alone()


def refuse_company(stream: str, source: Source) -> None:
    """Refuse to read beside another member of the consumer group; sources without groups have none.

    Asked before joining, and again whenever partitions come or go: another may have joined since.

    Raises:
        SourceError: there is one; the sentence says who and what to do.
    """
    ask = getattr(source, "other_members", None)
    others = ask() if ask is not None else []
    if others:
        raise SourceError(
            f"stream {stream!r}: {', '.join(others)} read in the same consumer group; one process must read all "
            "partitions, else each counts only its part. Stop the other, give this one another `group:` and another "
            "store, or let several share one (`shared: true`, docs/scaling.md)"
        )
