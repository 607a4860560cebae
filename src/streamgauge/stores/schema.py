"""The tables of a store, for SQLite and PostgreSQL alike.

Moments are int64 microseconds UTC. Partitions are the text of :class:`~streamgauge.batch.Partition`. The
migrations in ``migrations/`` build exactly these tables; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the key is a plain INTEGER (64 bits there anyway).
_Number = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **options)


def _big(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=False, **options)


def _sequence() -> Column[int]:
    return Column("sequence", _Number, primary_key=True, autoincrement=True)


def _numbered(name: str, *parts: Any) -> Table:
    """A table whose ``sequence`` only grows, also over deletions: order of decision, never used twice."""
    return Table(name, metadata, _sequence(), *parts, sqlite_autoincrement=True)


meta = Table("meta", metadata, _text("name", primary_key=True), _text("value"))

leases = Table(
    "leases",
    metadata,
    _text("name", primary_key=True),
    Column("holder", Text),  # None: given back in order
    _big("epoch"),
    _text("host"),
    _big("pid"),
    _big("pid_started"),
    _big("taken_at"),
    _big("renewed_at"),
)

positions = Table(
    "positions",
    metadata,
    _text("reader", primary_key=True),
    _text("stream", primary_key=True),
    _text("partition", primary_key=True),
    _big("next_offset"),
    _big("largest_time"),
    _big("partial_until"),
    _big("began", server_default="-1"),  # -1: written by a version that did not note it
)

checkpoint_states = Table(
    "checkpoint_states",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    _text("name"),
    _text("shape"),
    _text("partition"),  # empty: the state spans partitions
    Column("version", Integer, nullable=False),
    _big("sequence"),  # of the newest block
    _big("generation"),  # of the newest snapshot
    _text("positions"),  # also advances while the state itself stays the same
    _big("saved_at"),
    UniqueConstraint("name", "shape", "partition"),
    sqlite_autoincrement=True,
)

checkpoint_blocks = Table(
    "checkpoint_blocks",
    metadata,
    Column("state_id", _Number, ForeignKey(checkpoint_states.c.id, ondelete="CASCADE"), primary_key=True),
    _big("generation", primary_key=True, autoincrement=False),
    _big("number", primary_key=True, autoincrement=False),  # 0 is the snapshot, the log follows
    Column("data", LargeBinary, nullable=False),
)

KEY_START_LENGTH = 200
KEY_START = f"substr(key, 1, {KEY_START_LENGTH})"
"""What an index holds of a key: PostgreSQL's bear no entry beyond some 2,700 bytes, and a key may be of any length."""

incidents = Table(
    "incidents",
    metadata,
    _text("id", primary_key=True),
    _text("monitor"),
    _text("fingerprint"),
    _text("key"),
    _text("kind"),
    _text("state"),
    _text("severity"),
    _big("opened_at"),
    Column("resolved_at", BigInteger),
    _big("changed_at"),
    _text("body"),
    Index(None, "state"),
    Index(None, "monitor", "opened_at"),
    Index(None, "opened_at"),
    Index("ix_incidents_key_start_opened_at", literal_column(KEY_START), "opened_at"),
)

incident_changes = _numbered(
    "incident_changes",
    _text("incident"),
    _big("at"),
    _text("who"),
    _text("state"),
    _text("why"),
    Index(None, "incident"),
)

telling = Table("telling", metadata, _text("name", primary_key=True), _text("body"))  # body: JSON

outbox = _numbered(
    "outbox",
    _text("notice"),
    _text("channel"),
    _text("incident"),
    _text("payload"),
    _text("state"),  # waiting, delivered, gave up
    _big("decided_at"),
    Column("attempts", Integer, nullable=False),
    _big("due"),
    Column("answered_at", BigInteger),
    _text("detail"),
    UniqueConstraint("notice", "channel"),
    Index(None, "state", "channel", "sequence"),
)

