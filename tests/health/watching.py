"""Packs on real systems, watched by an engine on a thread of this process, as ``run FILE --pack NAME`` watches them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamgauge import packs
from streamgauge.engines.embedded.session import Session
from tests.exactness.live import Live
from tests.exactness.running import write


class Watch(Live):
    """A session of packs; ``given`` are their parameters, ``more`` streams and monitors of a file beside them.

    What was told is kept: an incident may resolve while a test looks elsewhere.
    """

    def __init__(
        self, folder: Path, *names: str, given: Mapping[str, str], more: Mapping[str, Any] | None = None
    ) -> None:
        self.path = write(folder, {"store": f"sqlite:///{folder / 'store.db'}", **(more or {})})
        self.session = Session(packs.load_with(names, self.path, given), path=self.path)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)

    def told(self) -> set[str]:
        """The monitors of all incidents so far, also of those that have ended."""
        return {one.monitor for one in self.incidents()}

    def keys(self, monitor: str) -> set[str]:
        """For whom it was told."""
        return {str(one.key) for one in self.incidents(monitor)}

    def tells(self, monitor: str, key: str | None = None, *, within: float) -> float:
        """Wait until a monitor has told of a key, or of any; how many seconds that took.

        Raises:
            AssertionError: it did not within so many seconds; the text has what was told instead.
        """
        began = time.monotonic()

        def has() -> bool:
            keys = self.keys(monitor)
            return bool(keys) if key is None else any(key in one for one in keys)

        try:
            self.until(has, f"{monitor} {key or ''}", within=within)
        except AssertionError as error:
            raise AssertionError(f"{error}; told were {sorted(self.told())}") from None
        return time.monotonic() - began

    def ends(self, monitor: str, *, within: float) -> None:
        """Wait until none of its incidents is open."""
        self.until(lambda: not self.open(monitor), f"the end of {monitor}", within=within)
