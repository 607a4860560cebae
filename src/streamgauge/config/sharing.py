"""What several instances on one store cannot run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from streamgauge.config.document import Path
from streamgauge.config.models import BUILT_IN_STREAMS

if TYPE_CHECKING:
    from streamgauge.config.models import Config

Wrong = Callable[[Path, str], None]


def check_shared(config: Config, wrong: Wrong) -> None:
    """Say what a store that is `shared` does not go with."""
    if not config.store.shared:
        return
    if not config.store.url.startswith("postgresql:"):
        needed = (
            "instances share a store that all of them reach; write `url: postgresql://USER@HOST/DATABASE`"
        )
        wrong(("store", "shared"), needed)
    for name, stream in config.streams.items():
        if stream.source.type != "kafka":
            message = f"instances that share a store read topics of Kafka, not `{stream.source.type}`"
            own = "run this stream in a process with a store of its own"
            wrong(("streams", name, "source"), f"{message}; {own}")
    for name, monitor in config.monitors.items():
        if config.origin_of(name) in BUILT_IN_STREAMS:
            message = f"`{monitor.stream}` tells of what one process reads, and each instance reads its part"
            own = "run this monitor in a process that does not share its store"
            wrong(("monitors", name, "stream"), f"{message}; {own}")
