"""Positions and what is done to them: plans, runs, their legs, and every attempt at the venue."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from execution.domain.position import RunKind, RunState
from execution.outbound.postgres.schema import ID, MOMENT, MONEY, money, owned
from shared.runtime.columns import Word
from shared.trading.policy import LegPolicy
from shared.trading.status import AttemptState, LegStatus, PositionStatus, Side, VenueEnvironment

plan = owned(
    "plans",
    sa.Column("plan_id", ID, primary_key=True),
    sa.Column("kind", Word(RunKind), nullable=False),
    sa.Column("position_id", ID),
    money("amount"),
    sa.Column("body", JSONB, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("expires_at", MOMENT, nullable=False),
)

position = owned(
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
    money("approved_amount"),
    money("invested"),
    money("proceeds"),
    money("fees"),
    money("contributed"),
    money("withdrawn"),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("updated_at", MOMENT, nullable=False),
    sa.Column("traded_at", MOMENT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("ix_position_account", "account_id"),
)

holding = owned(
    "holdings",
    sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, nullable=False),
    money("target_weight"),
    money("quantity"),
    money("cost"),
    money("realised"),
    sa.Column("entries", sa.Integer, nullable=False, server_default="0", comment="how often its figures changed"),
    sa.CheckConstraint("quantity >= 0", name="quantity_not_negative"),
)

run = owned(
    "runs",
    sa.Column("run_id", ID, primary_key=True, comment="the plan's id: a plan is executed at most once"),
    sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), nullable=False),
    sa.Column("tail", sa.BigInteger, nullable=False, comment="last 40 bits: the run part of the link id"),
    sa.Column("environment", Word(VenueEnvironment), nullable=False),
    sa.Column("kind", Word(RunKind), nullable=False),
    sa.Column("state", Word(RunState), nullable=False),
    sa.Column("policy", Word(LegPolicy), nullable=False, server_default="HOLD"),
    money("approved"),
    money("cash_part"),
    money("flow"),
    sa.Column("accepted_at", MOMENT, nullable=False),
    sa.Column("expires_at", MOMENT, nullable=False),
    sa.Column("settled_at", MOMENT),
    sa.Column("correlation_id", ID),
    sa.Column("causation_id", ID),
    sa.UniqueConstraint("position_id", "tail"),
    sa.Index("ix_run_trading", "account_id", postgresql_where=sa.text("state = 'trading'")),
)

leg = owned(
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
    money("target_weight"),
    money("quantity"),
    money("limit_price"),
    money("filled_quantity"),
    money("notional"),
    money("fee"),
    sa.Column("fee_asset", sa.Text),
    money("residual"),
    sa.Column("client_order_id", sa.Text),
    sa.Column("venue_order_id", sa.Text),
    money("lot_size"),
    money("min_quantity"),
    money("min_notional"),
    sa.Column("arrival_price", MONEY, comment="mid of the book when the plan was made"),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0", comment="number of its newest attempt"),
    sa.Column("retry_at", MOMENT, comment="from when on the rest may be tried again"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("run_id", "number"),
    sa.Index("ix_leg_position", "position_id"),
)

attempt = owned(
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
    money("quantity"),
    money("limit_price"),
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
    money("filled_quantity"),
    money("filled_notional"),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("leg_id", "number"),
    sa.Index(
        "ix_attempt_open",
        "account_id",
        postgresql_where=sa.text("state not in ('FILLED', 'CANCELLED', 'REJECTED')"),
    ),
)

reservation = owned(
    "reservations",
    sa.Column("holder_id", ID, primary_key=True, comment="a run, or an attempt that took its share"),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("position_id", ID, nullable=False),
    sa.Column("run_id", ID, nullable=False),
    money("amount"),
    sa.CheckConstraint("amount >= 0", name="amount_not_negative"),
    sa.Index("ix_reservation_account", "account_id", "asset"),
)
