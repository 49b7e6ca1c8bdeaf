"""The user says what happened to missing coins: the books follow, or wait for the coins to come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import structlog

from execution.application.book_ports import Books, Work
from execution.application.release_coins import release_coins
from execution.application.shortage_page import write_shortage
from execution.domain.errors import ShortageChanged, ShortageNotFound
from execution.domain.journal import residual_lines
from execution.domain.position import Position
from execution.domain.release import ReleaseReason
from execution.domain.shortage import LEAVE_BY, AnswerRecord, Shortage, ShortageAnswer, ShortageState
from shared.trading.clock import Clock
from shared.trading.money import QUOTE_ASSET, ZERO, exact_sum
from shared.trading.status import PositionStatus

log = structlog.get_logger(__name__)


class ResolveShortage:
    """Takes the answer once: the same answer again changes nothing and is answered alike."""

    def __init__(self, *, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    async def execute(
        self,
        *,
        user_id: UUID,
        account_id: UUID,
        asset: str,
        how: ShortageAnswer,
        shortage_id: UUID | None = None,
    ) -> tuple[Shortage, Mapping[UUID, Decimal]]:
        """Book what was sold or withdrawn at average cost against the positions, or note that it will return.

        Args:
            user_id: Who says it.
            account_id: Their account.
            asset: The coin that is short.
            how: What happened.
            shortage_id: The shortage that they looked at, so that an answer never meets a later one.

        Returns:
            The shortage as it is now, and what each position bears or bore of it.

        Raises:
            ShortageNotFound: nothing of this coin is missing.
            ShortageChanged: it is another shortage, or it has ended in another way.
        """
        async with self._books.work(user_id) as work:
            await work.lock(account_id)
            found = await work.open_shortage(account_id, asset)
            if found is None or (shortage_id is not None and found[0].shortage_id != shortage_id):
                return await _answered_before(work, account_id, asset, how, shortage_id)
            shortage, shares = found
            why = LEAVE_BY[how]
            if why is None:
                return await self._wait(work, shortage, shares, how), shares
            return await self._give_up(work, shortage, shares, how, why)

    async def _wait(
        self, work: Work, shortage: Shortage, shares: Mapping[UUID, Decimal], how: ShortageAnswer
    ) -> Shortage:
        if shortage.state is ShortageState.WAITING:
            return shortage
        now = self._clock.now()
        waiting = shortage.moved(ShortageState.WAITING, now, how=how)
        await work.add_answer(_record(waiting, how))
        await write_shortage(work, waiting, shares, now=now)
        return waiting

    async def _give_up(
        self,
        work: Work,
        shortage: Shortage,
        shares: Mapping[UUID, Decimal],
        how: ShortageAnswer,
        why: ReleaseReason,
    ) -> tuple[Shortage, Mapping[UUID, Decimal]]:
        """The missing coins leave their positions for the user's own, from which the sale or withdrawal took them."""
        now = self._clock.now()
        ended = shortage.moved(ShortageState.RESOLVED, now, how=how)
        left: dict[UUID, Decimal] = {}
        for position_id, share in shares.items():
            if shortage.asset == QUOTE_ASSET:
                left[position_id] = await self._give_up_cash(work, ended, position_id, share)
            else:
                left[position_id] = await self._give_up_coins(work, ended, position_id, share, why)
            await self._move(work, ended, position_id)
        ended = replace(ended, quantity=exact_sum(list(left.values())))
        await work.add_answer(_record(ended, how))
        borne = {one: amount for one, amount in left.items() if amount}
        await write_shortage(work, ended, borne, now=now, changed=shares)
        log.warning("shortage_answered", account_id=str(shortage.account_id), asset=shortage.asset, how=how.value)
        return ended, borne

    @staticmethod
    async def _give_up_coins(
        work: Work, ended: Shortage, position_id: UUID, share: Decimal, why: ReleaseReason
    ) -> Decimal:
        """How much left: a late match may have sold some of it since."""
        [holding] = [row for row in await work.holdings([position_id]) if row.asset == ended.asset]
        leaving = min(share, holding.quantity)
        if leaving:
            await release_coins(
                work, [(holding, leaving)], source=_source(ended, position_id), why=why, at=ended.changed_at
            )
        return leaving

    @staticmethod
    async def _give_up_cash(work: Work, ended: Shortage, position_id: UUID, share: Decimal) -> Decimal:
        """As if it had been paid out to the account's free money: its owner took it. How much there was of it."""
        position = await _position(work, position_id)
        return await _pay_out(work, position, share, source=_source(ended, position_id), ended=ended)

    @staticmethod
    async def _move(work: Work, ended: Shortage, position_id: UUID) -> None:
        """The books changed; a position whose last coin is gone is over, and its cash is its owner's again."""
        position = replace(await _position(work, position_id), traded_at=ended.changed_at)
        await work.save_position(position)
        left = any(row.quantity > ZERO for row in await work.holdings([position_id]))
        if left or position.status is not PositionStatus.ACTIVE or (ended.asset == QUOTE_ASSET and position.cash):
            return
        await _pay_out(work, position, position.cash, source=f"{_source(ended, position_id)}:end", ended=ended)
        over = replace(await _position(work, position_id), status=PositionStatus.CLOSED, blocked_reason=None)
        await work.save_position(replace(over, complete=True, reasons=()))


async def _position(work: Work, position_id: UUID) -> Position:
    position = await work.position(position_id)
    if position is None:
        raise LookupError(f"a shortage's position {position_id} is gone")
    return position


async def _pay_out(work: Work, position: Position, amount: Decimal, *, source: str, ended: Shortage) -> Decimal:
    """Own cash goes to the account's free money, as far as there is any: how much went."""
    paid = min(amount, position.cash)
    if not paid:
        return ZERO
    await work.save_position(replace(position, withdrawn=position.withdrawn + paid))
    await work.add_lines(
        residual_lines(
            user_id=position.user_id,
            account_id=position.account_id,
            position_id=position.position_id,
            source=source,
            asset=QUOTE_ASSET,
            quantity=paid,
            at=ended.changed_at,
        )
    )
    return paid


def _source(ended: Shortage, position_id: UUID) -> str:
    return f"shortage:{ended.shortage_id}:{position_id}"


def _record(shortage: Shortage, how: ShortageAnswer) -> AnswerRecord:
    return AnswerRecord(
        user_id=shortage.user_id,
        account_id=shortage.account_id,
        shortage_id=shortage.shortage_id,
        asset=shortage.asset,
        quantity=shortage.quantity,
        how=how,
        at=shortage.changed_at,
    )


async def _answered_before(
    work: Work, account_id: UUID, asset: str, how: ShortageAnswer, shortage_id: UUID | None
) -> tuple[Shortage, Mapping[UUID, Decimal]]:
    last = await work.last_shortage(account_id, asset, shortage_id)
    if last is None:
        raise ShortageNotFound(f"Nothing of {asset[:20]} is missing on this account.")
    shortage, shares = last
    if shortage.how != how:
        raise ShortageChanged(
            f"This shortage has ended already ({shortage.how}); nothing was changed.",
            context={"how": shortage.how, "shortage_id": str(shortage.shortage_id)},
        )
    return shortage, shares
