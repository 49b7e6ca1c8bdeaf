from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from kit.memory_house import House, Transaction
from kit.memory_reconciler_desk import MemoryAgenda, MemoryDesk

from reconciler.application.revalue import Revalue
from reconciler.domain.announcements import Announcement, PnlTold

ADA, BOB, CAROL = UUID(int=1), UUID(int=2), UUID(int=3)


async def test_a_book_with_impossible_figures_keeps_nobody_elses_positions_from_being_valued(
    bench: Any, make: Any
) -> None:
    told: list[Announcement] = []

    async def announce(_: Transaction, announcements: Sequence[Announcement]) -> None:
        told.extend(announcements)

    house = House()
    desk = MemoryDesk(house, announce)
    broken = replace(make.coin(), quantity=Decimal("NaN"))
    for user, coin in ((ADA, make.coin()), (BOB, broken), (CAROL, make.coin())):
        account = replace(make.ACCOUNT, user_id=user, account_id=UUID(int=user.int + 10))
        async with desk.work(user) as work:
            await work.save_book(make.book(coin, account=account, position_id=UUID(int=user.int + 20)))
    revalue = Revalue(
        agenda=MemoryAgenda(house, announce), desk=desk, market=bench.sources, clock=bench.clock, band=bench.band
    )
    assert await revalue.run_once() == 2
    values = [(one.book.account.user_id, one.valuation.value) for one in told if isinstance(one, PnlTold)]
    assert values == [(ADA, Decimal(110)), (CAROL, Decimal(110))]
