"""The chain of entries, the texts it speaks of, and the lease.

In: an empty database. Out: its first tables.
Refuses to know: what can be reckoned from entries (the next revision).
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Makes them."""
    op.create_table(
        "journal",
        sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("bot_hash", sa.Text, nullable=False),
        sa.Column("build", sa.Text, nullable=False),
        sa.Column("bar_ms", sa.BigInteger),
        sa.Column("intent", sa.Text),
        sa.Column("client_id", sa.Text),
        sa.Column("attempt", sa.BigInteger),
        sa.Column("fact", sa.Text),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("prev_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("journal_run", "journal", ["run", "seq"])
    op.create_index("journal_intent", "journal", ["intent"])
    op.create_index("journal_client_id", "journal", ["client_id"])
    op.create_index("journal_fact", "journal", ["fact"], unique=True)
    op.create_index("journal_hash", "journal", ["hash"], unique=True)
    op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "about",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "texts",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("renewed_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drops them, and all that was recorded."""
    for name in ("leases", "texts", "about", "head", "journal"):
        op.drop_table(name)
