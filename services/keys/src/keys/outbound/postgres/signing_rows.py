"""The hot path: what signing one call reads and writes, in as few round trips as it can be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from keys.application.ports import SignedPast, SigningState
from keys.domain.allowance import CountDown, Market, PlanCeiling, RunAllowance, RunTails
from keys.domain.audit import AuditEntry
from keys.domain.endpoints import Bucket
from keys.domain.lane import Lane
from keys.domain.orders import OrderTerms
from keys.domain.rate_window import RateWindow
from keys.outbound.postgres.audit_trail import EMPTY, Head, values_of
from keys.outbound.postgres.rows import key_of
from keys.outbound.postgres.tables import plan_ceilings
from shared.trading.status import Side

_STATE = sa.text("""
    select k.*, w.taken_ms, w.taken_units, w.asked, a.seq, a.seal,
           cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as now_ms
    from keys.venue_keys k
    left join keys.rate_windows w on w.account_hash = k.account_hash and w.bucket = :bucket
    left join lateral (
        select seq, seal from keys.audit where key_id = k.key_id order by seq desc limit 1
    ) a on true
    where k.key_id = :key_id
""")

_CEILINGS = sa.text("""
    select c.position_tail, c.run_tail, c.symbol, c.side, c.expires_at,
           c.max_quantity, c.max_notional, c.signed_quantity, c.signed_notional
    from keys.plan_ceilings c
    join unnest(cast(:positions as text[]), cast(:runs as text[])) as wanted (position_tail, run_tail)
      using (position_tail, run_tail)
    where c.key_id = :key_id
""")

_SIGNED = sa.text("select link_id, fingerprint from keys.signed_orders where link_id = any(cast(:links as text[]))")

_WINDOW = """
    window_row as (
        insert into keys.rate_windows (account_hash, bucket, taken_ms, taken_units, asked)
        values (:account_hash, :bucket, cast(:taken_ms as bigint[]), cast(:taken_units as int[]),
                cast(:asked as jsonb))
        on conflict (account_hash, bucket) do update
        set taken_ms = excluded.taken_ms, taken_units = excluded.taken_units, asked = excluded.asked
    )"""
_AUDIT = """
    audit_row as (
        insert into keys.audit
            (key_id, seq, user_id, at, actor, action, outcome, why, link_ids, payload_hash, previous, seal)
        values (:key_id, :seq, :user_id, :at, :actor, :action, :outcome, :why, cast(:link_ids as text[]),
                :payload_hash, :previous, :seal)
    )"""
_ORDERS = """
    counted as (
        update keys.plan_ceilings c
        set signed_quantity = u.signed_quantity, signed_notional = u.signed_notional
        from unnest(cast(:positions as text[]), cast(:runs as text[]), cast(:symbols as text[]),
                    cast(:sides as text[]), cast(:quantities as numeric[]), cast(:notionals as numeric[]))
             as u (position_tail, run_tail, symbol, side, signed_quantity, signed_notional)
        where c.key_id = :key_id and c.position_tail = u.position_tail and c.run_tail = u.run_tail
          and c.symbol = u.symbol and c.side = u.side
    ),
    signed as (
        insert into keys.signed_orders (link_id, key_id, fingerprint, symbol, side, quantity, price)
        select o.link_id, :key_id, o.fingerprint, o.symbol, o.side, o.quantity, o.price
        from unnest(cast(:order_links as text[]), cast(:order_prints as bytea[]), cast(:order_symbols as text[]),
                    cast(:order_sides as text[]), cast(:order_quantities as numeric[]),
                    cast(:order_prices as numeric[]))
             as o (link_id, fingerprint, symbol, side, quantity, price)
    )"""
_ONLY_WINDOW = sa.text(f"with {_WINDOW} select 1")
_READ_SIGNED = sa.text(f"with {_WINDOW}, {_AUDIT} select 1")
_ORDERS_SIGNED = sa.text(f"with {_WINDOW}, {_AUDIT}, {_ORDERS} select 1")


def tail_texts(run: RunTails) -> tuple[str, str]:
    """The columns `position_tail` and `run_tail`: fixed-width hex."""
    return f"{run[0]:020x}", f"{run[1]:010x}"


async def read_state(session: AsyncSession, key_id: UUID, bucket: Bucket) -> tuple[SigningState, Head] | None:
    """Key, window and head of the audit; None when the key is not this user's."""
    row = (await session.execute(_STATE, {"key_id": key_id, "bucket": bucket.name})).mappings().first()
    if row is None:
        return None
    head = EMPTY if row["seq"] is None else Head(row["seq"], row["seal"])
    return SigningState(key=key_of(dict(row)), window=_window_of(row), now_ms=row["now_ms"]), head


