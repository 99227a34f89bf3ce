"""What entries add up to: runs, versions, intents, orders, fills, positions, equity, limits, alerts.

In: the tables of 0001. Out: empty projections; opening the journal fills them from its entries.
Refuses to know: how they are reckoned.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes them."""
    for make in (_runs, _bot_versions, _intents, _orders, _fills, _positions, _equity, _limits, _alerts):
        make()
    op.execute("DELETE FROM about WHERE name = 'projections'")


def downgrade() -> None:
    """Drops them: all can be reckoned again, but for which alerts were delivered."""
    for name in (
        "alerts",
        "limits",
        "equity",
        "positions",
        "fills",
        "orders",
        "intents",
        "bot_versions",
        "runs",
    ):
        op.drop_table(name)


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("bot", sa.Text, nullable=False),
        sa.Column("bot_hash", sa.Text, nullable=False),
        sa.Column("build", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("timeframe", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("text_hash", sa.Text, nullable=False),
        sa.Column("plan_hash", sa.Text, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("sessions", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("ended_reason", sa.Text),
        sa.Column("exit_code", sa.BigInteger),
        sa.Column("from_ms", sa.BigInteger),
        sa.Column("to_ms", sa.BigInteger),
        sa.Column("data_source", sa.Text),
        sa.Column("data_digest", sa.Text),
        sa.Column("start_equity_usdt", sa.Text),
        sa.Column("end_equity_usdt", sa.Text),
        sa.Column("net_pnl_usdt", sa.Text),
        sa.Column("max_drawdown_ratio", sa.Double),
        sa.Column("trades", sa.BigInteger),
        sa.Column("fills", sa.BigInteger, nullable=False),
        sa.Column("report_hash", sa.Text),
    )
    op.create_index("runs_bot", "runs", ["bot", "started_ms"])


def _bot_versions() -> None:
    op.create_table(
        "bot_versions",
        sa.Column("bot", sa.Text, primary_key=True),
        sa.Column("text_hash", sa.Text, primary_key=True),
        sa.Column("bot_hash", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("runs", sa.BigInteger, nullable=False),
    )


def _intents() -> None:
    op.create_table(
        "intents",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("intent", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("bar_ms", sa.BigInteger),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("side", sa.BigInteger, nullable=False),
        sa.Column("deadline_ms", sa.BigInteger, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("bot_hash", sa.Text, nullable=False),
        sa.Column("build", sa.Text, nullable=False),
    )


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("client_id", sa.Text, primary_key=True),
        sa.Column("intent", sa.Text),
        sa.Column("leg", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("side", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("price", sa.Text),
        sa.Column("trigger_price", sa.Text),
        sa.Column("reduce_only", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("signed_ms", sa.BigInteger),
        sa.Column("receive_window_ms", sa.BigInteger),
        sa.Column("cancel_asked", sa.Boolean, nullable=False),
        sa.Column("code", sa.BigInteger),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("venue_order_id", sa.Text, nullable=False),
        sa.Column("filled_quantity", sa.Text, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("orders_client_id", "orders", ["client_id"])


def _fills() -> None:
    op.create_table(
        "fills",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("trade_id", sa.Text, nullable=False),
        sa.Column("intent", sa.Text),
        sa.Column("client_id", sa.Text),
        sa.Column("venue_order_id", sa.Text, nullable=False),
        sa.Column("side", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("price", sa.Text, nullable=False),
        sa.Column("fee_usdt", sa.Text, nullable=False),
        sa.Column("maker", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("realised_pnl_usdt", sa.Text),
    )


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("symbol", sa.Text, primary_key=True),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("entry_price", sa.Text, nullable=False),
        sa.Column("realised_pnl_usdt", sa.Text, nullable=False),
        sa.Column("fees_usdt", sa.Text, nullable=False),
        sa.Column("funding_usdt", sa.Text, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("protected", sa.Boolean),
        sa.Column("stop_price", sa.Text),
    )


def _equity() -> None:
    op.create_table(
        "equity",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("equity_usdt", sa.Text, nullable=False),
        sa.Column("cash_usdt", sa.Text, nullable=False),
        sa.Column("position", sa.Text, nullable=False),
    )


def _limits() -> None:
    op.create_table(
        "limits",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sink", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("delivered_ms", sa.BigInteger),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("alerts_sink", "alerts", ["sink", "delivered_ms", "due_ms"])
