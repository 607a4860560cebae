"""Names of the columns of a SELECT: the alias, the column's own name, else KSQL_COL_n as ksqlDB does."""

from __future__ import annotations

from streamgauge.expressions import Expression
from streamgauge.sql.aggregates import holds_aggregate
from streamgauge.sql.rewriting import column_text
from streamgauge.sql.statements import Item


class Namer:
    """Gives each column of one SELECT its name.

    Args:
        unnamed: how many have a number already.
    """

    def __init__(self, unnamed: int = 0) -> None:
        self._used: set[str] = set()
        self._unnamed = unnamed

    def name(self, item: Item, expression: Expression) -> str:
        """The name of one entry.

        Raises:
            SqlError: another column has its name.
        """
        if item.alias is not None:
            return self.given(item.alias.text, item)
        column = next(iter(expression.columns), "")
        if expression.text == column_text(column) and not holds_aggregate(item.piece):
            return self.given(column.rpartition("->")[2], item)
        name = f"KSQL_COL_{self._unnamed}"
        self._unnamed += 1
        return self.given(name, item)

    def given(self, name: str, item: Item) -> str:
        """A name, where it is free.

        Raises:
            SqlError: it is not.
        """
        if name.casefold() in self._used:
            at = item.alias.start if item.alias is not None else None
            raise item.piece.error(f"two columns are called {name}; give one another name with AS", at)
        self._used.add(name.casefold())
        return name
