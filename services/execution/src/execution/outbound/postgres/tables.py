"""The tables of schema `execution`; `desk` holds ids only, every other one is guarded row by row."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID

from execution.domain.journal import LedgerAccount
from execution.domain.position import RunKind, RunState
from execution.domain.shortage import ShortageAnswer, ShortageState
from shared.runtime.columns import Word
from shared.runtime.database import NAMING
from shared.runtime.inbox import inbox_table
from shared.runtime.outbox import outbox_table
from shared.trading.flow import FlowKind
from shared.trading.policy import LegPolicy
from shared.trading.status import AttemptState, LegStatus, PositionStatus, Side, VenueEnvironment

metadata = sa.MetaData(schema="execution", naming_convention=NAMING)
outbox = outbox_table(metadata)
inbox = inbox_table(metadata)

MONEY = sa.Numeric()
ID = UUID(as_uuid=True)
MOMENT = TIMESTAMP(timezone=True)


def _owned(name: str, *columns: Any) -> sa.Table:
    """A table of users' rows: every one names its user and its venue account."""
    return sa.Table(
        name,
        metadata,
        sa.Column("user_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        *columns,
    )


def _money(name: str) -> sa.Column[Any]:
    return sa.Column(name, MONEY, nullable=False)


desk = sa.Table(
    "desks",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("environment", Word(VenueEnvironment), nullable=False),
    sa.Column("work", sa.Boolean, nullable=False, comment="a run trades or an attempt is open"),
    sa.Column("traded", sa.Boolean, nullable=False, comment="it ever had a position: to be reconciled"),
    sa.Column("watch_until", MOMENT, nullable=False, comment="keep its stream open till then"),
    sa.Column("holder", sa.Text),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("leased_until", MOMENT, nullable=False),
    sa.Index("ix_desk_work", "work", "watch_until"),
)

plan = _owned(
    "plans",
    sa.Column("plan_id", ID, primary_key=True),
    sa.Column("kind", Word(RunKind), nullable=False),
    sa.Column("position_id", ID),
    _money("amount"),
    sa.Column("body", JSONB, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("expires_at", MOMENT, nullable=False),
)

position = _owned(
    "positions",
    sa.Column("position_id", ID, primary_key=True),
    sa.Column("tail", sa.Text, nullable=False, unique=True, comment="last 80 bits: the position part of the link id"),
    sa.Column("environment", Word(VenueEnvironment), nullable=False),
    sa.Column("index_id", sa.Text, nullable=False),
    sa.Column("index_version", sa.Integer, nullable=False),
    sa.Column("status", Word(PositionStatus), nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("reasons", ARRAY(sa.Text), nullable=False),
    sa.Column("blocked_reason", sa.Text),
    sa.Column("trading_paused", sa.Text),
    sa.Column("run_id", ID, nullable=False),
    sa.Column("run_kind", Word(RunKind), nullable=False),
    sa.Column("policy", Word(LegPolicy), nullable=False, server_default="HOLD"),
    _money("approved_amount"),
    _money("invested"),
    _money("proceeds"),
    _money("fees"),
    _money("contributed"),
    _money("withdrawn"),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("updated_at", MOMENT, nullable=False),
    sa.Column("traded_at", MOMENT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("ix_position_account", "account_id"),
)

holding = _owned(
    "holdings",
    sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, nullable=False),
    _money("target_weight"),
    _money("quantity"),
    _money("cost"),
    _money("realised"),
    sa.Column("entries", sa.Integer, nullable=False, server_default="0", comment="how often its figures changed"),
    sa.CheckConstraint("quantity >= 0", name="quantity_not_negative"),
)

run = _owned(
    "runs",
    sa.Column("run_id", ID, primary_key=True, comment="the plan's id: a plan is executed at most once"),
    sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), nullable=False),
    sa.Column("tail", sa.BigInteger, nullable=False, comment="last 40 bits: the run part of the link id"),
    sa.Column("environment", Word(VenueEnvironment), nullable=False),
    sa.Column("kind", Word(RunKind), nullable=False),
    sa.Column("state", Word(RunState), nullable=False),
    sa.Column("policy", Word(LegPolicy), nullable=False, server_default="HOLD"),
    _money("approved"),
    _money("cash_part"),
    _money("flow"),
    sa.Column("accepted_at", MOMENT, nullable=False),
    sa.Column("expires_at", MOMENT, nullable=False),
    sa.Column("settled_at", MOMENT),
    sa.Column("correlation_id", ID),
    sa.Column("causation_id", ID),
    sa.UniqueConstraint("position_id", "tail"),
    sa.Index("ix_run_trading", "account_id", postgresql_where=sa.text("state = 'trading'")),
)

leg = _owned(
    "legs",
    sa.Column("leg_id", ID, primary_key=True),
    sa.Column("position_id", ID, nullable=False),
    sa.Column("run_id", ID, sa.ForeignKey(run.c.run_id), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("base_asset", sa.Text, nullable=False),
    sa.Column("quote_asset", sa.Text, nullable=False),
    sa.Column("side", Word(Side), nullable=False),
    sa.Column("status", Word(LegStatus), nullable=False),
    sa.Column("reason", sa.Text),
    _money("target_weight"),
    _money("quantity"),
    _money("limit_price"),
    _money("filled_quantity"),
    _money("notional"),
    _money("fee"),
    sa.Column("fee_asset", sa.Text),
    _money("residual"),
    sa.Column("client_order_id", sa.Text),
    sa.Column("venue_order_id", sa.Text),
    _money("lot_size"),
    _money("min_quantity"),
    _money("min_notional"),
    sa.Column("arrival_price", MONEY, comment="mid of the book when the plan was made"),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0", comment="number of its newest attempt"),
    sa.Column("retry_at", MOMENT, comment="from when on the rest may be tried again"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("run_id", "number"),
    sa.Index("ix_leg_position", "position_id"),
)

attempt = _owned(
    "attempts",
    sa.Column("attempt_id", ID, primary_key=True),
    sa.Column("environment", Word(VenueEnvironment), nullable=False),
    sa.Column("position_id", ID, nullable=False),
    sa.Column("run_id", ID, nullable=False),
    sa.Column("leg_id", ID, sa.ForeignKey(leg.c.leg_id), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("client_order_id", sa.Text, key="link_id", nullable=False, unique=True),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", Word(Side), nullable=False),
    _money("quantity"),
    _money("limit_price"),
    sa.Column("body", sa.Text, nullable=False, comment="the exact order; a re-send carries the same"),
    sa.Column("state", Word(AttemptState), nullable=False),
    sa.Column("intent_at", MOMENT, nullable=False),
    sa.Column("send_before", MOMENT, nullable=False),
    sa.Column("sent_by", MOMENT, nullable=False),
    sa.Column("updated_at", MOMENT, nullable=False),
    sa.Column("ever_unknown", sa.Boolean, nullable=False),
    sa.Column("unknown_since", MOMENT),
    sa.Column("absences", sa.Integer, nullable=False),
    sa.Column("first_absence_at", MOMENT),
    sa.Column("checked_at", MOMENT),
    sa.Column("checks", sa.Integer, nullable=False),
    sa.Column("asked_at", MOMENT),
    sa.Column("failures", sa.Integer, nullable=False, comment="questions in a row without an answer"),
    sa.Column("evidence_at", MOMENT, comment="when the venue last showed something new of it"),
    sa.Column("resends", sa.Integer, nullable=False),
    sa.Column("final_state", Word(AttemptState)),
    sa.Column("final_quantity", MONEY),
    sa.Column("venue_order_id", sa.Text),
    _money("filled_quantity"),
    _money("filled_notional"),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("leg_id", "number"),
    sa.Index(
        "ix_attempt_open",
        "account_id",
        postgresql_where=sa.text("state not in ('FILLED', 'CANCELLED', 'REJECTED')"),
    ),
)

reservation = _owned(
    "reservations",
    sa.Column("holder_id", ID, primary_key=True, comment="a run, or an attempt that took its share"),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("position_id", ID, nullable=False),
    sa.Column("run_id", ID, nullable=False),
    _money("amount"),
    sa.CheckConstraint("amount >= 0", name="amount_not_negative"),
    sa.Index("ix_reservation_account", "account_id", "asset"),
)

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
    _money("price"),
    _money("quantity"),
    _money("fee"),
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

journal = _owned(
    "journal",
    sa.Column("source", sa.Text, nullable=False, comment="an execId, or the run that settled"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("position_id", ID),
    sa.Column("ledger", Word(LedgerAccount), nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    _money("amount"),
    sa.Column("at", MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("account_id", "source", "number"),
    sa.Index("ix_journal_position", "position_id", "asset"),
)

account_flow = _owned(
    "account_flows",
    sa.Column("flow_id", sa.Text, nullable=False, comment="unique per account: a flow is booked once"),
    sa.Column("kind", Word(FlowKind), nullable=False),
    sa.Column("venue_type", sa.Text, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    _money("amount"),
    sa.Column("symbol", sa.Text),
    sa.Column("price", MONEY),
    sa.Column("counter_asset", sa.Text),
    _money("counter_amount"),
    _money("fee"),
    sa.Column("fee_asset", sa.Text),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("booked_at", MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("account_id", "flow_id"),
    sa.Index("ix_account_flow_at", "account_id", "at", "flow_id"),
)

shortage = _owned(
    "shortages",
    sa.Column("shortage_id", ID, primary_key=True),
    sa.Column("asset", sa.Text, nullable=False),
    _money("quantity"),
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

shortage_share = _owned(
    "shortage_shares",
    sa.Column("shortage_id", ID, sa.ForeignKey(shortage.c.shortage_id), primary_key=True),
    sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), primary_key=True),
    sa.Column("asset", sa.Text, nullable=False),
    _money("quantity"),
    sa.CheckConstraint("quantity > 0", name="quantity_above_zero"),
)

shortage_answer = _owned(
    "shortage_answers",
    sa.Column("shortage_id", ID, sa.ForeignKey(shortage.c.shortage_id), nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    _money("quantity"),
    sa.Column("how", Word(ShortageAnswer), nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("shortage_id", "how"),
)

hand_settlement = _owned(
    "hand_settlements",
    sa.Column("client_order_id", sa.Text, nullable=False, comment="an order ends once, so it is settled once"),
    sa.Column("operator_id", ID, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False, comment="what the operator saw, in their words"),
    sa.Column("state_before", Word(AttemptState), nullable=False),
    _money("filled_quantity"),
    sa.Column("at", MOMENT, nullable=False),
    sa.PrimaryKeyConstraint("account_id", "client_order_id"),
)

OWNED = (
    "plans",
    "positions",
    "holdings",
    "runs",
    "legs",
    "attempts",
    "reservations",
    "shortages",
    "shortage_shares",
)
"""Tables with row-level security whose rows change."""
APPEND_ONLY = ("fills", "journal", "account_flows", "shortage_answers", "hand_settlements")
"""Tables with row-level security whose rows never change."""
