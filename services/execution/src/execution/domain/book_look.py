"""A plan beside the order books: what its legs would cost now, and which of them the books cannot fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, localcontext

from execution.domain.plan import Plan, PlanLine
from shared.trading.depth import Depth
from shared.trading.money import EXACT, ZERO, plain, truncate
from shared.trading.policy import LegPolicy

PRICE_PLACES = 18


def look_at_books(plan: Plan, books: Mapping[str, Depth], *, least: Decimal) -> Plan:
    """The plan with the price at which each leg would fill now, and `illiquid` where the book is too thin.

    Args:
        plan: As it was drafted.
        books: By symbol; a leg without one stays as it is.
        least: Share of a leg, a fraction, that must stand in the book within the leg's limit price. What is tried
            again until a deadline (COMPLETE) may find it later: such a leg is only warned of.
    """
    looked = [_looked(line, books.get(line.symbol), plan, least) for line in plan.legs]
    lines = [line for line, _ in looked]
    warnings = [warning for _, warning in looked if warning]
    sends = plan.executable and (any(line.check == "ok" for line in lines) or not plan.to_send)
    return replace(plan, legs=lines, warnings=[*plan.warnings, *warnings], executable=sends)


def _looked(line: PlanLine, book: Depth | None, plan: Plan, least: Decimal) -> tuple[PlanLine, str | None]:
    if line.check != "ok" or book is None:
        return line, None
    there, notional = book.taking(side=line.side, quantity=line.quantity, limit=line.limit_price)
    with localcontext(EXACT):
        price = truncate(notional / there, places=PRICE_PLACES) if there else None
        share = there / line.quantity
    line = replace(line, book_price=price)
    if there >= line.quantity:
        return line, None
    stands = (
        f"{plain(truncate(share * 100, places=1))} % of the order for {line.symbol} stand in the book within the limit"
    )
    if share >= least or plan.policy is LegPolicy.COMPLETE:
        return line, f"Only {stands}: the rest may not fill."
    thin = replace(line, check="illiquid", reason="book_too_thin", quantity=ZERO, fee=ZERO, book_price=None)
    return thin, f"{line.symbol} is left out: only {stands}."
