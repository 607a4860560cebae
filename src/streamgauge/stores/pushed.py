"""Values of models that were told from outside, kept so that they are there again after a restart."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import select

from streamgauge.stores.beside import Beside
from streamgauge.stores.schema import meta

_NAME = "model metrics"


class Pushed:
    """Of one store; methods raise :class:`~streamgauge.errors.StoreError`."""

    def __init__(self, url: str) -> None:
        self._beside = Beside(url)

    def all(self) -> dict[str, float]:
        """The newest value of each name."""
        with self._beside.reading() as connection:
            found = connection.execute(select(meta.c.value).where(meta.c.name == _NAME)).scalar()
        return {} if found is None else msgspec.json.decode(found, type=dict[str, float])

    def put(self, values: Mapping[str, float]) -> None:
        """Keep ``values``; those of other names stay."""
        with self._beside.writing() as connection:
            found = connection.execute(select(meta.c.value).where(meta.c.name == _NAME)).scalar()
            known = {} if found is None else msgspec.json.decode(found, type=dict[str, float])
            text = msgspec.json.encode({**known, **values}).decode()
            row = {"name": _NAME, "value": text}
            put = self._beside.insert(meta).values(row)
            connection.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": text}))

    def close(self) -> None:
        """Let go of the store."""
        self._beside.close()
