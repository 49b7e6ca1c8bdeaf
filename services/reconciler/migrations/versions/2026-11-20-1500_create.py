"""Books as last seen, P&L points, breaks, progress, the agenda, outbox, inbox and leases.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

from shared.runtime.migrations import create_inbox, create_leases, create_outbox, protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "reconciler"
ID = UUID(as_uuid=True)
MOMENT = TIMESTAMP(timezone=True)
GUARDED = ("position", "holding", "pnl_point", "account_progress", "venue_break")


def upgrade() -> None:
    _positions()
    _points()
    _breaks()
    _agenda()
    for table in GUARDED:
        protect(op, SCHEMA, table)
    create_outbox(op, SCHEMA)
    create_inbox(op, SCHEMA)
    create_leases(op, SCHEMA)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only")


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, ID, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _money(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, MOMENT, nullable=nullable)


def _of_position(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_position_id_position"
    return sa.ForeignKeyConstraint(["position_id"], [f"{SCHEMA}.position.position_id"], name=name)


def _positions() -> None:
    op.create_table(
        "position",
        _id("position_id"),
        _id("user_id"),
        _id("account_id"),
        _text("environment"),
        _text("status"),
        _text("index_id"),
        _money("invested"),
        _money("proceeds"),
        _money("fees"),
        _moment("traded_at"),
        sa.Column("version", sa.BigInteger, nullable=False, server_default="0", comment="of the last event about it"),
        _money("told_value", nullable=True),
        _money("told_pnl", nullable=True),
        sa.Column("deviating", sa.Boolean, nullable=False, server_default=sa.false()),
        _moment("reconciled_at", nullable=True),
        _moment("point_slot", nullable=True),
        sa.PrimaryKeyConstraint("position_id", name="pk_position"),
        schema=SCHEMA,
    )
    op.create_index("ix_position_account", "position", ["account_id"], schema=SCHEMA)
    op.create_table(
        "holding",
        _id("position_id"),
        _text("asset"),
        _id("user_id"),
        _text("symbol"),
        _money("quantity"),
        _money("cost"),
        _money("realised"),
        _money("target_weight"),
        sa.PrimaryKeyConstraint("position_id", "asset", name="pk_holding"),
        _of_position("holding"),
        schema=SCHEMA,
    )


def _points() -> None:
    op.create_table(
        "pnl_point",
        _id("position_id"),
        _moment("slot"),
        _id("user_id"),
        _moment("at"),
        _money("value"),
        _money("cost"),
        _money("realised"),
        _money("unrealised"),
        _money("max_abs_drift"),
        sa.PrimaryKeyConstraint("position_id", "slot", name="pk_pnl_point"),
        _of_position("pnl_point"),
        schema=SCHEMA,
    )
    op.create_table(
        "account_progress",
        _id("account_id"),
        _id("user_id"),
        sa.Column("read_until_ms", sa.BigInteger),
        _moment("compared_at", nullable=True),
        sa.PrimaryKeyConstraint("account_id", name="pk_account_progress"),
        schema=SCHEMA,
    )


def _breaks() -> None:
    op.create_table(
        "venue_break",
        _id("break_id"),
        _id("user_id"),
        _id("account_id"),
        _text("environment"),
        _text("break_class"),
        _text("scope"),
        _text("subject"),
        _text("status"),
        _id("position_id", nullable=True),
        _text("asset", nullable=True),
        _money("ours", nullable=True),
        _money("theirs", nullable=True),
        _text("detail"),
        _moment("opened_at"),
        _moment("changed_at"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("break_id", name="pk_venue_break"),
        sa.UniqueConstraint(
            "user_id",
            "account_id",
            "break_class",
            "subject",
            name="uq_venue_break_user_id_account_id_break_class_subject",
        ),
        sa.CheckConstraint("status in ('open', 'resolved', 'expected')", name="ck_venue_break_status_known"),
        schema=SCHEMA,
    )


def _agenda() -> None:
    op.create_table(
        "agenda",
        _id("account_id"),
        _id("user_id"),
        _text("environment"),
        _moment("due"),
        sa.PrimaryKeyConstraint("account_id", name="pk_agenda"),
        schema=SCHEMA,
    )
    op.create_index("ix_agenda_due", "agenda", ["due"], schema=SCHEMA)
    op.create_table(
        "active_position",
        _id("user_id"),
        _id("position_id"),
        _text("environment"),
        sa.PrimaryKeyConstraint("user_id", "position_id", name="pk_active_position"),
        schema=SCHEMA,
    )
