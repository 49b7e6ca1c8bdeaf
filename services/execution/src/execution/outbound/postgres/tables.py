"""The tables of schema `execution`; `desk` holds ids only, every other one is guarded row by row."""

from __future__ import annotations

import sqlalchemy as sa

from execution.outbound.postgres import ledger_tables as ledger
from execution.outbound.postgres import order_tables as orders
from execution.outbound.postgres import schema
from execution.outbound.postgres.schema import ID, MOMENT
from shared.runtime.columns import Word
from shared.runtime.inbox import inbox_table
from shared.runtime.outbox import outbox_table
from shared.trading.status import VenueEnvironment

metadata = schema.metadata
"""Knows all the tables only from here on: migrations compare this one."""
outbox = outbox_table(metadata)
inbox = inbox_table(metadata)

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

OWNED = tuple(
    table.name
    for table in (
        orders.plan,
        orders.position,
        orders.holding,
        orders.run,
        orders.leg,
        orders.attempt,
        orders.reservation,
        ledger.shortage,
        ledger.shortage_share,
    )
)
"""Tables with row-level security whose rows change."""
APPEND_ONLY = tuple(
    table.name
    for table in (
        ledger.fill,
        ledger.journal,
        ledger.account_flow,
        ledger.shortage_answer,
        ledger.hand_settlement,
    )
)
"""Tables with row-level security whose rows never change."""
