"""Execution in one process: its own use cases, desks and answers, on memory and on the engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from execution.application.accept_basket_order import AcceptBasketOrder
from execution.application.accept_close import AcceptClose
from execution.application.accept_run import AcceptRun
from execution.application.book_flows import BookFlows
from execution.application.book_venue_record import BookVenueRecord
from execution.application.bookkeeping import Bookkeeper
from execution.application.check_balances import CheckBalances
from execution.application.desk_office import DeskOffice
from execution.application.desk_tools import DeskTools
from execution.application.fee_prices import FeePrices
from execution.application.linking import Linking
from execution.application.make_close_plan import MakeClosePlan
from execution.application.make_plan import MakePlan
from execution.application.make_run_plan import MakeRunPlan
from execution.application.planning import PlanRoom, PlanRules
from execution.application.ports import Account, AccountStanding
from execution.application.purse import Purses
from execution.application.read_books import ReadBooks
from execution.application.resolve_shortage import ResolveShortage
from execution.application.resolve_unknown import ResolveUnknown
from execution.application.send_orders import SendOrders
from execution.application.settle_by_hand import SettleByHand
from execution.application.told import Told
from execution.application.trade_run import TradeRun
from execution.domain.position import Run
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.trading_room import TradingRoom
from execution.inbound.account_rpc import create_account_rpc
from execution.inbound.events import create_orders, create_tasks
from execution.inbound.rpc import create_rpc
from execution.inbound.views import fill_view, flow_view, leg_view, position_view, release_view, shortage_view
from execution.outbound.market_client import MarketClient
from execution.outbound.postgres.announcements import Announcer, Views
from kit.memory_execution_books import MemoryBooks, MemoryDeskRegister
from kit.memory_house import House, Transaction
from kit.town_bus import MemoryOutbox
from kit.town_order_venue import BATCH, MemoryOrderVenue, MemoryStreams
from kit.town_questions import MemoryQuestions
from shared.runtime.events import EventRouter
from shared.runtime.rpc import RpcRouter
from shared.trading.clock import Clock, Ids
from shared.trading.status import VenueEnvironment

LEASE = timedelta(seconds=180)
PLENTY = Decimal(1_000_000_000)


class OpenDoors:
    """The port `Accounts`: keys that may trade without limits of their own."""

    async def describe(self, *, user_id: UUID, account_id: UUID) -> AccountStanding:
        """Every account trades."""
        account = Account(user_id=user_id, account_id=account_id, environment=VenueEnvironment.PAPER)
        return AccountStanding(account=account, active=True, read_only=False)

    async def room(self, account: Account) -> TradingRoom:
        """Plenty."""
        del account
        return TradingRoom(
            stops=(), order_max=PLENTY, slippage_bps_max=Decimal(300), room=PLENTY, room_limit="day", room_max=PLENTY
        )


class ExecutionRoom:
    """Everything that the service's own wiring makes, on other ports."""

    def __init__(
        self,
        *,
        house: House,
        outbox: MemoryOutbox,
        venue: MemoryOrderVenue,
        streams: MemoryStreams,
        questions: MemoryQuestions,
        link_key: bytes,
        clock: Clock,
        ids: Ids,
    ) -> None:
        views = Views(
            position=position_view,
            leg=leg_view,
            fill=fill_view,
            flow=flow_view,
            shortage=shortage_view,
            release=release_view,
        )
        announcer = Announcer(outbox, ids, views)

        async def announce(transaction: Transaction, told: Sequence[tuple[Told, Run | None]]) -> None:
            await announcer.announce(transaction, told)  # type: ignore[arg-type]

        books = self.books = MemoryBooks(house, announce)
        times, linking, market = ProtocolTimes(), Linking(link_key), MarketClient(questions)
        bookkeeper = Bookkeeper(
            books=books, linking=linking, times=times, clock=clock, fee_prices=FeePrices(market, clock)
        )
        self.register = MemoryDeskRegister(house, clock, lease=LEASE)
        purses = Purses(venue=venue, times=times, clock=clock)
        self.office = DeskOffice(
            DeskTools(
                books=books,
                bookkeeper=bookkeeper,
                purse=purses.of,
                trade_run=TradeRun(books=books, market=market, linking=linking, times=times, clock=clock, ids=ids),
                send_orders=SendOrders(venue=venue, clock=clock, batch_size=BATCH),
                resolve=ResolveUnknown(
                    books=books, venue=venue, market=market, bookkeeper=bookkeeper, times=times, clock=clock
                ),
                streams=streams,
                register=self.register,
                holder="the only process",
                renew_every_s=LEASE.total_seconds() / 3,
            ),
            look_every_s=3600.0,
        )
        room = PlanRoom(
            accounts=OpenDoors(),
            market=market,
            venue=venue,
            books=books,
            bell=self.office,
            clock=clock,
            ids=ids,
            rules=PlanRules(),
            purse=purses.of,
        )
        self.make_plan, self.make_close_plan, self.make_run_plan = (
            MakePlan(room),
            MakeClosePlan(room),
            MakeRunPlan(room),
        )
        self.read_books = ReadBooks(books, clock)
        self.resolve_shortage = ResolveShortage(books=books, clock=clock)
        self.settle_by_hand = SettleByHand(books=books, venue=venue, bookkeeper=bookkeeper, times=times, clock=clock)
        self._orders = create_orders(
            accept=AcceptBasketOrder(books=books, bell=self.office, market=market, clock=clock, ids=ids),
            run=AcceptRun(books=books, bell=self.office, clock=clock, ids=ids),
            close=AcceptClose(books=books, bell=self.office, clock=clock, ids=ids),
        )
        self._tasks = create_tasks(
            book=BookVenueRecord(
                books=books,
                venue=venue,
                bookkeeper=bookkeeper,
                flows=BookFlows(books=books, venue=venue, linking=linking, clock=clock),
                balances=CheckBalances(books=books, venue=venue, clock=clock, ids=ids),
                linking=linking,
                clock=clock,
            )
        )

    def consumers(self) -> list[EventRouter]:
        """What it reads from the bus."""
        return [self._orders, self._tasks]

    def routers(self) -> list[RpcRouter]:
        """Its answers."""
        return [
            create_rpc(
                make_plan=self.make_plan,
                make_close_plan=self.make_close_plan,
                make_run_plan=self.make_run_plan,
                read_books=self.read_books,
                register=self.register,
                settle_by_hand=self.settle_by_hand,
            ),
            create_account_rpc(read_books=self.read_books, resolve_shortage=self.resolve_shortage),
        ]
