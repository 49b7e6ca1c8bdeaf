"""D8: coins that positions hold and the venue does not trade: delisted, renamed or halted."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.domain.books import AccountBooks
from reconciler.domain.findings import Finding, Scope
from shared.trading.money import ZERO
from shared.trading.status import BreakClass


def not_traded(books: AccountBooks, listing: Mapping[str, bool]) -> list[Finding]:
    """One finding for each coin of each position that nobody can sell now.

    Args:
        books: Our side.
        listing: Every listed symbol, and whether the venue takes orders for it.
    """
    return [
        Finding(
            break_class=BreakClass.D8,
            scope=Scope.LISTING,
            subject=f"listing:{position.position_id}:{coin.asset}",
            position_id=position.position_id,
            asset=coin.asset,
            detail=f"{coin.symbol} {_why(coin.symbol, listing)}; the coins are yours, and nothing is sold or bought.",
        )
        for position in books.positions
        for coin in position.coins
        if coin.quantity > ZERO and not listing.get(coin.symbol, False)
    ]


def _why(symbol: str, listing: Mapping[str, bool]) -> str:
    return "is halted at the venue" if symbol in listing else "is not on the venue's list any more"
