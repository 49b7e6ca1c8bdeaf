"""What happened on an account: fills and their journal, what others did there, missing coins, and orders ended by hand."""

from __future__ import annotations

import sqlalchemy as sa

from execution.domain.journal import LedgerAccount
from execution.domain.shortage import ShortageAnswer, ShortageState
from execution.outbound.postgres.order_tables import position
from execution.outbound.postgres.schema import ID, MOMENT, MONEY, metadata, money, owned
from shared.runtime.columns import Word
from shared.trading.flow import FlowKind
from shared.trading.status import AttemptState, Side

fill = sa.Table(
    "fills",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("exec_id", sa.Text, primary_key=True, comment="unique per account: a match is booked once"),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("position_id", ID, nullable=False),
    sa.Column("leg_id", ID, nullable=False),
    sa.Column("run_id", ID, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("base_asset", sa.Text, nullable=False),
    sa.Column("quote_asset", sa.Text, nullable=False),
    sa.Column("side", Word(Side), nullable=False),
    money("price"),
    money("quantity"),
    money("fee"),
    sa.Column("fee_asset", sa.Text, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("client_order_id", sa.Text, nullable=False),
    sa.Column("venue_order_id", sa.Text, nullable=False),
    sa.Column("booked_at", MOMENT, nullable=False),
    sa.Column("third_coin_fee_value", MONEY, nullable=False, server_default="0"),
    sa.Column("fee_value_stale", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("entry", sa.Integer, nullable=False, server_default="0", comment="which change of its coin it made"),
    sa.Index("ix_fill_position", "position_id"),
)

journal = owned(
    "journal",
    sa.Column("source", sa.Text, nullable=False, comment="an execId, or the run that settled"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("position_id", ID),
    sa.Column("ledger", Word(LedgerAccount), nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    money("amount"),
    sa.Column("at", MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("account_id", "source", "number"),
    sa.Index("ix_journal_position", "position_id", "asset"),
)

account_flow = owned(
    "account_flows",
    sa.Column("flow_id", sa.Text, nullable=False, comment="unique per account: a flow is booked once"),
    sa.Column("kind", Word(FlowKind), nullable=False),
    sa.Column("venue_type", sa.Text, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    money("amount"),
    sa.Column("symbol", sa.Text),
    sa.Column("price", MONEY),
    sa.Column("counter_asset", sa.Text),
    money("counter_amount"),
    money("fee"),
    sa.Column("fee_asset", sa.Text),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("booked_at", MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("account_id", "flow_id"),
    sa.Index("ix_account_flow_at", "account_id", "at", "flow_id"),
)

shortage = owned(
    "shortages",
    sa.Column("shortage_id", ID, primary_key=True),
    sa.Column("asset", sa.Text, nullable=False),
    money("quantity"),
    sa.Column("state", Word(ShortageState), nullable=False),
    sa.Column("how", sa.Text),
    sa.Column("found_at", MOMENT, nullable=False),
    sa.Column("changed_at", MOMENT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("ix_shortage_account", "account_id", "asset", "found_at"),
    sa.Index(
        "uq_shortage_unresolved", "account_id", "asset", unique=True, postgresql_where=sa.text("state <> 'resolved'")
    ),
)

shortage_share = owned(
    "shortage_shares",
    sa.Column("shortage_id", ID, sa.ForeignKey(shortage.c.shortage_id), primary_key=True),
    sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), primary_key=True),
    sa.Column("asset", sa.Text, nullable=False),
    money("quantity"),
    sa.CheckConstraint("quantity > 0", name="quantity_above_zero"),
)

shortage_answer = owned(
    "shortage_answers",
    sa.Column("shortage_id", ID, sa.ForeignKey(shortage.c.shortage_id), nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    money("quantity"),
    sa.Column("how", Word(ShortageAnswer), nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("shortage_id", "how"),
)

hand_settlement = owned(
    "hand_settlements",
    sa.Column("client_order_id", sa.Text, nullable=False, comment="an order ends once, so it is settled once"),
    sa.Column("operator_id", ID, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False, comment="what the operator saw, in their words"),
    sa.Column("state_before", Word(AttemptState), nullable=False),
    money("filled_quantity"),
    sa.Column("at", MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("account_id", "client_order_id"),
)
