"""The tables of schema `reconciler`; `agenda`, `thinning` and `active_position` hold ids only, every other one is guarded by user."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID

from reconciler.domain.findings import Scope
from shared.runtime.columns import Word
from shared.runtime.database import NAMING
from shared.runtime.inbox import inbox_table
from shared.runtime.leases import lease_table
from shared.runtime.outbox import outbox_table
from shared.trading.status import BreakClass, PositionStatus, Side, VenueEnvironment

metadata = sa.MetaData(schema="reconciler", naming_convention=NAMING)
outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
lease = lease_table(metadata)

MONEY = sa.Numeric()
ID = UUID(as_uuid=True)
MOMENT = TIMESTAMP(timezone=True)


BORDER = ("border_money", "border_capital", "paid_in", "taken_out", "border_withdrawn")
"""The books' totals at the last flow, and what all flows came to."""


def _money(name: str, *, nullable: bool = False, server_default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, MONEY, nullable=nullable, server_default=server_default)


def _position_key() -> sa.Column[Any]:
    return sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), primary_key=True)


position = sa.Table(
    "position",
    metadata,
    sa.Column("position_id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("account_id", ID, nullable=False),
    sa.Column("environment", Word(VenueEnvironment), nullable=False),
    sa.Column("status", Word(PositionStatus), nullable=False),
    sa.Column("index_id", sa.Text, nullable=False),
    _money("invested"),
    _money("proceeds"),
    _money("fees"),
    _money("cash", server_default="0"),
    _money("withdrawn", server_default="0"),
    sa.Column("traded_at", MOMENT, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0", comment="of the last event about it"),
    _money("told_value", nullable=True),
    _money("told_pnl", nullable=True),
    sa.Column("deviating", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("priced_at", MOMENT),
    sa.Column("reconciled_at", MOMENT),
    sa.Column("point_slot", MOMENT),
    sa.Column("last_prices", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), comment="decimals as text"),
    sa.Column("run_kind", sa.Text, comment="of the newest run that execution told of"),
    sa.Column("flows", sa.Integer, nullable=False, server_default="0"),
    *(_money(name, server_default="0") for name in BORDER),
    sa.Index("ix_position_account", "account_id"),
)

holding = sa.Table(
    "holding",
    metadata,
    sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    _money("quantity"),
    _money("cost"),
    _money("realised"),
    _money("target_weight"),
)

pnl_point = sa.Table(
    "pnl_point",
    metadata,
    sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), primary_key=True),
    sa.Column("slot", MOMENT, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    _money("value"),
    _money("cost"),
    _money("realised"),
    _money("unrealised"),
    _money("max_abs_drift"),
    _money("net_in", server_default="0"),
    _money("held", nullable=True),
    _money("btc_price", nullable=True),
)

flow = sa.Table(
    "flow",
    metadata,
    _position_key(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("valued_at", MOMENT, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    _money("amount"),
    _money("before"),
    _money("after"),
    sa.Column("others", MONEY, nullable=False, server_default="0", comment="unused; to be dropped"),
    _money("held_before", nullable=True),
    _money("held_after", nullable=True),
    _money("btc_price", nullable=True),
)

moved = sa.Table(
    "moved",
    metadata,
    _position_key(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, comment="of the flow"),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    _money("cost"),
    _money("value"),
)

held_still = sa.Table(
    "held_still",
    metadata,
    _position_key(),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    _money("quantity"),
)

leg_result = sa.Table(
    "leg_result",
    metadata,
    sa.Column("leg_id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("position_id", ID, sa.ForeignKey(position.c.position_id), nullable=False),
    sa.Column("run_id", ID, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", Word(Side), nullable=False),
    _money("arrival_price", nullable=True),
    _money("quantity"),
    _money("notional"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("ix_leg_result_position", "position_id"),
)

account_progress = sa.Table(
    "account_progress",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("read_until_ms", sa.BigInteger),
    sa.Column("compared_at", MOMENT),
    sa.Column("agreed_at", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), comment="moments by coin"),
)

venue_break = sa.Table(
    "venue_break",
    metadata,
    sa.Column("break_id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("account_id", ID, nullable=False),
    sa.Column("environment", Word(VenueEnvironment), nullable=False),
    sa.Column("break_class", Word(BreakClass), nullable=False),
    sa.Column("scope", Word(Scope), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("position_id", ID),
    sa.Column("asset", sa.Text),
    _money("ours", nullable=True),
    _money("theirs", nullable=True),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("opened_at", MOMENT, nullable=False),
    sa.Column("changed_at", MOMENT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("user_id", "account_id", "break_class", "subject"),
    sa.CheckConstraint("status in ('open', 'resolved', 'expected')", name="status_known"),
)

thinning = sa.Table(
    "thinning",
    metadata,
    sa.Column("position_id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("due", MOMENT, nullable=False),
    sa.Index("ix_thinning_due", "due"),
)

agenda = sa.Table(
    "agenda",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("environment", Word(VenueEnvironment), nullable=False),
    sa.Column("due", MOMENT, nullable=False),
    sa.Index("ix_agenda_due", "due"),
)

active_position = sa.Table(
    "active_position",
    metadata,
    sa.Column("user_id", ID, primary_key=True),
    sa.Column("position_id", ID, primary_key=True),
    sa.Column("environment", Word(VenueEnvironment), nullable=False),
)
