"""Plan a run on a position that stands: more money in, back to its targets, or money out."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from execution.application.closable import free_holdings, must_stand_still
from execution.application.planning import PlanRoom, afford
from execution.application.ports import Account, IndexVersion
from execution.application.prices import PLANNED_LIMITS_S
from execution.domain.amount import checked_amount
from execution.domain.basket import Bands, Basket, Draft
from execution.domain.book_look import thin_legs
from execution.domain.cash_flow import draft_invest, draft_withdraw
from execution.domain.errors import BookTooThin, PositionNotFound
from execution.domain.part import Part
from execution.domain.plan import Plan, PlanOptions
from execution.domain.position import Position, PositionHolding, RunKind
from execution.domain.rebalance import draft_rebalance
from execution.domain.run_lines import run_lines, run_warnings, target_changes
from execution.domain.thin_book import Thin
from execution.domain.unwind import must_fit
from shared.trading.depth import Depth
from shared.trading.errors import PlatformError
from shared.trading.instrument import Instrument
from shared.trading.money import QUOTE_ASSET, ZERO
from shared.trading.policy import LegPolicy
from shared.trading.quote import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a person asked for; amount in quote units."""

    kind: RunKind
    amount: Decimal
    options: PlanOptions
    policy: LegPolicy


class MakeRunPlan:
    """Makes and stores plans for standing positions."""

    def __init__(self, room: PlanRoom) -> None:
        self._room = room

    async def execute(
        self,
        *,
        user_id: UUID,
        position_id: UUID,
        kind: RunKind,
        amount: Decimal | None = None,
        options: PlanOptions | None = None,
        policy: LegPolicy = LegPolicy.HOLD,
    ) -> Plan:
        """A plan that may be executed once, until it expires or the position changes.

        Args:
            user_id: Who asks.
            position_id: An active position.
            kind: INVEST, REBALANCE or WITHDRAW.
            amount: Quote units to put in or to take out; a rebalance has none.
            options: What the person chose.
            policy: What becomes of legs that do not fill at once.

        Raises:
            PositionNotFound, PositionBusy, AccountSuspended, InvalidAmount, AmountTooSmall, AmountAboveValue, BookTooThin,
            InsufficientBalance, NoFreshPrices, UnknownIndex, PolicyNotForThis: as their names say.
        """
        must_fit(policy, kind)
        chosen = options or PlanOptions()
        money = ZERO if kind is RunKind.REBALANCE else checked_amount(amount if amount is not None else ZERO)
        position, holdings = await self._standing(user_id, position_id)
        account = await self._room.account(user_id=user_id, account_id=position.account_id)
        available, index, changed = await asyncio.gather(
            self._room.free_money(account),
            self._room.market.index(account.environment, position.index_id, user_id=user_id),
            self._room.missing_changed(account, [QUOTE_ASSET, *(one.asset for one in holdings)]),
        )
        if changed:
            position, holdings = await self._standing(user_id, position_id)
        symbols = {one.symbol for one in holdings} | {one.symbol for one in index.constituents}
        depths = await self._room.order_books(account.environment, symbols)
        basket = await self._basket(account, position, holdings, index, chosen)
        asked = _Asked(kind=kind, amount=money, options=chosen, policy=policy)
        plan = self._drafted(basket, depths, position=position, index=index, available=available, asked=asked)
        if kind is RunKind.INVEST:
            afford(money, available, account.environment)
        return await self._room.keep(account, plan, depths)

    def _drafted(
        self,
        basket: Basket,
        depths: Mapping[str, Depth],
        *,
        position: Position,
        index: IndexVersion,
        available: Decimal,
        asked: _Asked,
    ) -> Plan:
        """The plan without what the order books cannot fill: its money goes to the others, or comes from them.

        Raises:
            BookTooThin: nothing of the money that is to be put in could be spent.
        """
        thin: dict[str, Thin] = {}
        plan: Plan | None = None
        while True:
            beside = replace(basket, parts=[replace(part, thin=thin.get(part.symbol)) for part in basket.parts])
            try:
                draft = self._draft(beside, asked.kind, asked.amount, asked.options)
            except PlatformError:
                if plan is None:
                    raise
                if asked.kind is RunKind.INVEST:
                    raise _too_thin(thin) from None
                return plan
            plan = self._plan(position, index, beside, draft, available=available, asked=asked)
            found = thin_legs(plan, depths, least=self._room.rules.liquid_share)
            if not found:
                return plan
            thin |= found

    async def _standing(self, user_id: UUID, position_id: UUID) -> tuple[Position, list[PositionHolding]]:
        async with self._room.books.work(user_id) as work:
            position = await work.position(position_id)
            if position is None:
                raise PositionNotFound
            await must_stand_still(work, position)
            held = {one.asset: one for one in await free_holdings(work, position)}
            everything = await work.holdings([position_id])
        return position, [held.get(one.asset) or replace(one, quantity=ZERO) for one in everything]

    async def _basket(
        self,
        account: Account,
        position: Position,
        holdings: list[PositionHolding],
        index: IndexVersion,
        options: PlanOptions,
    ) -> Basket:
        symbols = {one.symbol for one in holdings} | {one.symbol for one in index.constituents}
        instruments, quotes = await asyncio.gather(
            self._room.market.instruments(account.environment, symbols),
            self._room.market.quotes(account.environment, symbols, limits_age_s=PLANNED_LIMITS_S),
        )
        rules = self._room.rules
        bands = rules.bands
        return Basket(
            parts=_parts(holdings, index, instruments, quotes, excluded=options.exclude),
            cash=position.cash,
            cash_share=index.cash_share,
            cap=index.weight_cap,
            rules=rules.sizing,
            bands=Bands(
                absolute=bands.absolute if options.absolute_band is None else options.absolute_band,
                relative=bands.relative if options.relative_band is None else options.relative_band,
                smallest=bands.smallest,
            ),
            fee_rate=rules.fee_rate,
            now=self._room.clock.now(),
        )

    @staticmethod
    def _draft(basket: Basket, kind: RunKind, amount: Decimal, options: PlanOptions) -> Draft:
        if kind is RunKind.REBALANCE:
            return draft_rebalance(basket, options.mode)
        return draft_invest(basket, amount) if kind is RunKind.INVEST else draft_withdraw(basket, amount)

    def _plan(
        self,
        position: Position,
        index: IndexVersion,
        basket: Basket,
        draft: Draft,
        *,
        available: Decimal,
        asked: _Asked,
    ) -> Plan:
        rules, now = self._room.rules, self._room.clock.now()
        lines = run_lines(basket, draft, quote_asset=QUOTE_ASSET)
        return Plan(
            plan_id=self._room.ids.uuid(),
            user_id=position.user_id,
            account_id=position.account_id,
            environment=position.environment,
            kind=asked.kind,
            index_id=index.index_id,
            index_version=index.version,
            position_id=position.position_id,
            amount=asked.amount,
            legs=lines,
            available=available,
            minimum_amount=ZERO,
            price_band=rules.sizing.band,
            fee_rate=rules.fee_rate,
            warnings=run_warnings(lines),
            created_at=now,
            expires_at=now + rules.valid_for,
            executable=draft.executable,
            position_version=position.version,
            cash_part=draft.cash_part,
            own_cash_after=draft.cash_after,
            drift_before=basket.worst_drift(draft.weights, basket.values),
            drift_after=basket.worst_drift(draft.weights, basket.after(draft.trades)),
            changes=target_changes(basket),
            options=asked.options,
            policy=asked.policy,
        )


