"""What lies in a store that the one who asks should know."""

from __future__ import annotations

from contextlib import closing

from streamgauge.checkup.contract import Finding, Grade

NAME = "store"


def looked_into(url: str, place: str) -> Finding:
    """One line: what is paused, else that all is well and how much waits.

    Raises:
        StoreError: it cannot be read.
    """
    from streamgauge.stores import open_reading

    with closing(open_reading(url)) as store:
        waiting = sum(store.outbox_depth().values())
        paused = sorted(store.monitor_status())
    if paused:
        return Finding(
            NAME, "store", Grade.WARNING, f"paused in the store, and staying so over a restart: {', '.join(paused)}",
            "resume them by POST /api/v1/monitors/NAME/resume when what paused them is mended",
        )  # fmt: skip
    said = f"; {waiting} notices wait to be told" if waiting else ""
    return Finding(NAME, "store", Grade.FINE, f"{place} can be read and written{said}")
