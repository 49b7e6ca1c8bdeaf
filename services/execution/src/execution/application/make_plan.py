"""Plan to buy an index with an amount."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from execution.application.planning import PlanRoom, afford
from execution.application.ports import Account, IndexVersion
from execution.application.prices import PLANNED_LIMITS_S
from execution.domain.amount import checked_amount
from execution.domain.book_look import thin_legs
from execution.domain.buy_plan import buy_lines, buy_warnings
from execution.domain.errors import AmountTooLarge, AmountTooSmall, BookTooThin
from execution.domain.plan import Plan
from execution.domain.position import RunKind
from execution.domain.sizing import Candidate, SizedBasket, size_basket
from execution.domain.thin_book import Thin
from execution.domain.trading_room import TradingRoom
from shared.trading.depth import Depth
from shared.trading.errors import PlatformError
from shared.trading.instrument import Instrument
from shared.trading.money import QUOTE_ASSET, plain
from shared.trading.policy import LegPolicy
from shared.trading.quote import Quote


class MakePlan:
    """Makes and stores buying plans."""

    def __init__(self, room: PlanRoom) -> None:
        self._room = room

    async def execute(
        self, *, user_id: UUID, account_id: UUID, index_id: str, amount: Decimal, policy: LegPolicy = LegPolicy.HOLD
    ) -> Plan:
        """A plan that may be executed once, until it expires.

        Args:
            user_id: Who asks.
            account_id: The venue account that would buy.
            index_id: Such as `top-10`.
            amount: Quote units to spend at most.
            policy: What becomes of legs that do not fill at once.

        Raises:
            InvalidAmount, UnknownIndex, AccountNotFound, AccountSuspended, AmountTooSmall, AmountTooLarge, BookTooThin,
            InsufficientBalance, NoFreshPrices: as their names say.
        """
        checked = checked_amount(amount)
        account = await self._room.account(user_id=user_id, account_id=account_id)
        available, index, room = await asyncio.gather(
            self._room.free_money(account),
            self._room.market.index(account.environment, index_id, user_id=user_id),
            self._room.trading_room(account),
        )
        # Books first: they may take a second, and prices are traded on only while they are fresh.
        depths = await self._room.order_books(account.environment, [one.symbol for one in index.constituents])
        candidates = await self._candidates(account, index, room)
        try:
            plan = self._drafted(
                candidates, depths, account=account, index=index, amount=checked, available=available, policy=policy
            )
        except AmountTooSmall as refusal:
            raise await self._with_what_works(account, checked, refusal) from None
        except (AmountTooLarge, BookTooThin):
            afford(
                checked, available, account.environment
            )  # first what binds first: the market takes more than is there
            raise
        afford(checked, available, account.environment)
        return await self._room.keep(account, plan, depths, room)

    def _drafted(
        self,
        candidates: Sequence[Candidate],
        depths: Mapping[str, Depth],
        *,
        account: Account,
        index: IndexVersion,
        amount: Decimal,
        available: Decimal,
        policy: LegPolicy,
    ) -> Plan:
        """The plan without what the order books cannot fill; its weight, once spread, may be too much for another book."""
        thin: dict[str, Thin] = {}
        while True:
            basket = self._sized([replace(one, thin=thin.get(one.symbol)) for one in candidates], index, amount)
            plan = replace(self._plan(account, index, basket, available), policy=policy)
            found = thin_legs(plan, depths, least=self._room.rules.liquid_share)
            if not found:
                return plan
            thin |= found

    def _sized(self, candidates: Sequence[Candidate], index: IndexVersion, amount: Decimal) -> SizedBasket:
        return size_basket(
            candidates,
            amount=amount,
            cap=index.weight_cap,
            rules=self._room.rules.sizing,
            now=self._room.clock.now(),
            cash_share=index.cash_share,
        )

    async def _with_what_works(self, account: Account, amount: Decimal, refusal: AmountTooSmall) -> AmountTooSmall:
        """The same refusal, naming the largest built-in index that can be bought with the amount."""
        found = await self._room.market.indices(account.environment)
        larger_first = sorted(found, key=lambda one: (-len(one.constituents), one.index_id))
        every = await self._known(account, {part.symbol for one in found for part in one.constituents})
        for index in larger_first:
            try:
                self._sized(_of(index, *every), index, amount)
            except PlatformError:
                continue
            name = index.name or index.index_id
            return AmountTooSmall(
                f"{refusal.detail} With {plain(amount)} USDT the largest built-in index that works is {name}.",
                context={**refusal.context, "largest_index": index.index_id},
            )
        return AmountTooSmall(
            f"{refusal.detail} With {plain(amount)} USDT none of the built-in indices works.",
            context={**refusal.context, "largest_index": None},
        )

    async def _known(
        self, account: Account, symbols: Collection[str]
    ) -> tuple[Mapping[str, Instrument], Mapping[str, Quote]]:
        return await asyncio.gather(
            self._room.market.instruments(account.environment, symbols),
            self._room.market.quotes(account.environment, symbols, limits_age_s=PLANNED_LIMITS_S),
        )

    async def _candidates(self, account: Account, index: IndexVersion, room: TradingRoom) -> Sequence[Candidate]:
        """A symbol that only we have halted is left out as one that the venue has: its weight is spread."""
        instruments, quotes = await self._known(account, [constituent.symbol for constituent in index.constituents])
        return _of(index, {name: one for name, one in instruments.items() if not room.halts_symbol(name)}, quotes)

    def _plan(self, account: Account, index: IndexVersion, basket: SizedBasket, available: Decimal) -> Plan:
        rules, now = self._room.rules, self._room.clock.now()
        lines = buy_lines(basket, fee_rate=rules.fee_rate, quote_asset=QUOTE_ASSET, now=now)
        return Plan(
            plan_id=self._room.ids.uuid(),
            user_id=account.user_id,
            account_id=account.account_id,
            environment=account.environment,
            kind=RunKind.BUY,
            index_id=index.index_id,
            index_version=index.version,
            amount=basket.amount,
            cash_part=basket.cash_part,
            legs=lines,
            available=available,
            minimum_amount=basket.minimum_amount,
            price_band=rules.sizing.band,
            fee_rate=rules.fee_rate,
            warnings=buy_warnings(lines),
            created_at=now,
            expires_at=now + rules.valid_for,
        )


def _of(index: IndexVersion, instruments: Mapping[str, Instrument], quotes: Mapping[str, Quote]) -> list[Candidate]:
    return [
        Candidate(
            asset=constituent.asset,
            symbol=constituent.symbol,
            weight=constituent.weight,
            instrument=instruments.get(constituent.symbol),
            quote=quotes.get(constituent.symbol),
        )
        for constituent in index.constituents
    ]
