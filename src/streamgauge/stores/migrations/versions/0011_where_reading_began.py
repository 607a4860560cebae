"""Where reading of a partition began: a state from before it was known needs it from there on."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("positions", sa.Column("began", sa.BigInteger(), nullable=False, server_default="-1"))
