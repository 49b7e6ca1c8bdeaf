"""Positions as rows: their books, what was told of them, and their P&L points."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from reconciler.domain.ages import CLOSE_FOR
from reconciler.domain.announcements import PnlPoint
from reconciler.domain.books import VALUED, Account, HeldCoin, PositionBook
from reconciler.domain.tracking import Border, Tracked
from reconciler.outbound.postgres.tables import BORDER, ID, active_position, holding, pnl_point, position, thinning
from shared.runtime.statement import Statement
from shared.runtime.unit import Unit
from shared.trading.status import PositionStatus, VenueEnvironment


def _values(table: sa.Table, *names: str) -> dict[str, sa.BindParameter[Any]]:
    return {name: sa.bindparam(name, type_=table.c[name].type) for name in names}


def _save_book() -> Statement:
    figures = ("status", "invested", "proceeds", "fees", "cash", "withdrawn", "traded_at")
    row = insert(position).values(
        _values(position, "position_id", "user_id", "account_id", "environment", "index_id", *figures)
    )
    newer = row.on_conflict_do_update(
        index_elements=[position.c.position_id],
        set_={name: row.excluded[name] for name in figures},
        where=position.c.traded_at <= row.excluded.traded_at,
    )
    return Statement(newer.returning(position.c.position_id))


def _save_coin() -> Statement:
    figures = ("symbol", "quantity", "cost", "realised", "target_weight")
    row = insert(holding).values(_values(holding, "position_id", "asset", "user_id", *figures))
    return Statement(
        row.on_conflict_do_update(
            index_elements=[holding.c.position_id, holding.c.asset],
            set_={name: row.excluded[name] for name in figures},
        )
    )


def _keep_point(*, proved: bool) -> Statement:
    figures = ("at", "value", "cost", "realised", "unrealised", "max_abs_drift", "net_in", "held", "btc_price")
    row = insert(pnl_point).values(_values(pnl_point, "position_id", "slot", "user_id", *figures))
    key = [pnl_point.c.position_id, pnl_point.c.slot]
    if not proved:
        return Statement(row.on_conflict_do_nothing(index_elements=key))
    return Statement(row.on_conflict_do_update(index_elements=key, set_={name: row.excluded[name] for name in figures}))


_TOLD = ("version", "told_value", "told_pnl", "deviating", "priced_at", "reconciled_at", "point_slot", "last_prices")
_TRACKED = (*_TOLD, "flows", *BORDER)
_IDS = sa.bindparam("ids", type_=sa.ARRAY(ID))
_THESE = sa.select(position).where(position.c.position_id == sa.any_(_IDS)).order_by(position.c.position_id)
_READ = Statement(_THESE)
_LOCK = Statement(_THESE.with_for_update())
_LOCK_FREE = Statement(_THESE.with_for_update(skip_locked=True))
_COINS = Statement(sa.select(holding).where(holding.c.position_id == sa.any_(_IDS)).order_by(holding.c.asset))
_SAVE_BOOK = _save_book()
_SAVE_COIN = _save_coin()
_OTHER_COINS_GONE = Statement(
    sa.delete(holding).where(
        holding.c.position_id == sa.bindparam("position_id", type_=ID),
        holding.c.asset != sa.all_(sa.bindparam("assets", type_=sa.ARRAY(sa.Text))),
    )
)
_TRACK = Statement(
    sa.update(position)
    .where(position.c.position_id == sa.bindparam("position", type_=ID))
    .values(_values(position, *_TRACKED))
)
_POINT = _keep_point(proved=False)
_PROVED_POINT = _keep_point(proved=True)
_THIN_LATER = Statement(
    insert(thinning).values(_values(thinning, "position_id", "user_id", "due")).on_conflict_do_nothing()
)
_ACTIVE = Statement(
    insert(active_position)
    .values(_values(active_position, "user_id", "position_id", "environment"))
    .on_conflict_do_nothing()
)
_RESTS = Statement(
    sa.delete(active_position).where(
        active_position.c.user_id == sa.bindparam("user_id", type_=ID),
        active_position.c.position_id == sa.bindparam("position_id", type_=ID),
    )
)


async def load_tracked(unit: Unit, position_ids: Collection[UUID], *, skip_busy: bool) -> list[Tracked]:
    """Positions by id, locked until the end of the transaction."""
    if not position_ids:
        return []
    found = await (_LOCK_FREE if skip_busy else _LOCK).rows(unit, ids=list(position_ids))
    if not found:
        return []
    coins = await _coins(unit, [row["position_id"] for row in found])
    return [_tracked(row, coins.get(row["position_id"], ())) for row in found]


async def read_tracked(unit: Unit, position_ids: Collection[UUID]) -> list[Tracked]:
    """Positions by id, as they stand, without a lock."""
    found = await _READ.rows(unit, ids=list(position_ids))
    coins = await _coins(unit, [row["position_id"] for row in found])
    return [_tracked(row, coins.get(row["position_id"], ())) for row in found]


async def save_book(unit: Unit, book: PositionBook) -> None:
    """Keep a book, unless a newer one is there; keep the list of active positions in step."""
    account = book.account
    kept = await _SAVE_BOOK.value(
        unit,
        position_id=book.position_id,
        user_id=account.user_id,
        account_id=account.account_id,
        environment=account.environment,
        status=book.status,
        index_id=book.index_id,
        invested=book.invested,
        proceeds=book.proceeds,
        fees=book.fees,
        cash=book.cash,
        withdrawn=book.withdrawn,
        traded_at=book.traded_at,
    )
    if kept is None:
        return
    await _save_coins(unit, book)
    key = {"user_id": account.user_id, "position_id": book.position_id}
    if book.status in VALUED:
        await _ACTIVE.run(unit, **key, environment=account.environment)
    else:
        await _RESTS.run(unit, **key)


async def save_tracking(unit: Unit, told: Sequence[Tracked]) -> None:
    """Keep what was told."""
    await _TRACK.run_many(unit, [_tracking(one) for one in told])


async def keep_point(unit: Unit, user_id: UUID, point: PnlPoint, *, replace: bool) -> None:
    """Keep a point of a position's history."""
    await (_PROVED_POINT if replace else _POINT).run(
        unit,
        position_id=point.position_id,
        slot=point.slot,
        user_id=user_id,
        at=point.at,
        value=point.value,
        cost=point.cost,
        realised=point.realised,
        unrealised=point.unrealised,
        max_abs_drift=point.max_abs_drift,
        net_in=point.net_in,
        held=point.held,
        btc_price=point.btc_price,
    )
    # The first hour that can be thinned begins to be old enough two days from now.
    await _THIN_LATER.run(unit, position_id=point.position_id, user_id=user_id, due=point.at + CLOSE_FOR)


