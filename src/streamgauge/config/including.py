"""``include:``: other files whose streams, monitors and channels count as if they stood in this one.

Paths count from the folder of the file that names them; ``*`` and its kin match as in a shell. What two files
declare under one name is a mistake that tells both places; rules that have no names (``inhibit``) follow one another. A file that
is included by several is read once.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from streamgauge.config.document import Document, Path
from streamgauge.config.mistakes import Mistake, mistake, path_text

KEY = "include"

Reader = Callable[[FilePath], tuple[Document, list[Mistake]]]
"""Reads one file, without what it includes.

Raises:
    ConfigErrors: it cannot be read at all.
"""


@dataclass(slots=True)
class Including:
    """Adds to one document what it includes.

    Attributes:
        read: reads a file.
        mistakes: what was wrong on the way.
    """

    read: Reader
    mistakes: list[Mistake] = field(default_factory=list)
    _seen: set[FilePath] = field(default_factory=set)

    def add(self, document: Document, folder: FilePath, above: tuple[FilePath, ...] = ()) -> None:
        """Take everything that ``document`` includes into it; ``above`` are the files that led here."""
        for path, text in _entries(document):
            for file in self._matching(document, path, text, folder):
                self._one(document, path, file, above)

    def take(self, document: Document, file: FilePath) -> None:
        """Take ``file`` into ``document``, with all that it includes, as if it were included there."""
        self._one(document, (KEY,), file, ())

    def _one(self, document: Document, path: Path, file: FilePath, above: tuple[FilePath, ...]) -> None:
        found = file.resolve()
        if found in above:
            way = " → ".join(str(step.name) for step in (*above[above.index(found) :], found))
            self._wrong(document, path, f"the files include each other in a circle: {way}")
            return
        if found in self._seen:
            return
        self._seen.add(found)
        part, mistakes = self.read(file)
        self.mistakes += mistakes
        if not isinstance(part.data, dict):
            return
        self.add(part, file.parent, (*above, found))
        self._merge(document, part)

    def _matching(self, document: Document, path: Path, text: str, folder: FilePath) -> Iterator[FilePath]:
        if not glob.has_magic(text) or (folder / text).is_file():
            if (folder / text).is_file():
                yield folder / text
            else:
                self._wrong(document, path, f"there is no file `{text}`; looked in {folder.absolute()}")
            return
        found = sorted(glob.glob(text, root_dir=folder, recursive=True))  # noqa: PTH207  # absolute patterns
        files = [folder / name for name in found if (folder / name).is_file()]
        if not files:
            self._wrong(document, path, f"no file matches `{text}`; looked in {folder.absolute()}")
        yield from files

    def _merge(self, document: Document, part: Document) -> None:
        document.secrets.update(part.secrets)
        for key, value in part.data.items():
            if key == KEY:
                continue
            mine = document.data.get(key)
            if mine is None:
                self._take(document, part, (key,), value)
            elif isinstance(mine, dict) and isinstance(value, dict):
                for name, content in value.items():
                    self._take(document, part, (key, name), content)
            elif isinstance(mine, list) and isinstance(value, list):
                self._append(document, part, key, value)
            else:
                self._twice(document, part, (key,))

    def _take(self, document: Document, part: Document, path: Path, value: object) -> None:
        holder = document.data if len(path) == 1 else document.data[path[0]]
        if path[-1] in holder:
            self._twice(document, part, path)
            return
        holder[path[-1]] = value
        for mine, theirs in ((document.values, part.values), (document.keys, part.keys)):
            mine.update((at, place) for at, place in theirs.items() if at[: len(path)] == path)
        document.unread.update(at for at in part.unread if at[: len(path)] == path)
        origins = {at: file for at, file in part.origins.items() if at[: len(path)] == path}
        document.origins.update({path: part.file_of(path), **origins})

    def _append(self, document: Document, part: Document, key: str, more: list[object]) -> None:
        first = len(document.data[key])
        document.data[key].extend(more)

        def moved(at: Path) -> Path:
            return (key, int(at[1]) + first, *at[2:])

        for mine, theirs in ((document.values, part.values), (document.keys, part.keys)):
            mine.update((moved(at), place) for at, place in theirs.items() if at[:1] == (key,) and at[1:])
        document.unread.update(moved(at) for at in part.unread if at[:1] == (key,) and at[1:])
        document.origins.update({moved((key, i)): part.file_of((key, i)) for i in range(len(more))})

    def _twice(self, document: Document, part: Document, path: Path) -> None:
        line, _ = document.place(path, at_key=True)
        first = f"{document.file_of(path)}:{line}"
        self.mistakes.append(
            mistake(part, path, f"`{path[-1]}` is declared twice; the first is at {first}", at_key=True)
        )

    def _wrong(self, document: Document, path: Path, message: str) -> None:
        line, column = document.place(path)
        self.mistakes.append(Mistake(path_text(path), message, document.file_of(path), line, column))


def _entries(document: Document) -> Iterator[tuple[Path, str]]:
    """What is written under ``include``, with its place; the models complain of what is no text."""
    if not isinstance(document.data, Mapping):
        return
    written = document.data.get(KEY)
    if isinstance(written, str):
        yield (KEY,), written
    elif isinstance(written, list):
        for i, text in enumerate(written):
            if isinstance(text, str):
                yield (KEY, i), text
