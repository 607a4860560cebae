"""On PostgreSQL window results and judgements lie in parts by time; what is there becomes the first part, where it lies."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

DAY = 86_400_000_000


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in ("history", "judgements"):
        _divide(table)


def _divide(table: str) -> None:
    before = f"{table}_before"
    op.execute(f"ALTER TABLE {table} RENAME TO {before}")
    op.execute(f"ALTER TABLE {before} DROP CONSTRAINT pk_{table}")
    op.execute(f"ALTER INDEX ix_{table}_monitor_last_end RENAME TO ix_{before}_monitor_last_end")
    op.execute(
        f"CREATE TABLE {table} (LIKE {before} INCLUDING DEFAULTS, "
        f"CONSTRAINT pk_{table} PRIMARY KEY (sequence, last_end)) PARTITION BY RANGE (last_end)"
    )
    op.execute(f"ALTER SEQUENCE {table}_sequence_seq OWNED BY {table}.sequence")
    op.create_index(op.f(f"ix_{table}_monitor_last_end"), table, ["monitor", "last_end"], unique=False)
    newest = op.get_bind().execute(sa.text(f"SELECT max(last_end) FROM {before}")).scalar()  # noqa: S608  ours
    if newest is None:
        op.execute(f"DROP TABLE {before}")
        return
    end = (newest // DAY + 1) * DAY
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {before} FOR VALUES FROM (MINVALUE) TO ({end})")
