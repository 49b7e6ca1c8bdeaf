"""Returns worked out a second time by other means: the venue's matches, published prices, and what was ordered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from execution.domain.position import RunKind
from kit.town import LINK_KEY, Customer, Ordered, Town
from shared.trading.clock import from_epoch_ms
from shared.trading.errors import Invalid
from shared.trading.link_id import LinkId, position_tail, run_tail

ZERO, ONE = Decimal(0), Decimal(1)
TOLD_WITHIN = timedelta(seconds=5)
"""After its last match a run is told, and seen by who values it."""
GONE_WITHIN = timedelta(minutes=10)
"""What the owner says of a shortage is seen at the next comparison at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A coin that left a position without a sale, as its owner said."""

    position_id: UUID
    asset: str
    quantity: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that crossed the border, above zero inwards; between which moments that can have been seen."""

    earliest: datetime
    latest: datetime
    amount: Decimal


@dataclass(slots=True, kw_only=True)
class LedgerReturns:
    """What a position came to; fractions, and quote units."""

    paid_in: Decimal = ZERO
    taken_out: Decimal = ZERO
    value: Decimal = ZERO
    level: Decimal = ONE
    last: Decimal = ZERO
    flows: list[Payment] = field(default_factory=list)

    @property
    def time_weighted(self) -> Decimal:
        """The chain over all flows."""
        return self.level - ONE

    def money_weighted(self, end: datetime) -> tuple[Decimal, Decimal]:
        """The lowest and the highest rate over the whole period: the moments of the payments are known to seconds.

        Money that is there longer has earned the same more slowly; the first payment begins the period.
        """
        first, *others = self.flows
        rates = [
            self._rate([(begin, first.amount), *((_when(one, soon=soon), one.amount) for one in others)], end)
            for begin in (first.earliest, first.latest)
            for soon in (True, False)
        ]
        return min(rates), max(rates)

    def _rate(self, flows: Sequence[tuple[datetime, Decimal]], end: datetime) -> Decimal:
        """By halving an interval."""
        first = flows[0][0]
        span = Decimal((end - first).total_seconds())
        shares = [(amount, Decimal((end - at).total_seconds()) / span) for at, amount in flows]

        def surplus(growth: Decimal) -> Decimal:
            return sum((amount * growth**share for amount, share in shares), ZERO) - self.value

        low, high = Decimal("0.05"), Decimal(20)
        for _ in range(70):
            middle = (low + high) / 2
            if (surplus(middle) > ZERO) == (surplus(high) > ZERO):
                high = middle
            else:
                low = middle
        return high - ONE

    def crossed(self, payment: Payment, *, before: Decimal, after: Decimal) -> None:
        """Money came in or went out."""
        amount = payment.amount
        if self.last > ZERO:
            self.level *= before / self.last
        start = before + max(amount, ZERO)
        self.level *= (after - min(amount, ZERO)) / start if start > ZERO else ONE
        self.last = after
        self.paid_in += max(amount, ZERO)
        self.taken_out -= min(amount, ZERO)
        self.flows.append(payment)


def _when(payment: Payment, *, soon: bool) -> datetime:
    """Money that comes in soon and goes out late has more time to earn the same."""
    return payment.earliest if soon == (payment.amount > ZERO) else payment.latest


@dataclass(slots=True)
class _Coins:
    """What is held, and what was paid for it on average."""

    held: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    cost: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))

    def trade(self, run: _Run) -> None:
        """All matches of a run; no coin is both bought and sold in one."""
        for coin, change in run.coins.items():
            if change < ZERO:
                self.give_up(coin, -change)
            else:
                self.held[coin] += change
                self.cost[coin] += run.spent[coin]

    def give_up(self, coin: str, quantity: Decimal) -> Decimal:
        """Less of a coin; what that part had cost."""
        part = self.cost[coin] * quantity / self.held[coin]
        self.held[coin] -= quantity
        self.cost[coin] -= part
        return part

    def worth(self, prices: Mapping[str, Decimal]) -> Decimal:
        """Quote units."""
        return sum((amount * prices[f"{coin}USDT"] for coin, amount in self.held.items() if amount), ZERO)


