"""The hot path: what signing one call reads and writes, in as few round trips as it can be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from keys.application.signing_ports import SignedPast, SigningState
from keys.domain.allowance import CountDown, Market, PlanCeiling, RunAllowance, RunTails, SignedOrder
from keys.domain.audit import AuditEntry
from keys.domain.endpoints import Bucket
from keys.domain.guards import Reservation, Spent
from keys.domain.lane import Lane
from keys.domain.orders import OrderTerms
from keys.domain.rate_window import RateWindow
from keys.outbound.postgres import guard_rows
from keys.outbound.postgres.audit_trail import EMPTY, Head, values_of
from keys.outbound.postgres.rows import json_of, key_of
from keys.outbound.postgres.tables import plan_ceilings
from shared.runtime.keeper import PLACE, inserting
from shared.runtime.unit import Unit
from shared.trading.money import exact_product
from shared.trading.status import Side

Row = Mapping[str, Any]


class _Driver(Protocol):
    """As much of an asyncpg connection as is used here."""

    async def execute(self, query: str, *values: Any) -> str: ...
    async def fetch(self, query: str, *values: Any) -> list[Row]: ...
    async def fetchrow(self, query: str, *values: Any) -> Row | None: ...
    async def fetchval(self, query: str, *values: Any) -> Any: ...


_CEILING = (
    "key_id",
    "position_tail",
    "run_tail",
    "symbol",
    "side",
    "expires_at",
    "approved_amount",
    "max_quantity",
    "max_notional",
    "limit_price",
    "reference_price",
    "priced_at",
    "retries",
)
_LOCK = "select pg_advisory_xact_lock(hashtextextended('keys:' || $1, 0))"
_STATE = f"""
    select k.*, w.taken_ms, w.taken_units, w.asked, a.seq, a.seal,
           (extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms, {guard_rows.COLUMNS}
    from keys.venue_keys k
    {guard_rows.JOINS}
    left join keys.rate_windows w on w.account_hash = k.account_hash and w.bucket = $2
    left join lateral (
        select seq, seal from keys.audit where key_id = k.key_id order by seq desc limit 1
    ) a on true
    where k.key_id = $1
"""  # noqa: S608 - constants of ours
# Ceilings first, then link ids signed before: two questions in one round trip.
_PAST = """
    select c.position_tail, c.run_tail, c.symbol, c.side, c.expires_at, c.approved_amount, c.limit_price,
           c.reference_price, c.priced_at, c.max_quantity, c.max_notional, c.signed_quantity, c.signed_notional, c.retries,
           null as link_id, null as fingerprint
    from unnest($2::text[], $3::text[]) as wanted (position_tail, run_tail)
    join keys.plan_ceilings c using (position_tail, run_tail)
    where c.key_id = $1
    union all
    select null, null, symbol, side, null, null, price, null, null, quantity, null, null, null, null, link_id, fingerprint
    from keys.signed_orders where link_id = any($4::text[])
"""

# One statement with several parts writes in one round trip; the numbers follow `_window_values` and so on.
_WINDOW = """
    window_row as (
        insert into keys.rate_windows (account_hash, bucket, taken_ms, taken_units, asked)
        values ($1, $2, $3::bigint[], $4::int[], $5::text::jsonb)
        on conflict (account_hash, bucket) do update
        set taken_ms = excluded.taken_ms, taken_units = excluded.taken_units, asked = excluded.asked
    )"""
_AUDIT = """
    audit_row as (
        insert into keys.audit
            (key_id, seq, user_id, at, actor, action, outcome, why, link_ids, payload_hash, previous, seal)
        values ($6, $7, $8, $9, $10, $11, $12, $13, $14::text[], $15, $16, $17)
    )"""
_ORDERS = """
    counted as (
        update keys.plan_ceilings c
        set signed_quantity = u.signed_quantity, signed_notional = u.signed_notional
        from unnest($18::text[], $19::text[], $20::text[], $21::text[], $22::numeric[], $23::numeric[])
             as u (position_tail, run_tail, symbol, side, signed_quantity, signed_notional)
        where c.key_id = $6 and c.position_tail = u.position_tail and c.run_tail = u.run_tail
          and c.symbol = u.symbol and c.side = u.side
    ),
    signed as (
        insert into keys.signed_orders (link_id, key_id, fingerprint, symbol, side, quantity, price)
        select o.link_id, $6, o.fingerprint, o.symbol, o.side, o.quantity, o.price
        from unnest($24::text[], $25::bytea[], $26::text[], $27::text[], $28::numeric[], $29::numeric[])
             as o (link_id, fingerprint, symbol, side, quantity, price)
    )"""
_ONLY_WINDOW = f"with {_WINDOW} select 1"
_READ_SIGNED = f"with {_WINDOW}, {_AUDIT} select 1"
_ORDERS_SIGNED = f"with {_WINDOW}, {_AUDIT}, {_ORDERS} select 1"
_OPENING_SIGNED = f"with {_WINDOW}, {_AUDIT}, {_ORDERS}, {guard_rows.reserve_statement(30)}"


# The rows as one argument: a statement with a place for each value would be built anew for every plan.
_APPROVE = text(
    f"{inserting(plan_ceilings, _CEILING).replace(f'${PLACE}::json', 'cast(:rows as json)')} on conflict do nothing"
)


def tail_texts(run: RunTails) -> tuple[str, str]:
    """The columns `position_tail` and `run_tail`: fixed-width hex."""
    return f"{run[0]:020x}", f"{run[1]:010x}"


async def read_state(unit: Unit, key_id: UUID, bucket: Bucket) -> tuple[SigningState, Head] | None:
    """Key, window and head of the audit, with the key locked; None when the key is not this user's."""
    driver: _Driver = unit.connection
    # Two statements: what is read has to be newer than the lock.
    await driver.execute(_LOCK, str(key_id))
    row = await driver.fetchrow(_STATE, key_id, bucket.name)
    if row is None:
        return None
    head = EMPTY if row["seq"] is None else Head(row["seq"], row["seal"])
    state = SigningState(
        key=key_of(dict(row)), window=_window_of(row), now_ms=row["now_ms"], guards=guard_rows.stored_guards(row)
    )
    return state, head


async def read_past(unit: Unit, key_id: UUID, orders: Sequence[OrderTerms]) -> SignedPast:
    """Approvals of the orders' runs, and fingerprints of their link ids."""
    driver: _Driver = unit.connection
    runs = [tail_texts(run) for run in sorted({order.run for order in orders})]
    links = [text for order in orders for text in (order.link_text, order.before_text) if text is not None]
    rows = await driver.fetch(_PAST, key_id, [one[0] for one in runs], [one[1] for one in runs], links)
    signed = [row for row in rows if row["link_id"] is not None]
    return SignedPast(
        allowances=_allowances([row for row in rows if row["link_id"] is None]),
        signed={row["link_id"]: row["fingerprint"] for row in signed},
        earlier={row["link_id"]: _signed_order(row) for row in signed},
    )


async def write(
    unit: Unit,
    state: SigningState,
    bucket: Bucket,
    window: RateWindow,
    counted: CountDown,
    entry: AuditEntry | None,
    reservation: Reservation | None,
) -> Spent | None:
    """One statement for everything that a call costs; the sum in which a reservation finds no room."""
    driver: _Driver = unit.connection
    values = _window_values(state, bucket, window)
    if entry is None:
        await driver.fetchval(_ONLY_WINDOW, *values)
    elif not counted.fresh:
        await driver.fetchval(_READ_SIGNED, *values, *values_of(entry).values())
    else:
        orders = _counted_values(state.key.key_id, counted)
        if reservation is not None:
            sums = guard_rows.reserve_values(reservation)
            held = await driver.fetchval(_OPENING_SIGNED, *values, *values_of(entry).values(), *orders, *sums)
            return await guard_rows.full_of(driver, reservation, held)
        await driver.fetchval(_ORDERS_SIGNED, *values, *values_of(entry).values(), *orders)
    return None


async def approve(session: AsyncSession, key_id: UUID, run: RunTails, allowance: RunAllowance) -> None:
    """Store ceilings once."""
    if not allowance.ceilings:
        return
    position_tail, run_tail = tail_texts(run)
    rows = [
        {
            "key_id": key_id,
            "position_tail": position_tail,
            "run_tail": run_tail,
            "symbol": ceiling.symbol,
            "side": ceiling.side.value,
            "expires_at": allowance.expires_at,
            "approved_amount": allowance.approved_amount,
            "max_quantity": ceiling.max_quantity,
            "max_notional": ceiling.max_notional,
            "limit_price": ceiling.limit_price,
            "reference_price": ceiling.reference_price,
            "priced_at": ceiling.priced_at,
            "retries": ceiling.retries,
        }
        for ceiling in allowance.ceilings.values()
    ]
    await session.execute(_APPROVE, {"rows": json.dumps(rows, default=_plain)})


def _plain(value: object) -> str:
    """Ids, amounts and moments as JSON that PostgreSQL reads."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _window_values(state: SigningState, bucket: Bucket, window: RateWindow) -> list[Any]:
    return [
        state.key.account_hash,
        bucket.name,
        [at for at, _ in window.taken],
        [units for _, units in window.taken],
        json.dumps({lane.value: at for lane, at in window.asked.items()}),
    ]


def _counted_values(key_id: UUID, counted: CountDown) -> list[list[Any]]:
    touched = [
        (*tail_texts(run), ceiling) for run, ceilings in counted.ceilings.items() for ceiling in ceilings.values()
    ]
    return [
        [position for position, _, _ in touched],
        [run for _, run, _ in touched],
        [ceiling.symbol for _, _, ceiling in touched],
        [ceiling.side.value for _, _, ceiling in touched],
        [ceiling.signed_quantity for _, _, ceiling in touched],
        [ceiling.signed_notional for _, _, ceiling in touched],
        [order.link_text for order in counted.fresh],
        [order.fingerprint(key_id) for order in counted.fresh],
        [order.symbol for order in counted.fresh],
        [order.side.value for order in counted.fresh],
        [order.quantity for order in counted.fresh],
        [order.price for order in counted.fresh],
    ]


def _window_of(row: Row) -> RateWindow:
    if row["taken_ms"] is None:
        return RateWindow()
    asked: dict[str, int] = json_of(row["asked"])
    return RateWindow(
        taken=tuple(zip(row["taken_ms"], row["taken_units"], strict=True)),
        asked={Lane(name): at for name, at in asked.items()},
    )


def _signed_order(row: Row) -> SignedOrder:
    quantity, price = row["max_quantity"], row["limit_price"]
    return SignedOrder(
        symbol=row["symbol"], side=Side(row["side"]), quantity=quantity, notional=exact_product(quantity, price)
    )


def _allowances(rows: Sequence[Row]) -> dict[RunTails, RunAllowance]:
    ceilings: dict[RunTails, dict[Market, PlanCeiling]] = {}
    terms: dict[RunTails, tuple[datetime, Decimal | None]] = {}
    for row in rows:
        run = (int(row["position_tail"], 16), int(row["run_tail"], 16))
        terms[run] = row["expires_at"], row["approved_amount"]
        ceiling = PlanCeiling(
            symbol=row["symbol"],
            side=Side(row["side"]),
            max_quantity=row["max_quantity"],
            max_notional=row["max_notional"],
            limit_price=row["limit_price"],
            reference_price=row["reference_price"],
            priced_at=row["priced_at"],
            retries=row["retries"],
            signed_quantity=row["signed_quantity"],
            signed_notional=row["signed_notional"],
        )
        ceilings.setdefault(run, {})[(ceiling.symbol, ceiling.side)] = ceiling
    return {
        run: RunAllowance(expires_at=expires_at, ceilings=ceilings[run], approved_amount=amount)
        for run, (expires_at, amount) in terms.items()
    }