deliveries = _numbered(
    "deliveries",
    Column("outbox", _Number, ForeignKey(outbox.c.sequence, ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    _big("at"),
    _text("result"),
    _text("detail"),
    Index(None, "outbox"),
)

dead_letters = _numbered(
    "dead_letters",
    _text("stream"),
    _text("partition"),
    _big("offset"),
    _big("at"),
    _text("reason"),
    Column("payload", LargeBinary),
    Column("truncated", Boolean, nullable=False),
    Column("replayed_at", BigInteger),
    UniqueConstraint("stream", "partition", "offset"),
)

spool = _numbered(
    "spool",
    _text("sink"),
    _text("row"),  # what names it for good; unique while it waits
    Column("key", Text),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("sink", "row"),
    Index(None, "sink", "sequence"),
)

inbox = Table(
    "inbox",
    metadata,
    _text("stream", primary_key=True),
    _big("first", primary_key=True, autoincrement=False),  # offset of the first of its records
    _big("count"),
    _big("received_at"),
    Column("data", LargeBinary, nullable=False),  # a record per line
)

request_keys = Table(
    "request_keys",
    metadata,
    _text("stream", primary_key=True),
    _text("key", primary_key=True),
    _big("first"),  # offset of the first record that was kept under it
    _text("hash"),  # SHA-256 of the records
    _big("received_at"),
    Index(None, "stream", "received_at"),
)

followed = Table(
    "followed",
    metadata,
    _text("stream", primary_key=True),
    _text("path", primary_key=True),
    _big("generation", primary_key=True, autoincrement=False),
    _text("device"),  # texts: they may exceed 63 bits
    _text("inode"),
    Column("head", LargeBinary, nullable=False),  # its first bytes
)

late_counts = Table(
    "late_counts",
    metadata,
    _text("monitor", primary_key=True),
    _big("window_start", primary_key=True, autoincrement=False),
    _big("count"),
    _big("changed_at"),
    Index(None, "changed_at"),
)


def _blocks(name: str) -> Table:
    """Rows of many windows as one blob."""
    return _numbered(
        name,
        _text("monitor"),
        _big("first_end"),
        _big("last_end"),
        Column("rows", Integer, nullable=False),
        Column("data", LargeBinary, nullable=False),
        Index(None, "monitor", "last_end"),
    )


history = _blocks("history")

judgements = _blocks("judgements")

monitor_status = Table(
    "monitor_status",
    metadata,
    _text("monitor", primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("reason", Text),
    _big("since"),
)

tokens = Table(
    "tokens",
    metadata,
    _text("id", primary_key=True),
    _text("name"),
    _text("scopes"),  # words, separated by spaces
    _text("hash"),  # SHA-256 of the whole token; the token itself is nowhere
    _big("created_at"),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)

channel_receipts = Table(
    "channel_receipts",
    metadata,
    _text("channel", primary_key=True),
    _text("name", primary_key=True),  # what it is about, such as an incident's id
    _text("body"),  # the channel's own
    _big("kept_at"),
    Index(None, "channel", "kept_at"),
)

partition_owners = Table(
    "partition_owners",
    metadata,
    _text("stream", primary_key=True),
    _text("partition", primary_key=True),
    _text("holder"),
    _big("epoch"),
    _big("taken_at"),
    _big("committed_at"),
)

held_incidents = Table(
    "held_incidents",  # pending and open ones, as the owner of their partition decided them
    metadata,
    _text("id", primary_key=True),
    _text("stream"),
    _text("partition"),
    _text("body"),
    Column("over", Boolean, nullable=False),  # people ended it; its owner is to forget it
    Index(None, "stream", "partition"),
)

decided = _numbered(
    "decided",  # by the owner of a partition, for whoever tells; rows go once they are taken
    _text("incident"),
    _text("cause"),  # empty: it changed, and nobody need hear of it
    _text("channels"),  # JSON
    _text("body"),
)
