"""The reconciler in one process: its own use cases and consumers, on memory and on the engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from kit.memory_house import House, Transaction
from kit.memory_reconciler_desk import MemoryAgenda, MemoryDesk
from kit.memory_reconciler_results import MemoryResults
from kit.town_bus import MemoryOutbox
from kit.town_questions import MemoryQuestions
from kit.town_reader import MemoryReader
from reconciler.application.announce import Announce
from reconciler.application.follow_trading import FollowTrading
from reconciler.application.read_results import ReadResults
from reconciler.application.reconcile_account import ReconcileAccount, Rules
from reconciler.application.refresh_books import RefreshBooks
from reconciler.application.revalue import Revalue
from reconciler.application.thin_points import ThinPoints
from reconciler.domain.announcements import Announcement
from reconciler.domain.deviation import Band
from reconciler.inbound.events import execution_events, jobs, ticks
from reconciler.outbound.execution_client import RpcBookKeeper
from reconciler.outbound.market_client import RpcIndexLevels, RpcMarket
from reconciler.outbound.messages import message_of
from shared.runtime.events import EventRouter
from shared.trading.clock import Clock, Ids

DEBOUNCE = timedelta(seconds=2)
JOBS_AT_ONCE = 100


class ReconcilerRoom:
    """Everything that the service's own wiring makes, on other ports; its loops are called by whoever moves the time."""

    def __init__(
        self,
        *,
        house: House,
        outbox: MemoryOutbox,
        reader: MemoryReader,
        questions: MemoryQuestions,
        link_key: bytes,
        clock: Clock,
        ids: Ids,
    ) -> None:
        async def say(transaction: Transaction, told: Sequence[Announcement]) -> None:
            await outbox.record(transaction, [message_of(one) for one in told])

        band = Band(absolute=Decimal("0.05"), relative=Decimal("0.25"), clear_at=Decimal("0.8"))
        desk, self.agenda = MemoryDesk(house, say), MemoryAgenda(house, say)
        keeper, market = RpcBookKeeper(questions), RpcMarket(questions, clock)
        shelf = MemoryResults(house)
        self._clock = clock
        self.announce = Announce(agenda=self.agenda, keeper=keeper, clock=clock)
        self.revalue = Revalue(agenda=self.agenda, desk=desk, market=market, clock=clock, band=band)
        self.thin = ThinPoints(shelf=shelf, clock=clock)
        self.results = ReadResults(shelf=shelf, market=market, levels=RpcIndexLevels(questions), clock=clock)
        reconcile = ReconcileAccount(
            desk=desk,
            agenda=self.agenda,
            keeper=keeper,
            venue=reader,
            market=market,
            clock=clock,
            ids=ids,
            rules=Rules(link_key=link_key, band=band),
        )
        refresh = RefreshBooks(desk=desk, keeper=keeper, market=market, clock=clock, band=band)
        follow = FollowTrading(desk=desk, agenda=self.agenda, clock=clock, debounce=DEBOUNCE)
        self._consumers = [execution_events(refresh, follow), ticks(self.announce), jobs(reconcile)]

    def consumers(self) -> list[EventRouter]:
        """What it reads from the bus."""
        return self._consumers

    async def due(self) -> None:
        """One look at the agenda."""
        await self.agenda.due_jobs(self._clock.now(), limit=JOBS_AT_ONCE)
