"""What an order's executions add up to, beside what the exchange told of it.

In: the tables of 0002. Out: a column more; opening the journal reckons the rows anew from its entries.
Refuses to know: how it is reckoned.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes it."""
    op.add_column("orders", sa.Column("executed_quantity", sa.Text, nullable=False, server_default="0"))
    op.execute("DELETE FROM about WHERE name = 'projections'")


def downgrade() -> None:
    """Drops it: it can be reckoned again."""
    op.drop_column("orders", "executed_quantity")
