"""Balances: per coin, what positions hold together must be there; what is there beyond it is the user's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from reconciler.domain.books import AccountBooks, HeldCoin, PositionBook
from reconciler.domain.causes import Cause
from reconciler.domain.findings import Finding, Scope
from reconciler.domain.venue import VenueView
from shared.trading.money import ZERO, exact_sum
from shared.trading.status import BreakClass

ROUNDING = Decimal("1e-8")
"""What the venue may cut off one fill, in base units."""
FILLS_PER_COIN = 10
"""Fills that one coin of one position is assumed to come from when its rounding is judged."""


def compare_balances(
    books: AccountBooks, view: VenueView, *, lots: Mapping[str, Decimal], causes: Mapping[str, Cause]
) -> list[Finding]:
    """Shortages per coin, and positions' dust.

    Args:
        books: Our side.
        view: The venue's side, read after nothing of ours moved.
        lots: Smallest step of quantity by symbol.
        causes: Per coin, what others did that took coins away: D4, D5, D9 or D13.
    """
    held: dict[str, list[HeldCoin]] = defaultdict(list)
    for position in books.positions:
        for coin in position.claims:
            if coin.quantity:
                held[coin.asset].append(coin)
    findings = [
        _shortage(asset, coins, view.balances.get(asset, ZERO), lots, causes) for asset, coins in sorted(held.items())
    ]
    return [finding for finding in findings if finding is not None] + _dust(books.positions, lots)


def coins_to_look_at(books: AccountBooks, findings: Iterable[Finding]) -> dict[str, BreakClass]:
    """Coins of which something else is missing than execution knows, with the class that says why.

    Args:
        books: With the shortages that execution found last.
        findings: Of a comparison of all balances.
    """
    short = {
        finding.asset: finding
        for finding in findings
        if finding.asset and finding.subject == f"balance:{finding.asset}" and not finding.expected
    }
    told = {asset: -(finding.difference or ZERO) for asset, finding in short.items()}
    differ = {asset for asset in {*told, *books.shortages} if told.get(asset) != books.shortages.get(asset)}
    return {asset: short[asset].break_class if asset in short else BreakClass.D10 for asset in sorted(differ)}


def _shortage(
    asset: str,
    coins: list[HeldCoin],
    theirs: Decimal,
    lots: Mapping[str, Decimal],
    causes: Mapping[str, Cause],
) -> Finding | None:
    ours = exact_sum([coin.quantity for coin in coins])
    if theirs >= ours:
        return None
    short = ours - theirs
    kind, expected, why = _class_of(asset, short, coins, lots, causes)
    return Finding(
        break_class=kind,
        scope=Scope.BALANCES,
        subject=f"balance:{asset}",
        asset=asset,
        ours=ours,
        theirs=theirs,
        detail=f"The account holds {short} {asset} less than its positions: {why}.",
        expected=expected,
    )


def _class_of(
    asset: str,
    short: Decimal,
    coins: list[HeldCoin],
    lots: Mapping[str, Decimal],
    causes: Mapping[str, Cause],
) -> tuple[BreakClass, bool, str]:
    if short <= ROUNDING * FILLS_PER_COIN * len(coins):
        return BreakClass.D6, True, "rounding of base-coin fees by the venue"
    cause = causes.get(asset)
    if cause is not None and cause.explains(short):
        return cause.break_class, False, "the user traded, withdrew or transferred coins that positions hold"
    if short < lots.get(coins[0].symbol, ZERO):
        return BreakClass.D7, True, "dust below one lot"
    return BreakClass.D10, False, "nothing that we know of explains it"


def _dust(positions: tuple[PositionBook, ...], lots: Mapping[str, Decimal]) -> list[Finding]:
    return [
        Finding(
            break_class=BreakClass.D7,
            scope=Scope.BALANCES,
            subject=f"dust:{position.position_id}:{coin.asset}",
            position_id=position.position_id,
            asset=coin.asset,
            ours=coin.quantity,
            theirs=coin.quantity,
            detail=f"{coin.quantity} {coin.asset} is less than the venue's smallest lot: it cannot be sold alone.",
            expected=True,
        )
        for position in positions
        for coin in position.coins
        if ZERO < coin.quantity < lots.get(coin.symbol, ZERO)
    ]
