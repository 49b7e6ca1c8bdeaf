"""A position beside its index: what it is worth, how far each coin is from its target, what may be traded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, localcontext
from functools import cached_property

from execution.domain.amount import cash_part
from execution.domain.part import Part
from execution.domain.sizing import SizingRules
from execution.domain.trade import Trade, sell_of
from shared.trading.bands import WeightBand
from shared.trading.money import EXACT, ONE, ZERO, exact_sum, truncate
from shared.trading.status import Side
from shared.trading.weights import WEIGHT_PLACES, InfeasibleCap, capped_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands(WeightBand):
    """The bands of a plan.

    Attributes:
        smallest: Share of the position below which no leg trades: its cost would buy nothing.
    """

    smallest: Decimal = Decimal("0.001")


@dataclass(frozen=True, kw_only=True)
class Basket:
    """Everything that a plan on a standing position is made from; money in quote units.

    Attributes:
        parts: Coins held, and constituents of the index; their weights sum to 1 or are all zero.
        cash: The position's own quote money.
        cash_share: Share of the position that the index keeps in cash, a fraction.
        cap: The index's largest weight, which also binds when skipped weight is spread.
    """

    parts: Sequence[Part]
    cash: Decimal
    cash_share: Decimal
    cap: Decimal
    rules: SizingRules
    bands: Bands
    fee_rate: Decimal
    now: datetime
    values: Mapping[str, Decimal] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", {part.symbol: part.value(self.now) for part in self.parts})

    @cached_property
    def coins_value(self) -> Decimal:
        """What all coins are worth."""
        return exact_sum(list(self.values.values()))

    @cached_property
    def total(self) -> Decimal:
        """Coins and cash."""
        return self.coins_value + self.cash

    @property
    def kept_cash(self) -> Decimal:
        """Cash that the index wants the position to keep."""
        return cash_part(self.total, self.cash_share)

    @property
    def spare_cash(self) -> Decimal:
        """Cash beyond that."""
        return max(self.cash - self.kept_cash, ZERO)

    @cached_property
    def free(self) -> list[Part]:
        """Parts that can be traded now."""
        return [part for part in self.parts if part.obstacle(self.now) is None]

    def weight_now(self, part: Part) -> Decimal:
        """Share of the coins' value, a fraction."""
        return self.share_of(self.values[part.symbol], self.coins_value)

    @staticmethod
    def share_of(value: Decimal, total: Decimal) -> Decimal:
        """A fraction, cut to as many places as weights have."""
        with localcontext(EXACT):
            return truncate(value / total, places=WEIGHT_PLACES) if total > ZERO else ZERO

    def solid(self, part: Part) -> bool:
        """Whether it is held, and more than what the venue would not even take."""
        if part.held <= ZERO:
            return False
        return part.obstacle(self.now) is not None or sell_of(part, value=None, rules=self.rules).ok

    def weights(self, without: Collection[str] = ()) -> dict[str, Decimal]:
        """Targets by symbol, a fraction: what cannot be bought at all gives its weight to the rest, within the cap.

        Args:
            without: Symbols too small to be bought.
        """
        wanted = [part for part in self.parts if part.weight > ZERO]
        kept = {part.symbol: part.weight for part in wanted if self._attainable(part, without)}
        if not kept or len(kept) == len(wanted):
            return kept
        try:
            return capped_weights(kept, cap=self.cap)
        except InfeasibleCap:
            return capped_weights(kept, cap=ONE)

    def _attainable(self, part: Part, without: Collection[str]) -> bool:
        return self.solid(part) or (part.symbol not in without and part.obstacle(self.now) is None)

    def outside(self, weights: Mapping[str, Decimal]) -> set[str]:
        """Tradable coins outside their band; what is no constituent any more always is, unless it cannot be sold."""
        return {part.symbol for part in self.free if self._outside(part, weights.get(part.symbol, ZERO))}

    def _outside(self, part: Part, target: Decimal) -> bool:
        if target <= ZERO:
            return self.solid(part)
        return self.bands.outside(weight=self.weight_now(part), target=target)

    def idle(self) -> bool:
        """Whether so much cash lies about that it is a drift of its own."""
        with localcontext(EXACT):
            return self.spare_cash > ZERO and self.spare_cash >= self.bands.absolute * self.total

    def worst_drift(self, weights: Mapping[str, Decimal], values: Mapping[str, Decimal]) -> Decimal:
        """The largest absolute drift of any coin, a fraction."""
        total = exact_sum(list(values.values()))
        drifts = [
            abs(self.share_of(values[part.symbol], total) - weights.get(part.symbol, ZERO)) for part in self.parts
        ]
        return max(drifts, default=ZERO)

    def after(self, trades: Sequence[Trade]) -> dict[str, Decimal]:
        """What each coin is worth after the trades, by today's prices and without fees in quote."""
        values = dict(self.values)
        for trade in trades:
            if not trade.ok:
                continue
            price = trade.part.price(self.now)
            with localcontext(EXACT):
                got = trade.quantity * (ONE - self.fee_rate) if trade.side is Side.BUY else -trade.quantity
                values[trade.part.symbol] += got * price
        return values

    def proceeds(self, trades: Sequence[Trade]) -> Decimal:
        """What the sells bring at the best price, after fees."""
        with localcontext(EXACT):
            sold = [trade.notional for trade in trades if trade.ok and trade.side is Side.SELL]
            return sum(sold, ZERO) * (ONE - self.fee_rate)

    def spent(self, trades: Sequence[Trade]) -> Decimal:
        """What the buys cost at the best price."""
        return exact_sum([trade.notional for trade in trades if trade.ok and trade.side is Side.BUY])


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a plan would trade.

    Attributes:
        trades: One for each part that trades, or says why it does not.
        weights: Target by symbol, a fraction.
        cash_after: The position's own cash afterwards, quote units, by the best prices.
        cash_part: Quote units that do not trade: kept as cash, or paid out of it (withdraw).
        pays_out: Whether the cash part leaves the position.
    """

    trades: Sequence[Trade]
    weights: Mapping[str, Decimal]
    cash_after: Decimal
    cash_part: Decimal = ZERO
    pays_out: bool = False

    @property
    def executable(self) -> bool:
        """Whether there is anything to do."""
        return any(trade.ok for trade in self.trades) or (self.pays_out and self.cash_part > ZERO)
