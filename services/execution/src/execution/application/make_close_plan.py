"""Plan to sell what a position holds, never more, and to pay out its own cash."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import structlog

from execution.application.closable import free_holdings, must_be_closable
from execution.application.planning import PlanRoom
from execution.application.ports import Account
from execution.application.prices import PLANNED_LIMITS_S
from execution.domain.close_plan import close_lines
from execution.domain.errors import NothingToSell, PositionNotFound
from execution.domain.plan import Plan, PlanLine
from execution.domain.position import Position, PositionHolding, RunKind
from execution.domain.unwind import must_fit
from shared.trading.errors import Denied, NotFound
from shared.trading.money import QUOTE_ASSET, ZERO
from shared.trading.policy import LegPolicy

log = structlog.get_logger(__name__)


class MakeClosePlan:
    """Makes and stores closing plans."""

    def __init__(self, room: PlanRoom) -> None:
        self._room = room

    async def execute(self, *, user_id: UUID, position_id: UUID, policy: LegPolicy = LegPolicy.HOLD) -> Plan:
        """A plan that sells the position once, until it expires; without legs where it holds nothing but cash.

        One without legs is made whatever the account's key may do: nothing is sold or sent for it.

        Raises:
            PositionNotFound, PositionNotClosable, NothingToSell, AccountSuspended, PolicyNotForThis: as their names say.
        """
        must_fit(policy, RunKind.CLOSE)
        position, holdings = await self._held(user_id, position_id)
        try:
            account, available, changed = await self._looked(position, holdings)
        except (Denied, NotFound) as error:
            if holdings:
                raise
            # Its cash becomes the account's free money by a line in the books: that needs no key and no venue.
            log.info("closes_without_a_key", position_id=str(position_id), reason=error.code)
            return await self._room.keep_unsent(replace(self._plan(position, [], available=ZERO), policy=policy))
        if changed:
            position, holdings = await self._held(user_id, position_id)
        symbols = [one.symbol for one in holdings]
        depths = await self._room.order_books(account.environment, symbols) if symbols else {}
        lines = await self._lines(account, holdings) if holdings else []
        plan = replace(self._plan(position, lines, available=available), policy=policy)
        return await self._room.keep(account, plan, depths)

    async def _looked(self, position: Position, holdings: Sequence[PositionHolding]) -> tuple[Account, Decimal, bool]:
        """The account, its free money, and whether what is known to be missing on it has changed.

        Raises:
            AccountSuspended, AccountNotFound, Denied, NotFound: the key may not, or does not, trade.
        """
        account = await self._room.account(user_id=position.user_id, account_id=position.account_id)
        available, changed = await asyncio.gather(
            self._room.free_money(account),
            self._room.missing_changed(account, [QUOTE_ASSET, *(one.asset for one in holdings)]),
        )
        return account, available, changed

    async def _held(self, user_id: UUID, position_id: UUID) -> tuple[Position, list[PositionHolding]]:
        async with self._room.books.work(user_id) as work:
            position = await work.position(position_id)
            if position is None:
                raise PositionNotFound
            await must_be_closable(work, position)
            holdings = await free_holdings(work, position)
            held = holdings or await work.holdings([position.position_id])
        if not holdings and any(one.quantity > ZERO for one in held):
            raise NothingToSell("All coins of the position are put aside for orders of its own; nothing was ordered.")
        return position, holdings

    async def _lines(self, account: Account, holdings: Sequence[PositionHolding]) -> list[PlanLine]:
        symbols = [holding.symbol for holding in holdings]
        instruments, quotes = await asyncio.gather(
            self._room.market.instruments(account.environment, symbols),
            self._room.market.quotes(account.environment, symbols, limits_age_s=PLANNED_LIMITS_S),
        )
        rules = self._room.rules
        return close_lines(
            holdings,
            instruments=instruments,
            quotes=quotes,
            band=rules.sizing.band,
            fee_rate=rules.fee_rate,
            quote_asset=QUOTE_ASSET,
            now=self._room.clock.now(),
        )

    def _plan(self, position: Position, lines: list[PlanLine], *, available: Decimal) -> Plan:
        rules, now = self._room.rules, self._room.clock.now()
        plan = Plan(
            plan_id=self._room.ids.uuid(),
            user_id=position.user_id,
            account_id=position.account_id,
            environment=position.environment,
            kind=RunKind.CLOSE,
            index_id=position.index_id,
            index_version=position.index_version,
            position_id=position.position_id,
            amount=ZERO,
            legs=lines,
            available=available,
            minimum_amount=ZERO,
            price_band=rules.sizing.band,
            fee_rate=rules.fee_rate,
            warnings=_warnings(lines),
            created_at=now,
            expires_at=now + rules.valid_for,
            own_cash_after=position.cash,
        )
        return replace(plan, executable=plan.ends or bool(plan.to_send)).with_proceeds()


def _warnings(lines: Sequence[PlanLine]) -> list[str]:
    sentences = {
        "residual": "is below the venue's minimum: it stays on your account as your own coins.",
        "not_trading": "is not traded by the venue now: the position stays open with it.",
        "no_price": "has no fresh price now: the position stays open with it.",
    }
    return [f"{line.base_asset} {sentences[line.check]}" for line in lines if line.check in sentences]