async def read_past(session: AsyncSession, key_id: UUID, orders: Sequence[OrderTerms]) -> SignedPast:
    """Approvals of the orders' runs, and fingerprints of their link ids."""
    runs = [tail_texts(run) for run in sorted({order.run for order in orders})]
    asked = {"key_id": key_id, "positions": [one[0] for one in runs], "runs": [one[1] for one in runs]}
    ceilings = (await session.execute(_CEILINGS, asked)).mappings().all()
    signed = await session.execute(_SIGNED, {"links": [order.link_text for order in orders]})
    return SignedPast(allowances=_allowances(ceilings), signed={row.link_id: row.fingerprint for row in signed})


async def write(
    session: AsyncSession,
    state: SigningState,
    bucket: Bucket,
    window: RateWindow,
    counted: CountDown,
    entry: AuditEntry | None,
) -> None:
    """One statement for everything that a call costs."""
    values: dict[str, Any] = {
        "account_hash": state.key.account_hash,
        "bucket": bucket.name,
        "taken_ms": [at for at, _ in window.taken],
        "taken_units": [units for _, units in window.taken],
        "asked": json.dumps({lane.value: at for lane, at in window.asked.items()}),
    }
    if entry is None:
        await session.execute(_ONLY_WINDOW, values)
        return
    values |= values_of(entry)
    if not counted.fresh:
        await session.execute(_READ_SIGNED, values)
        return
    await session.execute(_ORDERS_SIGNED, values | _counted_values(state.key.key_id, counted))


async def approve(
    session: AsyncSession, key_id: UUID, run: RunTails, expires_at: datetime, ceilings: Sequence[PlanCeiling]
) -> None:
    """Store ceilings once."""
    if not ceilings:
        return
    position_tail, run_tail = tail_texts(run)
    rows = [
        {
            "key_id": key_id,
            "position_tail": position_tail,
            "run_tail": run_tail,
            "symbol": ceiling.symbol,
            "side": ceiling.side.value,
            "expires_at": expires_at,
            "max_quantity": ceiling.max_quantity,
            "max_notional": ceiling.max_notional,
        }
        for ceiling in ceilings
    ]
    await session.execute(insert(plan_ceilings).values(rows).on_conflict_do_nothing())


def _counted_values(key_id: UUID, counted: CountDown) -> dict[str, Any]:
    touched = [
        (*tail_texts(run), ceiling) for run, ceilings in counted.ceilings.items() for ceiling in ceilings.values()
    ]
    return {
        "positions": [position for position, _, _ in touched],
        "runs": [run for _, run, _ in touched],
        "symbols": [ceiling.symbol for _, _, ceiling in touched],
        "sides": [ceiling.side.value for _, _, ceiling in touched],
        "quantities": [ceiling.signed_quantity for _, _, ceiling in touched],
        "notionals": [ceiling.signed_notional for _, _, ceiling in touched],
        "order_links": [order.link_text for order in counted.fresh],
        "order_prints": [order.fingerprint(key_id) for order in counted.fresh],
        "order_symbols": [order.symbol for order in counted.fresh],
        "order_sides": [order.side.value for order in counted.fresh],
        "order_quantities": [order.quantity for order in counted.fresh],
        "order_prices": [order.price for order in counted.fresh],
    }


def _window_of(row: sa.RowMapping) -> RateWindow:
    if row["taken_ms"] is None:
        return RateWindow()
    asked: dict[str, int] = row["asked"] if isinstance(row["asked"], dict) else json.loads(row["asked"])
    return RateWindow(
        taken=tuple(zip(row["taken_ms"], row["taken_units"], strict=True)),
        asked={Lane(name): at for name, at in asked.items()},
    )


def _allowances(rows: Sequence[sa.RowMapping]) -> dict[RunTails, RunAllowance]:
    ceilings: dict[RunTails, dict[Market, PlanCeiling]] = {}
    expiry: dict[RunTails, datetime] = {}
    for row in rows:
        run = (int(row["position_tail"], 16), int(row["run_tail"], 16))
        expiry[run] = row["expires_at"]
        ceiling = PlanCeiling(
            symbol=row["symbol"],
            side=Side(row["side"]),
            max_quantity=row["max_quantity"],
            max_notional=row["max_notional"],
            signed_quantity=row["signed_quantity"],
            signed_notional=row["signed_notional"],
        )
        ceilings.setdefault(run, {})[(ceiling.symbol, ceiling.side)] = ceiling
    return {run: RunAllowance(expires_at=expiry[run], ceilings=found) for run, found in ceilings.items()}
