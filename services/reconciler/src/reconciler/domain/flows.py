"""Money and coins that cross a position's border, each valued when it does: what returns are measured around."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from uuid import UUID

from reconciler.domain.books import HeldCoin, PositionBook
from reconciler.domain.tracking import Border, Tracked
from reconciler.domain.valuation import Mark, Valuation, value_position
from shared.trading.money import EXACT, ZERO, exact_product, exact_sum
from shared.trading.status import PositionStatus

PURCHASES = frozenset({"buy", "invest"})
"""Kinds of runs that bring money in, and give back what they did not spend."""
TRADING = frozenset({PositionStatus.REBALANCING, PositionStatus.CLOSING})
"""Statuses of a position that stands while one of its runs is under way."""
PAYS_OUT = frozenset({"withdraw", "close", "unwind"})
"""Kinds of runs that pay money out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A coin that left without a sale: a rest that the venue would not sell, or a share of a shortage.

    Attributes:
        cost: What the books gave up for it, quote units.
        value: What it was worth when it left, quote units.
    """

    asset: str
    cost: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What crossed the border between two looks at a position; quote units.

    Attributes:
        number: Counts the position's flows from 1.
        at: Of the last trade in it, or of the change.
        kind: Of the run that was under way: `buy`, `invest`, `withdraw`, `close`, `rebalance` (what it left over), …
        amount: Above zero into the position, below zero out of it; what left in kind counts at its value.
        before: The position's value right before it, at the marks of `after`.
        after: Its value right after it; `before` + `amount` - `after` is what the trades cost.
        held_before: Value of the coins that were bought and never rebalanced, before it; None when not known.
        held_after: The same after it.
        btc_price: Quote per bitcoin then.
    """

    position_id: UUID
    number: int
    at: datetime
    valued_at: datetime
    kind: str
    amount: Decimal
    before: Decimal
    after: Decimal
    held_before: Decimal | None = None
    held_after: Decimal | None = None
    btc_price: Decimal | None = None


def capital_of(book: PositionBook) -> Decimal:
    """What is tied up: cost of the coins minus what sales realised, and the position's own cash."""
    with localcontext(EXACT):
        return exact_sum([coin.cost - coin.realised for coin in book.coins]) + book.cash


def money_of(book: PositionBook) -> Decimal:
    """What came from outside in money: paid for purchases minus what sales brought, and the position's own cash."""
    with localcontext(EXACT):
        return book.invested - book.proceeds + book.cash


Found = tuple[Flow, tuple[Moved, ...]]


def crossings(tracked: Tracked, valuation: Valuation, marks: Mapping[str, Mark]) -> list[Found]:
    """What crossed the border since the last look, in order.

    A position that had paid money out before anybody looked at it for the first time has two flows: all that came in,
    and all that went out. Taken together they would be a flow of the gain or loss, and no return could be told from it.
    """
    found = crossing(tracked, valuation, marks)
    if found is None:
        return []
    (flow, moved), out = found, tracked.book.withdrawn
    if tracked.border.flows or out <= ZERO:
        return [found]
    with localcontext(EXACT):
        came = flow.amount + out
    kind = "close" if tracked.book.status is PositionStatus.CLOSED else "withdraw"
    went = replace(flow, number=flow.number + 1, kind=kind, amount=-out, before=came)
    return [(replace(flow, kind="buy", amount=came, after=came), ()), (went, moved)]


def crossing(tracked: Tracked, valuation: Valuation, marks: Mapping[str, Mark]) -> Found | None:
    """What crossed the border since the last look.

    The figures come from the books alone: what money came or went, and what the coins' cost lost beyond that, which
    left in kind. What a rebalance sells and buys changes neither, and how fills are split changes none of them.

    Args:
        tracked: As it is now, with the border of the last look.
        valuation: Of the book as it is now.
        marks: Value what left in kind.

    Returns:
        None when nothing crossed.
    """
    book, border = tracked.book, tracked.border
    with localcontext(EXACT):
        money = money_of(book) - border.money
        gone = money - (capital_of(book) - border.capital)
        moved = _moved(tracked.before, book, marks, gone) if gone else ()
        amount = money - exact_sum([one.value for one in moved])
        if not money and not moved:
            return None
        flow = Flow(
            position_id=book.position_id,
            number=border.flows + 1,
            at=book.traded_at,
            valued_at=valuation.at,
            kind=_kind(tracked, amount),
            amount=amount,
            before=_before(tracked, valuation, amount, marks),
            after=valuation.value + book.cash,
        )
    return flow, moved


def border_after(book: PositionBook, border: Border, flow: Flow, moved: Sequence[Moved] = ()) -> Border:
    """The border once a flow is recorded.

    What a purchase does not spend goes back when its run is over: that much was never paid in.
    """
    with localcontext(EXACT):
        returned = flow.amount if flow.kind in PURCHASES and not moved else ZERO
        paid_in = max(flow.amount, ZERO) if returned >= ZERO else returned
        return Border(
            flows=flow.number,
            money=money_of(book),
            capital=capital_of(book),
            paid_in=border.paid_in + paid_in,
            taken_out=border.taken_out + paid_in - flow.amount,
            withdrawn=book.withdrawn,
        )


def _kind(tracked: Tracked, amount: Decimal) -> str:
    """Of the run; money that is paid out of a position which no run pays out of was taken by its owner.

    Whenever it is seen: nobody may have had a price while it went.
    """
    kind = tracked.run_kind or "buy"
    taken = amount < ZERO and tracked.book.withdrawn > tracked.border.withdrawn
    return "withdraw" if taken and kind not in PAYS_OUT else kind


def _before(tracked: Tracked, valuation: Valuation, amount: Decimal, marks: Mapping[str, Mark]) -> Decimal:
    """What was there right before, at the very marks that value what is there after: no price move is in a flow.

    Where that book is gone, or has had a part of the flow in it, the trades count as free of cost.
    """
    was, border = tracked.before, tracked.border
    if border.flows == 0:
        return ZERO
    if was is not None and (money_of(was), capital_of(was)) == (border.money, border.capital):
        valued = value_position(was, marks, valuation.at)
        if valued is not None:
            return valued.value + was.cash
    return valuation.value + tracked.book.cash - amount


def _moved(
    before: PositionBook | None, after: PositionBook, marks: Mapping[str, Mark], gone: Decimal
) -> tuple[Moved, ...]:
    """Coins whose quantity fell without a sale; what that does not explain is dust of sold coins, valued at its cost."""
    now = {coin.asset: coin for coin in after.coins}
    # While a run trades, what leaves without a sale is the dust of one that was seen before.
    whole = before.coins if before is not None and before.status not in TRADING else ()
    found = [_left(coin, now.get(coin.asset), marks) for coin in whole]
    moved = [one for one in found if one is not None]
    rest = gone - exact_sum([one.cost for one in moved])
    if rest:
        moved.append(Moved(asset="", cost=rest, value=rest))
    return tuple(moved)


def _left(was: HeldCoin, now: HeldCoin | None, marks: Mapping[str, Mark]) -> Moved | None:
    quantity = was.quantity - (now.quantity if now else ZERO)
    cost = was.cost - (now.cost if now else ZERO)
    sold = now is not None and now.realised != was.realised
    if quantity <= ZERO or cost <= ZERO or sold:
        return None
    mark = marks.get(was.symbol)
    return Moved(asset=was.asset, cost=cost, value=exact_product(quantity, mark.price) if mark else cost)
