"""From an amount to quantities on the venue's grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, Decimal, localcontext

from execution.domain.amount import cash_part
from execution.domain.errors import AmountTooLarge, AmountTooSmall, BookTooThin, CoinsHalted, NoFreshPrices
from execution.domain.price_band import limit_price
from execution.domain.thin_book import Thin
from shared.trading.instrument import Instrument
from shared.trading.money import EXACT, ONE, ZERO, ceil_to_lot, exact_product, exact_sum, floor_to_lot, plain
from shared.trading.quote import Quote
from shared.trading.status import Side
from shared.trading.weights import InfeasibleCap, capped_weights

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingRules:
    """The thresholds of a plan, all from the settings.

    Attributes:
        band: Price band, a fraction.
        minimum_factor: A buy leg must be worth this times the venue's minimum, or it could not be sold again.
        skipped_weight_max: Largest share of the index that a plan may skip, a fraction.
    """

    band: Decimal = Decimal("0.01")
    minimum_factor: Decimal = Decimal("1.3")
    skipped_weight_max: Decimal = Decimal("0.10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A constituent with what is known about its instrument now.

    Attributes:
        thin: What its order book takes, where that is too little.
    """

    asset: str
    symbol: str
    weight: Decimal
    instrument: Instrument | None
    quote: Quote | None
    thin: Thin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedLeg:
    """One constituent after sizing: quantities in base units, prices in quote per base."""

    candidate: Candidate
    check: str
    """`ok`, `too_small`, `illiquid`, `not_trading` or `no_price`."""
    effective_weight: Decimal = ZERO
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    limit: Decimal = ZERO
    required_amount: Decimal | None = None

    @property
    def max_notional(self) -> Decimal:
        """What the leg can cost at most, quote units."""
        return exact_product(self.quantity, self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedBasket:
    """A whole basket: every constituent is there, skipped ones with their reason."""

    amount: Decimal
    legs: list[SizedLeg]
    minimum_amount: Decimal
    max_notional: Decimal = field(default=ZERO)
    cash_part: Decimal = ZERO
    """What the index keeps in cash, quote units."""


def size_basket(
    candidates: Sequence[Candidate],
    *,
    amount: Decimal,
    cap: Decimal,
    rules: SizingRules,
    now: datetime,
    cash_share: Decimal = ZERO,
) -> SizedBasket:
    """Turn an amount (quote units) into one quantity per constituent.

    Quantities are floored to lots, then single lots go to the largest quote shortfall while the sum of
    quantity × limit price stays within the amount, less what the index keeps in cash.

    Raises:
        AmountTooSmall: more than the allowed share would be skipped; `minimum_amount` stands in the context.
        BookTooThin: more than that would be skipped because of order books; `largest_amount` stands in the context.
        AmountTooLarge: a leg exceeds the venue's largest order.
        NoFreshPrices: too large a share has no price that may be traded on.
        CoinsHalted: too large a share does not trade now.
    """
    kept = cash_part(amount, cash_share)
    budget = amount - kept
    priced = [_priced(candidate, rules=rules, now=now, cash_share=cash_share) for candidate in candidates]
    minimum = _minimum_amount(priced)
    checked = [_checked(leg, amount) for leg in priced]
    weights = _effective_weights(checked, cap=cap, rules=rules, minimum=minimum)
    legs = _filled_up([_sized(leg, weights=weights, amount=budget) for leg in checked], amount=budget)
    return SizedBasket(
        amount=amount,
        legs=legs,
        minimum_amount=minimum,
        max_notional=exact_sum([leg.max_notional for leg in legs]),
        cash_part=kept,
    )


def _priced(candidate: Candidate, *, rules: SizingRules, now: datetime, cash_share: Decimal) -> SizedLeg:
    instrument, quote = candidate.instrument, candidate.quote
    if instrument is None or not instrument.trading:
        return SizedLeg(candidate=candidate, check="not_trading")
    if quote is None or not quote.fresh(now):
        return SizedLeg(candidate=candidate, check="no_price")
    limit = limit_price(quote, side=Side.BUY, band=rules.band, tick_size=instrument.tick_size)
    with localcontext(EXACT):
        worth = ceil_to_lot(rules.minimum_factor * instrument.min_notional / quote.ask, lot_size=instrument.lot_size)
        lots = max(worth, ceil_to_lot(instrument.min_quantity, lot_size=instrument.lot_size), instrument.lot_size)
        share = candidate.weight * (ONE - cash_share)
        required = (lots * limit / share).quantize(CENT, rounding=ROUND_CEILING)
    check = "ok" if candidate.thin is None else "illiquid"
    return SizedLeg(candidate=candidate, check=check, price=quote.ask, limit=limit, required_amount=required)


def _minimum_amount(legs: Sequence[SizedLeg]) -> Decimal:
    return max((leg.required_amount for leg in legs if leg.required_amount is not None), default=ZERO)


def _checked(leg: SizedLeg, amount: Decimal) -> SizedLeg:
    if leg.check != "ok" or leg.required_amount is None or leg.required_amount <= amount:
        return leg
    return _skipped(leg, "too_small")


def _skipped(leg: SizedLeg, check: str) -> SizedLeg:
    return SizedLeg(
        candidate=leg.candidate, check=check, price=leg.price, limit=leg.limit, required_amount=leg.required_amount
    )


def _effective_weights(
    legs: Sequence[SizedLeg], *, cap: Decimal, rules: SizingRules, minimum: Decimal
) -> Mapping[str, Decimal]:
    kept = {leg.candidate.symbol: leg.candidate.weight for leg in legs if leg.check == "ok"}
    skipped = exact_sum([leg.candidate.weight for leg in legs if leg.check != "ok"])
    unpriced = exact_sum([leg.candidate.weight for leg in legs if leg.check in {"no_price", "not_trading"}])
    if unpriced > rules.skipped_weight_max:
        _must_trade(legs, rules)
        raise NoFreshPrices("Too many coins of this index have no fresh price right now. Try again in a moment.")
    if skipped > rules.skipped_weight_max or not kept:
        raise _refused(legs, cap, rules, minimum)
    if len(kept) == len(legs):
        return kept
    try:
        return capped_weights(kept, cap=cap)
    except InfeasibleCap:
        raise _refused(legs, cap, rules, minimum) from None


def _must_trade(legs: Sequence[SizedLeg], rules: SizingRules) -> None:
    """Check that it is not for want of trading that too much would be left out: waiting for prices would not help.

    Raises:
        CoinsHalted: without the coins that do not trade now, few enough would be missing.
    """
    halted = [leg.candidate for leg in legs if leg.check == "not_trading"]
    unpriced = exact_sum([leg.candidate.weight for leg in legs if leg.check == "no_price"])
    if not halted or unpriced > rules.skipped_weight_max:
        return
    symbols = [one.symbol for one in halted]
    share = plain(exact_sum([one.weight for one in halted]) * 100)
    raise CoinsHalted(
        f"{', '.join(symbols)} cannot be bought now: halted, or not traded by the venue. They are {share} % of this "
        f"index, and at most {plain(rules.skipped_weight_max * 100)} % of it may be left out.",
        context={"symbols": symbols},
    )


def _refused(
    legs: Sequence[SizedLeg], cap: Decimal, rules: SizingRules, minimum: Decimal
) -> AmountTooSmall | BookTooThin:
    """Books are looked at once the amount itself is found to be large enough: if any is thin, that is the reason."""
    thin = [leg.candidate for leg in legs if leg.candidate.thin is not None]
    if not thin:
        return _too_small(_least_amount(legs, cap, rules), minimum)
    symbols = [one.symbol for one in thin]
    amounts = [one.thin.largest_amount or ZERO for one in thin if one.thin is not None]
    works = min(amounts) if min(amounts) >= minimum else None
    share = plain(exact_sum([one.weight for one in thin]) * 100)
    advice = "No amount fills them now" if works is None else f"{plain(works)} USDT is about the most that fills now"
    return BookTooThin(
        f"The order books of {', '.join(symbols)} do not hold enough within the limit price. They are {share} % of this "
        f"index, and at most {plain(rules.skipped_weight_max * 100)} % of it may be left out. {advice}; or choose the "
        f"policy COMPLETE, which tries again until a deadline.",
        context={"symbols": symbols, "largest_amount": plain(works) if works is not None else None},
    )


def _too_small(least: Decimal | None, minimum: Decimal) -> AmountTooSmall:
    whole = f"from {plain(minimum)} USDT on it is bought whole"
    if least is None or least >= minimum:
        words = f"The smallest amount that this index can be bought with now is {plain(minimum)} USDT."
    else:
        words = f"It can be bought with {plain(least)} USDT or more now, some coins left out; {whole}."
    return AmountTooSmall(
        f"With this amount too many coins would fall below the venue's minimum order. {words}",
        context={"minimum_amount": plain(minimum), "least_amount": plain(minimum if least is None else least)},
    )


def _least_amount(legs: Sequence[SizedLeg], cap: Decimal, rules: SizingRules) -> Decimal | None:
    """The smallest amount with which no more is left out than may be; None when no amount does it."""
    sendable = [leg for leg in legs if leg.check in {"ok", "too_small"} and leg.required_amount is not None]
    for amount in sorted({leg.required_amount or ZERO for leg in sendable}):
        kept = {
            leg.candidate.symbol: leg.candidate.weight for leg in sendable if (leg.required_amount or ZERO) <= amount
        }
        skipped = exact_sum([leg.candidate.weight for leg in legs if leg.candidate.symbol not in kept])
        if skipped <= rules.skipped_weight_max and (len(kept) == len(legs) or _fits(kept, cap)):
            return amount
    return None


def _fits(weights: Mapping[str, Decimal], cap: Decimal) -> bool:
    try:
        capped_weights(weights, cap=cap)
    except InfeasibleCap:
        return False
    return True


def _sized(leg: SizedLeg, *, weights: Mapping[str, Decimal], amount: Decimal) -> SizedLeg:
    instrument = leg.candidate.instrument
    if leg.check != "ok" or instrument is None:
        return leg
    weight = weights[leg.candidate.symbol]
    with localcontext(EXACT):
        quantity = floor_to_lot(amount * weight / leg.limit, lot_size=instrument.lot_size)
    if quantity > instrument.max_limit_quantity > ZERO:
        raise AmountTooLarge(f"{instrument.symbol} takes at most {plain(instrument.max_limit_quantity)} in one order.")
    return SizedLeg(
        candidate=leg.candidate,
        check="ok",
        effective_weight=weight,
        quantity=quantity,
        price=leg.price,
        limit=leg.limit,
        required_amount=leg.required_amount,
    )


def _filled_up(legs: Sequence[SizedLeg], *, amount: Decimal) -> list[SizedLeg]:
    """Flooring leaves each leg less than a lot short: one more lot each, largest shortfall first, while money lasts."""
    spent = exact_sum([leg.max_notional for leg in legs])
    grown = {leg.candidate.symbol: leg for leg in legs}
    short = [leg for leg in legs if leg.check == "ok" and _shortfall(leg, amount) > ZERO]
    for leg in sorted(short, key=lambda leg: (-_shortfall(leg, amount), leg.candidate.symbol)):
        larger = _one_lot_more(leg)
        cost = larger.max_notional - leg.max_notional
        if larger is not leg and spent + cost <= amount:
            grown[leg.candidate.symbol] = larger
            spent += cost
    return [grown[leg.candidate.symbol] for leg in legs]


def _shortfall(leg: SizedLeg, amount: Decimal) -> Decimal:
    return exact_product(amount, leg.effective_weight) - leg.max_notional


def _one_lot_more(leg: SizedLeg) -> SizedLeg:
    instrument = leg.candidate.instrument
    if instrument is None:
        return leg
    quantity = leg.quantity + instrument.lot_size
    if quantity > instrument.max_limit_quantity > ZERO:
        return leg
    return SizedLeg(
        candidate=leg.candidate,
        check=leg.check,
        effective_weight=leg.effective_weight,
        quantity=quantity,
        price=leg.price,
        limit=leg.limit,
        required_amount=leg.required_amount,
    )
