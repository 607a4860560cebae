"""What was judged of windows: severity, score and band, and what drift monitors saw of each feature."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "judgements",
        sa.Column("sequence", NUMBER, autoincrement=True, nullable=False),
        sa.Column("monitor", sa.Text(), nullable=False),
        sa.Column("first_end", sa.BigInteger(), nullable=False),
        sa.Column("last_end", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_judgements")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_judgements_monitor_last_end"), "judgements", ["monitor", "last_end"], unique=False
    )