def _too_thin(thin: Mapping[str, Thin]) -> BookTooThin:
    return BookTooThin(
        f"The order books of {', '.join(sorted(thin))} do not hold enough within the limit price, and nothing else of the "
        f"index can be bought with this amount. Nothing was ordered; try again later, or with the policy COMPLETE.",
        context={"symbols": sorted(thin), "largest_amount": None},
    )


def _parts(
    holdings: list[PositionHolding],
    index: IndexVersion,
    instruments: Mapping[str, Instrument],
    quotes: Mapping[str, Quote],
    *,
    excluded: Collection[str],
) -> list[Part]:
    """Constituents in the index's order, then what the position holds beside them."""
    held = {one.symbol: one for one in holdings}
    weights = {one.symbol: one.weight for one in index.constituents}
    assets = {one.symbol: one.asset for one in index.constituents}
    beside = [one.symbol for one in holdings if one.symbol not in weights and one.quantity > ZERO]
    return [
        Part(
            asset=assets.get(symbol) or held[symbol].asset,
            symbol=symbol,
            held=held[symbol].quantity if symbol in held else ZERO,
            cost=held[symbol].cost if symbol in held else ZERO,
            before=(held[symbol].target_weight or None) if symbol in held else None,
            weight=weights.get(symbol, ZERO),
            instrument=instruments.get(symbol),
            quote=quotes.get(symbol),
            excluded=symbol in excluded,
        )
        for symbol in [*weights, *beside]
    ]