async def _coins(unit: Unit, position_ids: Sequence[UUID]) -> dict[UUID, list[HeldCoin]]:
    found: dict[UUID, list[HeldCoin]] = {}
    for row in await _COINS.rows(unit, ids=position_ids):
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


async def _save_coins(unit: Unit, book: PositionBook) -> None:
    await _OTHER_COINS_GONE.run(unit, position_id=book.position_id, assets=[coin.asset for coin in book.coins])
    about = {"position_id": book.position_id, "user_id": book.account.user_id}
    await _SAVE_COIN.run_many(
        unit,
        [
            about
            | {
                "asset": coin.asset,
                "symbol": coin.symbol,
                "quantity": coin.quantity,
                "cost": coin.cost,
                "realised": coin.realised,
                "target_weight": coin.target_weight,
            }
            for coin in book.coins
        ],
    )


def _tracking(tracked: Tracked) -> dict[str, Any]:
    value, pnl = tracked.told or (None, None)
    return {
        "position": tracked.book.position_id,
        "version": tracked.version,
        "told_value": value,
        "told_pnl": pnl,
        "deviating": tracked.deviating,
        "priced_at": tracked.priced_at,
        "reconciled_at": tracked.reconciled_at,
        "point_slot": tracked.point_slot,
        "last_prices": {symbol: str(price) for symbol, price in tracked.last_prices.items()},
        "flows": tracked.border.flows,
        "border_money": tracked.border.money,
        "border_capital": tracked.border.capital,
        "paid_in": tracked.border.paid_in,
        "taken_out": tracked.border.taken_out,
        "border_withdrawn": tracked.border.withdrawn,
    }


def _tracked(row: Mapping[str, Any], coins: Sequence[HeldCoin]) -> Tracked:
    account = Account(
        user_id=row["user_id"], account_id=row["account_id"], environment=VenueEnvironment(row["environment"])
    )
    book = PositionBook(
        account=account,
        position_id=row["position_id"],
        status=PositionStatus(row["status"]),
        index_id=row["index_id"],
        invested=row["invested"],
        proceeds=row["proceeds"],
        fees=row["fees"],
        coins=tuple(coins),
        traded_at=row["traded_at"],
        cash=row["cash"],
        withdrawn=row["withdrawn"],
    )
    told = None if row["told_value"] is None else (row["told_value"], row["told_pnl"])
    return Tracked(
        book=book,
        version=row["version"],
        told=told,
        deviating=row["deviating"],
        priced_at=row["priced_at"],
        reconciled_at=row["reconciled_at"],
        point_slot=row["point_slot"],
        last_prices={symbol: Decimal(price) for symbol, price in json.loads(row["last_prices"]).items()},
        run_kind=row["run_kind"],
        border=Border(
            flows=row["flows"],
            money=row["border_money"],
            capital=row["border_capital"],
            paid_in=row["paid_in"],
            taken_out=row["taken_out"],
            withdrawn=row["border_withdrawn"],
        ),
    )
