"""The stores that tests open are as the migrations make them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command

from streamgauge.stores import backend_of
from streamgauge.stores.migrate import migrate
from tests.new_stores import quickly


def made(path: Path) -> list[str]:
    """What a new store of this process holds."""
    backend = backend_of(f"sqlite:///{path}")
    with backend.write() as connection:
        migrate(connection, where=str(path))
    backend.close()
    with sqlite3.connect(path) as database:
        text = list(database.iterdump())
    database.close()
    return text


def test_those_after_the_first_are_as_the_migrations_make_them(tmp_path, monkeypatch):
    asked = []
    upgrade = getattr(command.upgrade, "__wrapped__", command.upgrade)
    monkeypatch.setattr(command, "upgrade", upgrade)
    by_migrations = made(tmp_path / "0.db")

    def counted(config, revision):
        asked.append(revision)
        upgrade(config, revision)

    monkeypatch.setattr(command, "upgrade", quickly(counted))
    assert [made(tmp_path / f"{number}.db") for number in (1, 2, 3)] == [by_migrations] * 3
    assert asked == ["head"]
    assert len(by_migrations) > 30