@dataclass(slots=True)
class _Run:
    """The matches of one run."""

    ordered: Ordered
    began: datetime
    ended: datetime
    paid: Decimal = ZERO
    received: Decimal = ZERO
    coins: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    spent: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))


def returns_of(
    town: Town, customer: Customer, position_id: UUID, gone: Sequence[Gone], *, at: datetime
) -> LedgerReturns:
    """What a position came to until a moment."""
    found, coins, cash = LedgerReturns(), _Coins(), ZERO
    story: list[tuple[datetime, _Run | Gone]] = [(run.began, run) for run in _runs(town, customer, position_id)]
    story += [(one.at, one) for one in gone if one.position_id == position_id]
    for moment, event in sorted(story, key=lambda entry: entry[0]):
        if isinstance(event, Gone):
            prices = town.market.tape.last_before(moment)
            before = coins.worth(prices) + cash
            coins.give_up(event.asset, event.quantity)
            worth = event.quantity * prices[f"{event.asset}USDT"]
            gone_by = Payment(earliest=moment, latest=moment + GONE_WITHIN, amount=-worth)
            found.crossed(gone_by, before=before, after=before - worth)
            continue
        # A purchase that empties a book moves its price, no cost of it: before and after count at the same prices.
        prices = town.market.tape.at(event.ended)
        before = coins.worth(prices) + cash
        coins.trade(event)
        amount, cash = _money(event, cash)
        amount -= sum((coins.give_up(coin, rest) for coin, rest in _dust(town, event.ordered.run_id)), ZERO)
        if amount:
            after = coins.worth(prices) + cash
            payment = Payment(earliest=event.began, latest=event.ended + TOLD_WITHIN, amount=amount)
            found.crossed(payment, before=before, after=after)
    found.value = coins.worth(town.market.tape.at(at)) + cash
    if found.last > ZERO:
        found.level *= found.value / found.last
    return found


def _dust(town: Town, run_id: UUID) -> list[tuple[str, Decimal]]:
    """What the venue would not sell: the receipt says it, and that it went to the customer's own coins."""
    legs = town.books_house.everything("legs")
    return [(leg.base_asset, leg.residual) for leg in legs if leg.run_id == run_id and leg.residual]


def _money(run: _Run, cash: Decimal) -> tuple[Decimal, Decimal]:
    """What crossed the border, and the position's own cash afterwards."""
    match run.ordered.kind:
        case RunKind.BUY | RunKind.INVEST:
            return run.paid, cash
        case RunKind.REBALANCE:
            return ZERO, cash + run.received - run.paid
        case RunKind.WITHDRAW:
            from_cash = min(run.ordered.amount, cash)
            return -(run.received + from_cash), cash - from_cash
        case _:
            return -(run.received + cash), ZERO


def _runs(town: Town, customer: Customer, position_id: UUID) -> list[_Run]:
    ordered = {run_tail(one.run_id): one for one in town.ordered if one.position_id == position_id}
    found: dict[int, _Run] = {}
    for match in town.venue.account(customer.uid).executions:
        try:
            link = LinkId.decode(match.link_id, LINK_KEY)
        except Invalid:
            continue
        if link.position != position_tail(position_id):
            continue
        at, coin = from_epoch_ms(match.at_ms), match.symbol.removesuffix("USDT")
        run = found.setdefault(link.run, _Run(ordered[link.run], began=at, ended=at))
        run.ended = at
        if match.side == "Buy":
            run.paid += match.value
            run.spent[coin] += match.value
            run.coins[coin] += match.quantity - match.fee
        else:
            run.received += match.value - match.fee
            run.coins[coin] -= match.quantity
    return list(found.values())
