"""Rows on their way to a sink."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "spool",
        sa.Column("sequence", NUMBER, autoincrement=True, nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_spool")),
        sa.UniqueConstraint("sink", "row", name=op.f("uq_spool_sink_row")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_spool_sink_sequence"), "spool", ["sink", "sequence"], unique=False)
