"""The client against the paper exchange: the same code that will meet the real venue."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
from kit.paper_process import running_paper_process
from pydantic import SecretStr

from shared.contracts.rpc.signing import Lane, Signature, StreamLogin
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.orders import LimitOrder
from shared.runtime.bybit.outcomes import Accepted, Duplicate, NotOpen, Refused, Unknown
from shared.runtime.bybit.pace import Pace
from shared.runtime.bybit.private_stream import PrivateStream, StreamTimes
from shared.runtime.bybit.public import PublicMarket
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, OrderStatus, WalletRow
from shared.runtime.bybit.session import VenueSession
from shared.testing import eventually
from shared.trading.status import Side, VenueEnvironment

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running_paper_process(tmp_path_factory.mktemp("paper")) as process:
        yield process.port


class Desk:
    """An account on the paper exchange and our client for it; the desk signs."""

    def __init__(self, port: int, keys: dict[str, str]) -> None:
        self.port, self.keys = port, keys
        self.connections = VenueConnections(f"http://127.0.0.1:{port}", order_threads=4, query_threads=4)
        self.session = VenueSession(environment=VenueEnvironment.PAPER, connections=self.connections, signer=self)
        self.market = PublicMarket(connections=self.connections)
        self.seen: list[Any] = []
        self.gaps: list[str] = []

    async def sign(self, *, method: str, path: str, payload: str, recv_window_ms: int, lane: Lane) -> Signature:
        stamp = int(time.time() * 1000)
        signed = self._hmac(f"{stamp}{self.keys['api_key']}{recv_window_ms}{payload}")
        headers = {
            "X-BAPI-API-KEY": self.keys["api_key"],
            "X-BAPI-TIMESTAMP": str(stamp),
            "X-BAPI-RECV-WINDOW": str(recv_window_ms),
            "X-BAPI-SIGN": signed,
        }
        return Signature(headers=headers, timestamp_ms=stamp)

    async def login(self) -> StreamLogin:
        expires = int(time.time() * 1000) + 1000
        signature = SecretStr(self._hmac(f"GET/realtime{expires}"))
        return StreamLogin(api_key=self.keys["api_key"], expires_ms=expires, signature=signature)

    def _hmac(self, text: str) -> str:
        return hmac.new(self.keys["api_secret"].encode(), text.encode(), hashlib.sha256).hexdigest()

    async def order(self, link: str, symbol: str = "BTCUSDT", notional: str = "100") -> LimitOrder:
        tickers = await self.market.tickers(symbol)
        instruments = await self.market.instruments()
        assert isinstance(tickers, Accepted)
        assert isinstance(instruments, Accepted)
        rules = next(row.to_domain() for row in instruments.reply.rows if row.symbol == symbol)
        ask = tickers.reply.rows[0].ask
        price = ask * Decimal("1.005") // rules.tick_size * rules.tick_size
        quantity = Decimal(notional) / ask // rules.lot_size * rules.lot_size
        return LimitOrder(client_order_id=link, symbol=symbol, side=Side.BUY, quantity=quantity, price=price)

    async def control(self, method: str, where: str, /, **body: Any) -> Any:
        url = f"http://127.0.0.1:{self.port}/paper/v1/{where}"
        reply = await asyncio.to_thread(lambda: httpx.request(method, url, json=body or None, timeout=10))
        reply.raise_for_status()
        return reply.json()

    async def orders(self, rows: tuple[OrderRow, ...]) -> None:
        self.seen += rows

    async def executions(self, rows: tuple[ExecutionRow, ...]) -> None:
        self.seen += rows

    async def wallets(self, rows: tuple[WalletRow, ...]) -> None:
        self.seen += rows

    async def gap(self, reason: str) -> None:
        self.gaps.append(reason)

    def of(self, kind: type) -> list[Any]:
        return [row for row in self.seen if isinstance(row, kind)]


@pytest.fixture
async def desk(paper: int) -> AsyncIterator[Desk]:
    body = {"balances": {"USDT": "10000"}}
    url = f"http://127.0.0.1:{paper}/paper/v1/accounts"
    reply = await asyncio.to_thread(lambda: httpx.post(url, json=body, timeout=10))
    place = Desk(paper, reply.json())
    yield place
    place.connections.close()


async def filled(desk: Desk, link: str) -> OrderRow:
    async def final() -> OrderRow | None:
        found = await desk.session.order_by_link_id(link)
        assert isinstance(found, Accepted)
        return next((row for row in found.reply if row.final), None)

    row = await eventually(final)
    assert row is not None
    return row


async def test_an_order_lives_through_all_queries_and_matches_the_ledger(desk: Desk) -> None:
    order = await desk.order("first-order")
    accepted = await desk.session.create_order(order)
    assert isinstance(accepted, Accepted)
    row = await filled(desk, "first-order")
    assert row.status is OrderStatus.FILLED
    matches = await desk.session.executions_by_link_id("first-order")
    history = await desk.session.history_by_link_id("first-order")
    wallet = await desk.session.wallet()
    for outcome in (matches, history, wallet):
        assert isinstance(outcome, Accepted), outcome
    assert isinstance(matches, Accepted)
    assert isinstance(wallet, Accepted)
    bought = sum(match.quantity - match.fee for match in matches.reply)
    assert {match.fee_asset for match in matches.reply} == {"BTC"}
    ledger = await desk.control("GET", f"ledger?uid={desk.keys['uid']}")
    balances = {row["coin"]: Decimal(row["walletBalance"]) for row in ledger["balances"]}
    assert balances["BTC"] == bought == wallet.reply.available("BTC")
    assert {match.exec_id for match in matches.reply} == {row["execId"] for row in ledger["executions"]}


async def test_histories_agree_with_the_ledger(desk: Desk) -> None:
    for number in range(3):
        await desk.session.create_order(await desk.order(f"h{number}"))
        await filled(desk, f"h{number}")
    now = int(time.time() * 1000)
    ledger = await desk.control("GET", f"ledger?uid={desk.keys['uid']}")
    executions = await desk.session.executions(start_ms=now - 9 * 86_400_000, end_ms=now + 60_000)
    log = await desk.session.transaction_log(start_ms=now - 86_400_000, end_ms=now + 60_000)
    assert isinstance(executions, Accepted)
    assert isinstance(log, Accepted)
    assert [row.exec_id for row in executions.reply] == [row["execId"] for row in ledger["executions"]]
    assert {row.id for row in log.reply} == {row["id"] for row in ledger["transaction_log"]}


async def test_a_batch_has_an_outcome_per_leg(desk: Desk) -> None:
    good, small = await desk.order("b0"), await desk.order("b1")
    huge = await desk.order("b2", notional="500000")
    tiny = LimitOrder(
        client_order_id="b1", symbol="BTCUSDT", side=Side.BUY, quantity=Decimal("0.000001"), price=small.price
    )
    outcome = await desk.session.create_batch([good, tiny, huge])
    assert isinstance(outcome, Accepted)
    first, second, third = outcome.reply.legs
    assert isinstance(first, Accepted)
    assert isinstance(second, Refused)
    assert isinstance(third, Refused)
    again = await desk.session.create_batch([good])
    assert isinstance(again, Accepted)
    assert isinstance(again.reply.legs[0], Duplicate)


async def test_cancelling_what_is_not_there_is_not_open(desk: Desk) -> None:
    outcome = await desk.session.cancel_order(symbol="BTCUSDT", client_order_id="never")
    assert isinstance(outcome, NotOpen)


async def test_a_lost_reply_is_unknown_and_the_order_is_found_by_its_id(desk: Desk) -> None:
    await desk.control("POST", "faults", kind="reset", path="/v5/order/create", outcome="executed", count=1)
    outcome = await desk.session.create_order(await desk.order("lost"))
    assert isinstance(outcome, Unknown)
    assert outcome.timestamp_ms is not None
    assert (await filled(desk, "lost")).status is OrderStatus.FILLED


async def test_the_price_limit_is_where_the_venue_refuses(desk: Desk) -> None:
    limit = await desk.market.price_limit("BTCUSDT")
    assert isinstance(limit, Accepted)
    highest = limit.reply.highest_buy
    assert highest is not None
    beyond = replace(await desk.order("beyond"), price=highest + Decimal(10))
    assert isinstance(await desk.session.create_order(beyond), Refused)
    at_most = replace(await desk.order("at-most"), price=highest)
    assert isinstance(await desk.session.create_order(at_most), Accepted)


async def test_a_dead_key_is_blind(desk: Desk) -> None:
    await desk.control("POST", "keys", api_key=desk.keys["api_key"], ips=["203.0.113.9"])
    outcome = await desk.session.wallet()
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.blind) == (10010, True)


async def test_the_stream_tells_orders_matches_and_balances_and_comes_back_after_a_cut(desk: Desk) -> None:
    stream = PrivateStream(
        url=f"ws://127.0.0.1:{desk.port}/v5/private",
        login=desk.login,
        listener=desk,
        pace=Pace(0.0),
        rng=random.Random(1),
    )
    running = asyncio.create_task(stream.run())
    try:
        await asyncio.wait_for(stream.connected.wait(), 10)
        await desk.session.create_order(await desk.order("s1"))
        await eventually(lambda: desk.of(ExecutionRow) and desk.of(WalletRow))
        await eventually(lambda: any(row.final and row.order_link_id == "s1" for row in desk.of(OrderRow)))
        await desk.control("POST", "streams/cut", uid=desk.keys["uid"])
        await eventually(lambda: desk.gaps == ["connected", "connected"])
        await desk.session.create_order(await desk.order("s2"))
        await eventually(lambda: any(row.order_link_id == "s2" for row in desk.of(ExecutionRow)))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_happened_while_the_stream_was_away_is_found_by_query(desk: Desk) -> None:
    gone = asyncio.Event()

    async def late_login() -> StreamLogin:
        if desk.gaps:  # cut once: the way back stays shut until the order is done
            await gone.wait()
        return await desk.login()

    stream = PrivateStream(
        url=f"ws://127.0.0.1:{desk.port}/v5/private",
        login=late_login,
        listener=desk,
        pace=Pace(0.0),
        rng=random.Random(1),
        times=StreamTimes(backoff_first_s=0.05),
    )
    running = asyncio.create_task(stream.run())
    try:
        await eventually(lambda: desk.gaps == ["connected"])
        since = int(time.time() * 1000) - 1000
        await desk.control("POST", "streams/cut", uid=desk.keys["uid"])
        await eventually(lambda: not stream.connected.is_set())
        await desk.session.create_order(await desk.order("unheard"))
        await filled(desk, "unheard")
        gone.set()
        await eventually(lambda: desk.gaps == ["connected", "connected"])
        outcome = await desk.session.executions(start_ms=since, end_ms=int(time.time() * 1000) + 1000)
        assert isinstance(outcome, Accepted)
        assert {row.order_link_id for row in outcome.reply} == {"unheard"}
        assert not any(row.order_link_id == "unheard" for row in desk.of(ExecutionRow))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
