"""Plan to buy an index with an amount."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from execution.application.planning import QUOTE_ASSET, PlanRoom, afford
from execution.application.ports import Account, IndexVersion
from execution.domain.amount import checked_amount
from execution.domain.buy_plan import buy_lines, buy_warnings
from execution.domain.plan import Plan
from execution.domain.position import RunKind
from execution.domain.sizing import Candidate, SizedBasket, size_basket


class MakePlan:
    """Makes and stores buying plans."""

    def __init__(self, room: PlanRoom) -> None:
        self._room = room

    async def execute(self, *, user_id: UUID, account_id: UUID, index_id: str, amount: Decimal) -> Plan:
        """A plan that may be executed once, until it expires.

        Args:
            user_id: Who asks.
            account_id: The venue account that would buy.
            index_id: Such as `top-10`.
            amount: Quote units to spend at most.

        Raises:
            InvalidAmount, UnknownIndex, AccountNotFound, AccountSuspended, AmountTooSmall, AmountTooLarge,
            InsufficientBalance, NoFreshPrices: as their names say.
        """
        checked = checked_amount(amount)
        account = await self._room.account(user_id=user_id, account_id=account_id)
        available, index = await asyncio.gather(
            self._room.free_money(account), self._room.market.index(account.environment, index_id, user_id=user_id)
        )
        candidates = await self._candidates(account, index)
        basket = size_basket(
            candidates,
            amount=checked,
            cap=index.weight_cap,
            rules=self._room.rules.sizing,
            now=self._room.clock.now(),
            cash_share=index.cash_share,
        )
        afford(checked, available)
        plan = self._plan(account, index, basket, available)
        await self._room.keep(account, plan)
        return plan

    async def _candidates(self, account: Account, index: IndexVersion) -> Sequence[Candidate]:
        symbols = [constituent.symbol for constituent in index.constituents]
        instruments, quotes = await asyncio.gather(
            self._room.market.instruments(account.environment, symbols),
            self._room.market.quotes(account.environment, symbols),
        )
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
