"""Can the store be read and written: folder, room, version, damage, locks?"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from streamgauge.checkup import store_server
from streamgauge.checkup.contract import Finding, Grade, from_error
from streamgauge.checkup.patient import Patient
from streamgauge.checkup.store_inside import looked_into
from streamgauge.errors import StoreError, StreamgaugeError

NAME = "store"
_ROOM = 100 * 2**20
"""Bytes below which a disk is nearly full."""
_PATIENCE = 1.0
"""Seconds to wait for another program's transaction."""


def examine(patient: Patient) -> Iterator[Finding]:
    """One line; a store that is not there yet is made by the first run."""
    from streamgauge.stores import file_of

    url = patient.config.store.url
    path = file_of(url)
    if path is None:
        yield from store_server.examine(url)
        return
    yield _folder(path) or _room(path) or (_file(url, path) if path.exists() else _none_yet(path))


def _folder(path: Path) -> Finding | None:
    folder = path.absolute().parent
    if not folder.is_dir():
        return Finding(
            NAME, "store", Grade.WRONG, f"the folder {folder} does not exist",
            "create it, or name another place under `store:`",
        )  # fmt: skip
    shut = folder if not os.access(folder, os.W_OK | os.X_OK) else path
    if shut.exists() and not os.access(shut, os.W_OK):
        return Finding(
            NAME, "store", Grade.WRONG, f"{shut} may not be written by this user",
            "change its permissions, or name another place under `store:`",
        )  # fmt: skip
    return None


def _room(path: Path) -> Finding | None:
    free = shutil.disk_usage(path.absolute().parent).free
    if free >= _ROOM:
        return None
    return Finding(
        NAME, "store", Grade.WRONG if free < _ROOM // 10 else Grade.WARNING,
        f"the disk of {path} has {free / 2**20:.0f} MiB left", "make room: a store that cannot grow stops the reading",
    )  # fmt: skip


def _file(url: str, path: Path) -> Finding:
    try:
        found = looked_into(url, str(path))
    except StreamgaugeError as error:
        return from_error(NAME, "store", error)
    return _locked(path) or found


def _locked(path: Path) -> Finding | None:
    """Try to begin a transaction, and leave it at that."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_PATIENCE)
        ) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        told = StoreError(f"{path} cannot be written ({error}); end the program that holds it")
        return from_error(NAME, "store", told)
    return None


def _none_yet(path: Path) -> Finding:
    return Finding(NAME, "store", Grade.FINE, f"{path} is not there yet; the first run makes it, and may")
