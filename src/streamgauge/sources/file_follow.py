"""Files that are still written, as ``tail -F`` reads them: rotated, truncated, made later, with half a last line.

Each path is one partition, called ``tail:PATH``. An offset is the number of the file under that path (its
*generation*) and a byte in it, so reading goes on at the very byte after a restart, also when files were rotated
meanwhile. Caught up means: at the end of the file.
"""

from __future__ import annotations

import fnmatch
import glob
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.errors import SourceError, StoreError
from streamgauge.sources.contract import Poll, Slice, Tail
from streamgauge.sources.file_generations import Followed, Line, Memory, identity_of
from streamgauge.sources.file_lines import BLOCK, unreadable

if TYPE_CHECKING:
    from streamgauge.stores.followed import Identity

PREFIX = "tail:"
_LOOK = 0.01
"""Seconds between two looks at files that have nothing new."""
_SEARCH = 1.0
"""Seconds between two searches for files that match a pattern."""

Start = Literal["earliest", "latest"]


class Forgetful:
    """Remembers generations as long as it lives: where there is no store, as in a test."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, Identity]] = {}

    def known(self, path: str) -> Mapping[int, Identity]:
        """See :class:`~streamgauge.sources.file_generations.Memory`."""
        return dict(self._known.get(path, {}))

    def note(self, path: str, generation: int, identity: Identity) -> None:
        """See :class:`~streamgauge.sources.file_generations.Memory`."""
        self._known.setdefault(path, {})[generation] = identity


class FollowingSource:
    """Follows paths and patterns of paths."""

    def __init__(
        self, paths: Sequence[str], start: Start, memory: Memory, clock: Clock, folder: str = ""
    ) -> None:
        """Nothing is opened yet.

        Args:
            paths: with ``*`` and its kin where files may come later.
            start: where files begin that are there at the first start; later ones begin at their beginning.
            memory: which file each generation was.
            clock: stamps of reading.
            folder: from which the paths count; files are called as they are seen from it.
        """
        self._folder = folder
        self._paths = tuple(paths)
        self._start = start
        self._memory = memory
        self._clock = clock
        self._files: dict[Partition, Followed] = {}
        self._assigned: dict[Partition, int] = {}
        self._tails: dict[Partition, Tail] = {}
        self._paused: set[Partition] = set()
        self._searched_at = float("-inf")
        self._turn = 0

    def open(self, positions: Mapping[Partition, int]) -> None:
        """Start at ``positions``, else where the configuration says.

        Raises:
            StoreError: which files were read before cannot be told.
        """
        self.close()
        self._tails, self._paused = {}, set()
        stored = {partition.name.removeprefix(PREFIX): at for partition, at in positions.items()}
        before = [name for name in stored if any(fnmatch.fnmatch(name, path) for path in self._paths)]
        for name in self._first_look(before):
            at = stored.get(name)
            self._follow(name, at if at is not None else self._beginning(name))

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """The next lines; waits for the first up to ``timeout``.

        Raises:
            SourceError: a file may not be read.
        """
        self._search()
        assigned, self._assigned = self._assigned, {}
        deadline = time.monotonic() + timeout.total_seconds()
        while True:
            slices, at_end, gaps = self._look(limit)
            if slices or assigned or gaps or time.monotonic() >= deadline:
                return Poll(slices, assigned, gaps=gaps, at_end=at_end)
            time.sleep(_LOOK)

    def _look(self, limit: int) -> tuple[list[Slice], frozenset[Partition], dict[Partition, tuple[int, int]]]:
        slices, at_end, gaps = [], set(), {}
        active = [partition for partition in self._files if partition not in self._paused]
        first, self._turn = self._turn % max(1, len(active)), self._turn + 1
        share = max(1, limit // max(1, len(active)))
        for partition in active[first:] + active[:first]:
            file = self._files[partition]
            asked_at, before = self._clock.monotonic(), file.offset
            lines = self._lines(file, share)
            if file.gap is not None:
                gaps[partition], before, file.gap = file.gap, file.gap[1], None
            if lines or file.offset != before:
                slices.append(self._slice(partition, lines, file.offset))
            if file.at_end:
                at_end.add(partition)
            self._tell(partition, file.end, asked_at)
        for partition in self._paused & self._files.keys():
            self._tell(partition, self._files[partition].measure(), self._clock.monotonic())
        return slices, frozenset(at_end), gaps

    def _tell(self, partition: Partition, end: int, asked_at: float) -> None:
        answered_at = self._clock.monotonic()
        self._tails[partition] = Tail(end, open_transaction=False, asked_at=asked_at, answered_at=answered_at)

    @staticmethod
    def _lines(file: Followed, limit: int) -> list[Line]:
        try:
            return file.read(limit)
        except StoreError:
            return []  # the engine is about to meet that too, and says so
        except OSError as error:
            raise unreadable(file.name, error) from error

    def _slice(self, partition: Partition, lines: Sequence[Line], behind: int) -> Slice:
        return Slice(
            partition,
            np.array([line.offset for line in lines], np.int64),
            np.full(len(lines), self._clock.now(), np.int64),
            behind,
            [line.text for line in lines],
            unreadable={row: (line.trouble, line.text) for row, line in enumerate(lines) if line.trouble},
        )

    def tails(self) -> Mapping[Partition, Tail]:
        """The ends of the files as they were last looked at."""
        return dict(self._tails)

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Leave these out of the following polls."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Read these again."""
        self._paused.difference_update(partitions)

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Nobody else looks at the positions of a file."""

    def describe(self) -> Mapping[str, Any]:
        """What it reads and where it starts."""
        about = {"type": "files", "path": list(self._paths), "follow": True, "start": self._start}
        return {**about, "partitions": len(self._files)}

    def close(self) -> None:
        """Close what is open."""
        for file in self._files.values():
            file.close()
        self._files = {}

    # which paths

    def _first_look(self, before: Iterable[str]) -> list[str]:
        """Paths that are there, paths without a pattern, and paths that were followed before."""
        self._searched_at = self._clock.monotonic()
        plain = [path for path in self._paths if not glob.has_magic(path)]
        return sorted({*self._matching(), *plain, *before})

    def _search(self) -> None:
        """Follow files that match by now, but not those that were read under another path (rotated ones)."""
        now = self._clock.monotonic()
        if now - self._searched_at < _SEARCH:
            return
        self._searched_at = now
        for name in self._matching():
            if Partition(PREFIX + name, 0) not in self._files:
                self._follow(name, 0)

    def _matching(self) -> list[str]:
        found = []
        for pattern in self._paths:
            if glob.has_magic(pattern):
                names = glob.iglob(pattern, root_dir=self._folder or None, recursive=True)  # noqa: PTH207  # absolute patterns
                found += [name for name in names if self._at(name).is_file()]
        return sorted(set(found))

    def _at(self, name: str) -> Path:
        return Path(self._folder, name)

    def _follow(self, name: str, offset: int) -> None:
        partition = Partition(PREFIX + name, 0)
        if self._at(name).is_dir():
            raise SourceError(
                f"{name} is a directory; name the files in it, such as {name.rstrip('/')}/*.log"
            )
        if offset == 0 and self._is_rotated(name):
            return
        self._files[partition] = Followed(name, offset, self._memory, self._clock.monotonic, self._at(name))
        self._assigned[partition] = offset

    def _is_rotated(self, name: str) -> bool:
        identity = identity_of(self._at(name))
        others = [file for file in self._files.values() if file.name != name]
        return identity is not None and any(file.has_been(identity) for file in others)

    def _beginning(self, name: str) -> int:
        if self._start == "earliest":
            return 0
        try:
            with self._at(name).open("rb") as file:
                return _last_line_end(file)
        except OSError:
            return 0


def _last_line_end(file: Any) -> int:
    """The byte behind the last line end."""
    end: int = file.seek(0, 2)
    while end > 0:
        start = max(0, end - BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + int(found) + 1
        end = start
    return 0
