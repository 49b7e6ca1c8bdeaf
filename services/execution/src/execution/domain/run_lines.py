"""From a draft to the lines of a plan: sells first, then buys, then what does not trade and why."""

from __future__ import annotations

from decimal import Decimal

from execution.domain.basket import Basket, Draft
from execution.domain.plan import PlanLine, TargetChange
from execution.domain.trade import Trade
from shared.trading.money import ZERO, exact_product, exact_sum, plain, truncate
from shared.trading.status import Side

_REASONS = {"too_small": "notional_below_minimum", "illiquid": "book_too_thin", "ok": None, "hold": None}
_SENTENCES = {
    "not_trading": "is halted at the venue: it stays in the position at its last price and is not traded.",
    "delisted": "is not listed by the venue now, halted or gone: it stays at its last price and cannot be sold here.",
    "no_price": "has no fresh price now: it stays in the position as it is.",
    "residual": "is below the venue's minimum order: it moves to your own coins.",
}


def run_lines(basket: Basket, draft: Draft, *, quote_asset: str) -> list[PlanLine]:
    """One line per coin of the position and its index."""
    after = basket.after(draft.trades)
    coins_after = exact_sum(list(after.values()))
    ordered = sorted(draft.trades, key=_rank)
    return [
        _line(
            number,
            trade,
            basket=basket,
            target=draft.weights.get(trade.part.symbol, ZERO),
            weight_after=basket.share_of(after[trade.part.symbol], coins_after),
            quote_asset=quote_asset,
        )
        for number, trade in enumerate(ordered)
    ]


def _rank(trade: Trade) -> tuple[int, Decimal, str]:
    group = (0 if trade.side is Side.SELL else 1) if trade.ok else 2
    return group, -trade.notional, trade.part.symbol


def _line(
    number: int, trade: Trade, *, basket: Basket, target: Decimal, weight_after: Decimal, quote_asset: str
) -> PlanLine:
    part = trade.part
    instrument, buys = part.instrument, trade.side is Side.BUY
    taxed = trade.quantity if buys else trade.notional
    return PlanLine(
        number=number,
        symbol=part.symbol,
        base_asset=instrument.base if instrument else part.asset,
        quote_asset=instrument.quote if instrument else quote_asset,
        side=trade.side,
        target_weight=part.weight,
        effective_weight=target,
        quantity=trade.quantity,
        estimated_price=trade.price or part.price(basket.now),
        limit_price=trade.limit,
        fee=exact_product(taxed, basket.fee_rate),
        fee_asset=(instrument.base if instrument else part.asset) if buys else quote_asset,
        price_at=part.quote.at if part.quote else basket.now,
        check=trade.check,
        reason=_REASONS.get(trade.check, trade.check),
        required_amount=trade.required_amount,
        lot_size=instrument.lot_size if instrument else ZERO,
        min_quantity=instrument.min_quantity if instrument else ZERO,
        min_notional=instrument.min_notional if instrument else ZERO,
        arrival_price=part.quote.mid() if part.quote else None,
        weight_before=basket.weight_now(part),
        weight_after=weight_after,
        book_notional=part.thin.takes if part.thin else None,
    )


def target_changes(basket: Basket) -> list[TargetChange]:
    """Constituents that the index has gained, lost or weighs otherwise than the position did."""
    return [
        TargetChange(asset=part.asset, before=part.before, after=part.weight or None)
        for part in basket.parts
        if (part.before or ZERO) != part.weight
    ]


def run_warnings(lines: list[PlanLine]) -> list[str]:
    """What a person should know before executing the plan."""
    matters = [line for line in lines if line.weight_before or line.target_weight]
    return [_sentence(line) for line in matters if line.check in _SENTENCES or line.check == "illiquid"]


def _sentence(line: PlanLine) -> str:
    if line.check != "illiquid":
        return f"{line.base_asset} {_SENTENCES[line.check]}"
    verb = "bought" if line.side is Side.BUY else "sold"
    takes = f"{plain(truncate(line.book_notional or ZERO, places=2))} {line.quote_asset}"
    return f"{line.base_asset} is not {verb} now: its order book takes {takes} of it within the limit. Try again later."
