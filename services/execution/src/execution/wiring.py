"""Composition root of execution: the only module that knows every room."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

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
from execution.application.purse import Purses
from execution.application.read_books import ReadBooks
from execution.application.resolve_shortage import ResolveShortage
from execution.application.resolve_unknown import ResolveUnknown
from execution.application.send_orders import SendOrders
from execution.application.settle_by_hand import SettleByHand
from execution.application.trade_run import TradeRun
from execution.domain.basket import Bands
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.sizing import SizingRules
from execution.inbound.account_rpc import create_account_rpc
from execution.inbound.events import create_orders, create_tasks
from execution.inbound.rpc import create_rpc
from execution.inbound.views import fill_view, flow_view, leg_view, position_view, release_view, shortage_view
from execution.outbound.bybit_streams import BybitStreams
from execution.outbound.bybit_venue import BybitVenue
from execution.outbound.keys_client import KeysClient
from execution.outbound.late import Asker, LateAsker
from execution.outbound.market_client import MarketClient
from execution.outbound.postgres.announcements import Announcer, Views
from execution.outbound.postgres.books import PostgresBooks
from execution.outbound.postgres.desk_register import PostgresDeskRegister
from execution.outbound.postgres.tables import outbox
from execution.settings import Settings
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.runtime.process import Process
from shared.runtime.settings import dsn_text
from shared.trading.clock import SystemClock, SystemIds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Everything but the process around it."""

    database: Database
    office: DeskOffice
    venue: BybitVenue
    make_plan: MakePlan
    make_close_plan: MakeClosePlan
    make_run_plan: MakeRunPlan
    accept: AcceptBasketOrder
    run: AcceptRun
    close: AcceptClose
    book: BookVenueRecord
    read_books: ReadBooks
    settle_by_hand: SettleByHand
    resolve_shortage: ResolveShortage
    register: PostgresDeskRegister


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What every room stands on."""

    database: Database
    books: PostgresBooks
    register: PostgresDeskRegister
    venue: BybitVenue
    market: MarketClient
    keys: KeysClient
    bookkeeper: Bookkeeper
    purses: Purses
    linking: Linking
    times: ProtocolTimes
    clock: SystemClock
    ids: SystemIds


def furnish(settings: Settings, asker: Asker) -> Rooms:
    """All rooms, connected; `asker` reaches the other services."""
    ground = _ground(settings, asker)
    books, venue, clock, ids = ground.books, ground.venue, ground.clock, ground.ids
    office = _office(settings, ground)
    room = _plan_room(settings, ground, office)
    return Rooms(
        database=ground.database,
        office=office,
        venue=venue,
        make_plan=MakePlan(room),
        make_close_plan=MakeClosePlan(room),
        make_run_plan=MakeRunPlan(room),
        accept=AcceptBasketOrder(books=books, bell=office, market=ground.market, clock=clock, ids=ids),
        run=AcceptRun(books=books, bell=office, clock=clock, ids=ids),
        close=AcceptClose(books=books, bell=office, clock=clock, ids=ids),
        book=_booking(ground),
        read_books=ReadBooks(books, clock),
        settle_by_hand=SettleByHand(
            books=books, venue=venue, bookkeeper=ground.bookkeeper, times=ground.times, clock=clock
        ),
        resolve_shortage=ResolveShortage(books=books, clock=clock),
        register=ground.register,
    )


def _ground(settings: Settings, asker: Asker) -> _Ground:
    clock, ids = SystemClock(), SystemIds()
    database = Database(dsn_text(settings.database_dsn), pool_size=12)
    books = PostgresBooks(database, Announcer(Outbox(outbox, source="execution", clock=clock, ids=ids), ids, _views()))
    times = ProtocolTimes().scaled(settings.times_scale)
    linking = Linking(settings.link_key_bytes())
    market = MarketClient(asker)
    venue = BybitVenue(
        settings.venues,
        asker=asker,
        clock=clock,
        recv_window=times.recv_window,
        pause=timedelta(seconds=settings.venue_pause_s / settings.times_scale),
    )
    return _Ground(
        database=database,
        books=books,
        register=PostgresDeskRegister(database, lease=timedelta(seconds=settings.lease_s)),
        venue=venue,
        market=market,
        keys=KeysClient(asker),
        bookkeeper=Bookkeeper(
            books=books, linking=linking, times=times, clock=clock, fee_prices=FeePrices(market, clock)
        ),
        purses=Purses(venue=venue, times=times, clock=clock),
        linking=linking,
        times=times,
        clock=clock,
        ids=ids,
    )


def _views() -> Views:
    return Views(
        position=position_view,
        leg=leg_view,
        fill=fill_view,
        flow=flow_view,
        shortage=shortage_view,
        release=release_view,
    )


def _office(settings: Settings, ground: _Ground) -> DeskOffice:
    books, venue, market, times, clock = ground.books, ground.venue, ground.market, ground.times, ground.clock
    trade_run = TradeRun(
        books=books,
        market=market,
        linking=ground.linking,
        times=times,
        clock=clock,
        ids=ground.ids,
        minimum_factor=settings.minimum_factor,
        band=settings.price_band,
    )
    resolve = ResolveUnknown(
        books=books, venue=venue, market=market, bookkeeper=ground.bookkeeper, times=times, clock=clock
    )
    tools = DeskTools(
        books=books,
        bookkeeper=ground.bookkeeper,
        purse=ground.purses.of,
        trade_run=trade_run,
        send_orders=SendOrders(venue=venue, clock=clock, batch_size=settings.batch_size),
        resolve=resolve,
        streams=BybitStreams(settings.venues, keys=ground.keys, rng=random.SystemRandom()),
        register=ground.register,
        holder=str(ground.ids.uuid()),
        renew_every_s=settings.lease_s / 3,
    )
    return DeskOffice(tools, desks_max=settings.desks_max)


def _plan_room(settings: Settings, ground: _Ground, office: DeskOffice) -> PlanRoom:
    return PlanRoom(
        accounts=ground.keys,
        market=ground.market,
        venue=ground.venue,
        books=ground.books,
        bell=office,
        clock=ground.clock,
        ids=ground.ids,
        rules=_rules(settings),
        purse=ground.purses.of,
    )


def _booking(ground: _Ground) -> BookVenueRecord:
    books, venue, linking, clock = ground.books, ground.venue, ground.linking, ground.clock
    return BookVenueRecord(
        books=books,
        venue=venue,
        bookkeeper=ground.bookkeeper,
        flows=BookFlows(books=books, venue=venue, linking=linking, clock=clock),
        balances=CheckBalances(books=books, venue=venue, clock=clock, ids=ground.ids),
        linking=linking,
        clock=clock,
    )


def build(settings: Settings) -> Process:
    """The service's process, not yet started."""
    asker = LateAsker()
    rooms = furnish(settings, asker)

    async def close_venue() -> None:
        rooms.venue.close()

    process = Process(
        "execution",
        settings,
        database=rooms.database,
        outbox=outbox,
        events=[create_orders(accept=rooms.accept, run=rooms.run, close=rooms.close), create_tasks(book=rooms.book)],
        rpc=[
            create_rpc(
                make_plan=rooms.make_plan,
                make_close_plan=rooms.make_close_plan,
                make_run_plan=rooms.make_run_plan,
                read_books=rooms.read_books,
                register=rooms.register,
                settle_by_hand=rooms.settle_by_hand,
            ),
            create_account_rpc(read_books=rooms.read_books, resolve_shortage=rooms.resolve_shortage),
        ],
        loops={"desks": rooms.office.run},
        on_stop=[close_venue],
    )
    asker.become(process.ask)
    return process


def _rules(settings: Settings) -> PlanRules:
    return PlanRules(
        sizing=SizingRules(
            band=settings.price_band,
            minimum_factor=settings.minimum_factor,
            skipped_weight_max=settings.skipped_weight_max,
        ),
        bands=Bands(
            absolute=settings.absolute_band, relative=settings.relative_band, smallest=settings.smallest_leg_share
        ),
        fee_rate=settings.fee_rate,
        liquid_share=settings.liquid_share,
        valid_for=timedelta(seconds=settings.plan_valid_s),
    )
