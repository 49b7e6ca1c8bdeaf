"""Flows, what left in kind, the basket that is held still, legs against their arrival prices; points carry more.

Revision ID: 20261120_2120
Revises: 20261120_2100
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

from shared.runtime.migrations import protect

revision = "20261120_2120"
down_revision = "20261120_2100"
branch_labels = None
depends_on = None

SCHEMA = "reconciler"
ID = UUID(as_uuid=True)
MOMENT = TIMESTAMP(timezone=True)
BORDER = ("border_money", "border_capital", "paid_in", "taken_out")


def upgrade() -> None:
    _positions()
    _flows()
    _legs()
    _thinning()
    for table in ("flow", "moved", "held_still", "leg_result"):
        protect(op, SCHEMA, table)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only")


def _money(name: str, *, nullable: bool = False, server_default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric, nullable=nullable, server_default=server_default)


def _id(name: str) -> sa.Column[Any]:
    return sa.Column(name, ID, nullable=False)


def _of_position(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_position_id_position"
    return sa.ForeignKeyConstraint(["position_id"], [f"{SCHEMA}.position.position_id"], name=name)


def _positions() -> None:
    """A position from before has had no flow yet: its next look records all of it as the first."""
    run_kind = sa.Column("run_kind", sa.Text, comment="of the newest run that execution told of")
    op.add_column("position", run_kind, schema=SCHEMA)
    op.add_column("position", sa.Column("flows", sa.Integer, nullable=False, server_default="0"), schema=SCHEMA)
    for name in ("cash", *BORDER):
        op.add_column("position", _money(name, server_default="0"), schema=SCHEMA)
    op.add_column("pnl_point", _money("net_in", server_default="0"), schema=SCHEMA)
    for name in ("held", "btc_price"):
        op.add_column("pnl_point", _money(name, nullable=True), schema=SCHEMA)


def _flows() -> None:
    op.create_table(
        "flow",
        _id("position_id"),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        _id("user_id"),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("valued_at", MOMENT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        *(_money(name) for name in ("amount", "before", "after", "others")),
        *(_money(name, nullable=True) for name in ("held_before", "held_after", "btc_price")),
        sa.PrimaryKeyConstraint("position_id", "number", name="pk_flow"),
        _of_position("flow"),
        schema=SCHEMA,
    )
    op.create_table(
        "moved",
        _id("position_id"),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False, comment="of the flow"),
        sa.Column("asset", sa.Text, nullable=False),
        _id("user_id"),
        _money("cost"),
        _money("value"),
        sa.PrimaryKeyConstraint("position_id", "number", "asset", name="pk_moved"),
        _of_position("moved"),
        schema=SCHEMA,
    )


def _legs() -> None:
    op.create_table(
        "held_still",
        _id("position_id"),
        sa.Column("asset", sa.Text, nullable=False),
        _id("user_id"),
        sa.Column("symbol", sa.Text, nullable=False),
        _money("quantity"),
        sa.PrimaryKeyConstraint("position_id", "asset", name="pk_held_still"),
        _of_position("held_still"),
        schema=SCHEMA,
    )
    op.create_table(
        "leg_result",
        _id("leg_id"),
        _id("user_id"),
        _id("position_id"),
        _id("run_id"),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        _money("arrival_price", nullable=True),
        _money("quantity"),
        _money("notional"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("leg_id", name="pk_leg_result"),
        _of_position("leg_result"),
        schema=SCHEMA,
    )
    op.create_index("ix_leg_result_position", "leg_result", ["position_id"], schema=SCHEMA)


def _thinning() -> None:
    op.create_table(
        "thinning",
        _id("position_id"),
        _id("user_id"),
        sa.Column("due", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("position_id", name="pk_thinning"),
        schema=SCHEMA,
    )
    op.create_index("ix_thinning_due", "thinning", ["due"], schema=SCHEMA)
