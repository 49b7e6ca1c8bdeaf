"""Positions as rows: their books, what was told of them, and their P&L points."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from reconciler.domain.announcements import PnlPoint
from reconciler.domain.books import VALUED, Account, HeldCoin, PositionBook
from reconciler.domain.tracking import Tracked
from reconciler.outbound.postgres.tables import active_position, holding, pnl_point, position


async def load_tracked(session: AsyncSession, position_ids: Collection[UUID], *, skip_busy: bool) -> list[Tracked]:
    """Positions by id, locked until the end of the transaction."""
    if not position_ids:
        return []
    rows = (
        (
            await session.execute(
                sa.select(position)
                .where(position.c.position_id.in_(position_ids))
                .order_by(position.c.position_id)
                .with_for_update(skip_locked=skip_busy)
            )
        )
        .mappings()
        .all()
    )
    coins = await _coins(session, [row["position_id"] for row in rows])
    return [_tracked(row, coins.get(row["position_id"], ())) for row in rows]


async def save_book(session: AsyncSession, book: PositionBook) -> None:
    """Keep a book, unless a newer one is there; keep the list of active positions in step."""
    row = insert(position).values(
        position_id=book.position_id,
        user_id=book.account.user_id,
        account_id=book.account.account_id,
        environment=book.account.environment,
        status=book.status,
        index_id=book.index_id,
        invested=book.invested,
        proceeds=book.proceeds,
        fees=book.fees,
        traded_at=book.traded_at,
    )
    changing = {name: row.excluded[name] for name in ("status", "invested", "proceeds", "fees", "traded_at")}
    statement = row.on_conflict_do_update(
        index_elements=[position.c.position_id], set_=changing, where=position.c.traded_at <= row.excluded.traded_at
    ).returning(position.c.position_id)
    if (await session.execute(statement)).first() is None:
        return
    await _save_coins(session, book)
    await _save_active(session, book)


async def save_tracking(session: AsyncSession, tracked: Tracked) -> None:
    """Keep what was told."""
    value, pnl = tracked.told or (None, None)
    await session.execute(
        sa.update(position)
        .where(position.c.position_id == tracked.book.position_id)
        .values(
            version=tracked.version,
            told_value=value,
            told_pnl=pnl,
            deviating=tracked.deviating,
            reconciled_at=tracked.reconciled_at,
            point_slot=tracked.point_slot,
        )
    )


async def keep_point(session: AsyncSession, user_id: UUID, point: PnlPoint, *, replace: bool) -> None:
    """Keep a point of a position's history."""
    figures: dict[str, Any] = {
        "at": point.at,
        "value": point.value,
        "cost": point.cost,
        "realised": point.realised,
        "unrealised": point.unrealised,
        "max_abs_drift": point.max_abs_drift,
    }
    row = insert(pnl_point).values(position_id=point.position_id, slot=point.slot, user_id=user_id, **figures)
    key = [pnl_point.c.position_id, pnl_point.c.slot]
    await session.execute(
        row.on_conflict_do_update(index_elements=key, set_=figures)
        if replace
        else row.on_conflict_do_nothing(index_elements=key)
    )


async def _coins(session: AsyncSession, position_ids: Sequence[UUID]) -> dict[UUID, list[HeldCoin]]:
    found: dict[UUID, list[HeldCoin]] = {}
    if not position_ids:
        return found
    query = sa.select(holding).where(holding.c.position_id.in_(position_ids)).order_by(holding.c.asset)
    for row in (await session.execute(query)).mappings():
        coin = HeldCoin(
            asset=row["asset"],
            symbol=row["symbol"],
            quantity=row["quantity"],
            cost=row["cost"],
            realised=row["realised"],
            target_weight=row["target_weight"],
        )
        found.setdefault(row["position_id"], []).append(coin)
    return found


_COIN = insert(holding)
_SAVE_COIN = _COIN.on_conflict_do_update(
    index_elements=[holding.c.position_id, holding.c.asset],
    set_={name: _COIN.excluded[name] for name in ("symbol", "quantity", "cost", "realised", "target_weight")},
)


async def _save_coins(session: AsyncSession, book: PositionBook) -> None:
    gone = holding.c.asset.not_in([coin.asset for coin in book.coins])
    await session.execute(sa.delete(holding).where(holding.c.position_id == book.position_id, gone))
    values = [
        {
            "position_id": book.position_id,
            "asset": coin.asset,
            "user_id": book.account.user_id,
            "symbol": coin.symbol,
            "quantity": coin.quantity,
            "cost": coin.cost,
            "realised": coin.realised,
            "target_weight": coin.target_weight,
        }
        for coin in book.coins
    ]
    if values:
        connection = await session.connection()
        await connection.execute(_SAVE_COIN, values)


async def _save_active(session: AsyncSession, book: PositionBook) -> None:
    key = {"user_id": book.account.user_id, "position_id": book.position_id}
    if book.status in VALUED:
        row = insert(active_position).values(**key, environment=book.account.environment)
        await session.execute(row.on_conflict_do_nothing())
        return
    await session.execute(
        sa.delete(active_position).where(
            active_position.c.user_id == key["user_id"], active_position.c.position_id == key["position_id"]
        )
    )


def _tracked(row: Any, coins: Sequence[HeldCoin]) -> Tracked:
    account = Account(user_id=row["user_id"], account_id=row["account_id"], environment=row["environment"])
    book = PositionBook(
        account=account,
        position_id=row["position_id"],
        status=row["status"],
        index_id=row["index_id"],
        invested=row["invested"],
        proceeds=row["proceeds"],
        fees=row["fees"],
        coins=tuple(coins),
        traded_at=row["traded_at"],
    )
    told = None if row["told_value"] is None else (row["told_value"], row["told_pnl"])
    return Tracked(
        book=book,
        version=row["version"],
        told=told,
        deviating=row["deviating"],
        reconciled_at=row["reconciled_at"],
        point_slot=row["point_slot"],
    )
