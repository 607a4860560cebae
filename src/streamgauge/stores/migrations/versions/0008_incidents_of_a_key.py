"""Incidents of one key are found without looking at all of them; of a long key the index holds the beginning."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_incidents_key_start_opened_at",
        "incidents",
        [sa.literal_column("substr(key, 1, 200)"), "opened_at"],
        unique=False,
    )
