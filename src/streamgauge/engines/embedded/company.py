"""Who else reads: with a SQLite store one process reads all partitions of a stream, or the counts are wrong."""

from __future__ import annotations

from streamgauge.errors import SourceError
from streamgauge.sources.contract import Source


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
            f"stream {stream!r}: {', '.join(others)} read in the same consumer group; with a SQLite store one "
            "process must read all partitions, else each counts only its part. Stop the other, or give this "
            "one another `group:` and another store"
        )
