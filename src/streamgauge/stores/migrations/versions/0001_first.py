"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _ownership()
    _checkpoints()
    _incidents()
    _delivery()
    _records()
    _monitors()


def _ownership() -> None:
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("pid_started", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("renewed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )


def _checkpoints() -> None:
    op.create_table(
        "positions",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("largest_time", sa.BigInteger(), nullable=False),
        sa.Column("partial_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader", "stream", "partition", name=op.f("pk_positions")),
    )
    op.create_table(
        "checkpoint_states",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("positions", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoint_states")),
        sa.UniqueConstraint(
            "name", "shape", "partition", name=op.f("uq_checkpoint_states_name_shape_partition")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "checkpoint_blocks",
        sa.Column("state_id", NUMBER, nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["state_id"],
            ["checkpoint_states.id"],
            name=op.f("fk_checkpoint_blocks_state_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("state_id", "generation", "number", name=op.f("pk_checkpoint_blocks")),
    )


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("monitor", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(
        op.f("ix_incidents_monitor_opened_at"), "incidents", ["monitor", "opened_at"], unique=False
    )
    op.create_index(op.f("ix_incidents_opened_at"), "incidents", ["opened_at"], unique=False)
    op.create_index(op.f("ix_incidents_state"), "incidents", ["state"], unique=False)
    op.create_table(
        "incident_changes",
        sa.Column(
            "sequence",
            NUMBER,
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_incident_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_incident_changes_incident"), "incident_changes", ["incident"], unique=False)


def _delivery() -> None:
    op.create_table(
        "outbox",
        sa.Column(
            "sequence",
            NUMBER,
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_outbox")),
        sa.UniqueConstraint("notice", "channel", name=op.f("uq_outbox_notice_channel")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_outbox_state_channel_sequence"), "outbox", ["state", "channel", "sequence"], unique=False
    )
    op.create_table(
        "deliveries",
        sa.Column(
            "sequence",
            NUMBER,
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("outbox", NUMBER, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["outbox"], ["outbox.sequence"], name=op.f("fk_deliveries_outbox"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_deliveries")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deliveries_outbox"), "deliveries", ["outbox"], unique=False)


def _records() -> None:
    op.create_table(
        "dead_letters",
        sa.Column(
            "sequence",
            NUMBER,
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("replayed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint(
            "stream", "partition", "offset", name=op.f("uq_dead_letters_stream_partition_offset")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "late_counts",
        sa.Column("monitor", sa.Text(), nullable=False),
        sa.Column("window_start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("monitor", "window_start", name=op.f("pk_late_counts")),
    )
    op.create_index(op.f("ix_late_counts_changed_at"), "late_counts", ["changed_at"], unique=False)


def _monitors() -> None:
    op.create_table(
        "history",
        sa.Column(
            "sequence",
            NUMBER,
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("monitor", sa.Text(), nullable=False),
        sa.Column("first_end", sa.BigInteger(), nullable=False),
        sa.Column("last_end", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_history")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_history_monitor_last_end"), "history", ["monitor", "last_end"], unique=False)
    op.create_table(
        "monitor_status",
        sa.Column("monitor", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("monitor", name=op.f("pk_monitor_status")),
    )
