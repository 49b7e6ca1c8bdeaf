"""A plan beside the order books: what its legs would cost now, and which of them the books cannot fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal, localcontext

from execution.domain.plan import Plan, PlanLine
from execution.domain.position import RunKind
from execution.domain.thin_book import Thin
from shared.trading.depth import Depth
from shared.trading.money import EXACT, ONE, ZERO, exact_product, plain, truncate
from shared.trading.policy import LegPolicy
from shared.trading.status import Side

PRICE_PLACES = 18
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What a book takes of a leg within its limit: quote units, the share of the leg, and at which price on average."""

    notional: Decimal
    share: Decimal
    price: Decimal | None
    mid: Decimal | None


def thin_legs(plan: Plan, books: Mapping[str, Depth], *, least: Decimal) -> dict[str, Thin]:
    """The legs that shall not be sent, by symbol.

    A buy needs `least` of itself in the book within its limit price: a coin that is hardly there is better bought later.
    A sale is left out only where nobody buys at all: what the book takes is money that its owner has asked for. What is
    tried again until a deadline (COMPLETE) may find more later, so none of it is left out.

    Args:
        plan: As it was drafted.
        books: By symbol; a leg without one is no thin leg.
        least: Share of a buying leg, a fraction.
    """
    if plan.policy is LegPolicy.COMPLETE:
        return {}
    found: dict[str, Thin] = {}
    for line in plan.to_send:
        taken = _taken(line, books.get(line.symbol))
        if taken is not None and (taken.share < least if line.side is Side.BUY else taken.share <= ZERO):
            largest = _largest(plan, taken.share)
            found[line.symbol] = Thin(side=line.side, takes=taken.notional, largest_amount=largest)
    return found


def look_at_books(plan: Plan, books: Mapping[str, Depth], *, least: Decimal) -> Plan:
    """The plan with the price at which each leg would fill now, and with a sentence where a book is thin or unseen.

    Args:
        plan: As it was drafted.
        books: By symbol; a leg without one stays as it is.
        least: As for `thin_legs`; what is still thin here is left out as `illiquid`.
    """
    thin = thin_legs(plan, books, least=least)
    looked = [_looked(line, _taken(line, books.get(line.symbol)), thin.get(line.symbol)) for line in plan.legs]
    lines = [line for line, _ in looked]
    warnings = [warning for _, warning in looked if warning]
    sends = plan.executable and (any(line.check == "ok" for line in lines) or not plan.to_send)
    return replace(plan, legs=lines, warnings=[*plan.warnings, *warnings, *_unseen(lines, books)], executable=sends)


def _looked(line: PlanLine, taken: _Taken | None, thin: Thin | None) -> tuple[PlanLine, str | None]:
    if taken is None:
        return line, None
    if thin is not None:
        left_out = replace(
            line, check="illiquid", reason="book_too_thin", quantity=ZERO, fee=ZERO, book_notional=thin.takes
        )
        takes = f"{plain(truncate(thin.takes, places=2))} {line.quote_asset}"
        return left_out, f"{line.symbol} is left out: its order book takes {takes} of it within the limit now."
    line = replace(line, book_price=taken.price, book_mid=taken.mid, book_notional=taken.notional)
    if taken.share >= ONE:
        return line, None
    share, takes = plain(truncate(taken.share * 100, places=1)), plain(truncate(taken.notional, places=2))
    return line, (
        f"The order book takes only {share} % of the order for {line.symbol} within the limit now "
        f"({takes} {line.quote_asset}): the rest may not fill."
    )


def _unseen(lines: Sequence[PlanLine], books: Mapping[str, Depth]) -> list[str]:
    names = [line.symbol for line in lines if line.check == "ok" and line.symbol not in books]
    if not names:
        return []
    return [f"Order books not seen: {', '.join(names)}. What they cost is estimated at the best prices."]


def _taken(line: PlanLine, book: Depth | None) -> _Taken | None:
    """A book that goes on beyond what was told counts as deep: its rest is taken at the limit price at worst."""
    if book is None or line.check != "ok" or line.quantity <= ZERO:
        return None
    there, notional = book.taking(side=line.side, quantity=line.quantity, limit=line.limit_price)
    if there < line.quantity and book.goes_on(side=line.side, limit=line.limit_price):
        notional += exact_product(line.quantity - there, line.limit_price)
        there = line.quantity
    with localcontext(EXACT):
        price = truncate(notional / there, places=PRICE_PLACES) if there else None
        return _Taken(notional=notional, share=there / line.quantity, price=price, mid=book.mid())


def _largest(plan: Plan, share: Decimal) -> Decimal | None:
    if plan.kind is not RunKind.BUY:
        return None
    with localcontext(EXACT):
        return (plan.amount * share).quantize(CENT, rounding=ROUND_FLOOR)
