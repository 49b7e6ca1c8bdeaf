from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.rpc.signing import Lane, Signature
from shared.runtime.bybit.calls import Call
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.desk import CallTimes
from shared.runtime.bybit.http import RemoteSignedHTTP
from shared.runtime.bybit.orders import LimitOrder, batch_body
from shared.runtime.bybit.outcomes import Accepted, Duplicate, NotOpen, NotSent, RateLimited, Refused, Unknown
from shared.runtime.bybit.public import PublicMarket
from shared.runtime.bybit.session import VenueSession
from shared.runtime.bybit.windows import WINDOW_MS
from shared.testing.stub_venue import Heard, Said, StubSigner, StubVenue, ok, refused, stub_venue
from shared.trading.errors import Denied
from shared.trading.status import Side, VenueEnvironment

CREATE, BATCH, CANCEL = "/v5/order/create", "/v5/order/create-batch", "/v5/order/cancel"
REALTIME, EXECUTIONS = "/v5/order/realtime", "/v5/execution/list"


def an_order(link: str = "bp1", quantity: str = "0.5") -> LimitOrder:
    return LimitOrder(
        client_order_id=link, symbol="BTCUSDT", side=Side.BUY, quantity=Decimal(quantity), price=Decimal("100.10")
    )


@pytest.fixture
def venue() -> Iterator[StubVenue]:
    with stub_venue() as running:
        yield running


@pytest.fixture
async def connections(venue: StubVenue) -> AsyncIterator[VenueConnections]:
    open_connections = VenueConnections(venue.url, order_threads=2, query_threads=2)
    yield open_connections
    open_connections.close()


def a_session(connections: VenueConnections, signer: Any = None, **changes: Any) -> VenueSession:
    return VenueSession(
        environment=VenueEnvironment.PAPER, connections=connections, signer=signer or StubSigner(), **changes
    )


async def test_an_order_is_signed_over_the_bytes_that_arrive(venue: StubVenue, connections: VenueConnections) -> None:
    venue.on(CREATE, ok({"orderId": "7", "orderLinkId": "bp1"}))
    signer = StubSigner()
    outcome = await a_session(connections, signer).create_order(an_order())
    assert isinstance(outcome, Accepted)
    assert (outcome.reply.order_id, outcome.timestamp_ms, outcome.recv_window_ms) == ("7", signer.timestamp_ms, 1500)
    method, path, payload, window, lane = signer.asked[0]
    assert (method, path, window, lane) == ("POST", CREATE, 1500, Lane.BUY)
    assert payload == venue.heard[0].body
    assert '"price": "100.1"' in payload


async def test_a_query_with_an_encoded_cursor_keeps_its_signature(
    venue: StubVenue, connections: VenueConnections
) -> None:
    pages = {"": "a%3A1%2Cb%2B c", "cursor=": ""}

    def answer(heard: Heard) -> Said:
        following = pages["cursor=" if "cursor=" in heard.query else ""]
        row = execution("second" if "cursor=" in heard.query else "first")
        return ok({"list": [row], "nextPageCursor": following.replace(" ", "")})

    venue.on(EXECUTIONS, answer)
    outcome = await a_session(connections).executions_by_link_id("bp1")
    assert isinstance(outcome, Accepted)
    assert [row.exec_id for row in outcome.reply] == ["first", "second"]
    assert "cursor=a%3A1%2Cb%2Bc" in venue.heard[1].query


@pytest.mark.parametrize(
    ("code", "kind"),
    [(170131, Refused), (170141, Duplicate), (170146, Unknown), (10016, Unknown), (31337, Unknown), (170213, Unknown)],
)
async def test_codes_of_a_create(venue: StubVenue, connections: VenueConnections, code: int, kind: type) -> None:
    venue.on(CREATE, refused(code))
    assert isinstance(await a_session(connections).create_order(an_order()), kind)
    assert len(venue.heard) == 1  # nothing is ever sent twice


async def test_a_cancel_of_nothing_is_not_open(venue: StubVenue, connections: VenueConnections) -> None:
    venue.on(CANCEL, refused(170213))
    outcome = await a_session(connections).cancel_order(symbol="BTCUSDT", client_order_id="bp1")
    assert isinstance(outcome, NotOpen)


async def test_too_many_visits_tell_when_to_come_again(venue: StubVenue, connections: VenueConnections) -> None:
    reset = int(time.time() * 1000) + 700
    venue.on(CREATE, refused(10006, X_Bapi_Limit_Reset_Timestamp=str(reset)))
    outcome = await a_session(connections).create_order(an_order())
    assert isinstance(outcome, RateLimited)
    assert outcome.reset_ms == reset
    assert len(venue.heard) == 1


@pytest.mark.parametrize("ban", [Said({}, status=403), Said({}, status=429), refused(10429)])
async def test_after_a_ban_nothing_is_signed_and_nothing_leaves_for_the_host(
    venue: StubVenue, connections: VenueConnections, ban: Said
) -> None:
    venue.on("/v5/account/wallet-balance", ban)
    assert isinstance(await a_session(connections).wallet(), Unknown)
    for outcome in (await a_session(connections).create_order(an_order()), await a_session(connections).wallet()):
        assert isinstance(outcome, NotSent)
        assert outcome.error.code == "venue_paused"
    told = await PublicMarket(connections=connections).tickers()
    assert isinstance(told, Unknown)
    assert told.reason == "venue_paused"
    assert len(venue.heard) == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Said(b"<html>bad gateway", status=502), "http_502"),
        (Said(b"", status=500), "http_500"),
        (Said({}, status=403), "http_403"),
        (Said({}, status=429), "http_429"),
        (Said(b"", status=302, headers={"Location": "http://127.0.0.1:1/"}), "redirect"),
        (Said(b"<html>"), "unparsable"),
        (Said(b""), "unparsable"),
        (Said(b"[]"), "unparsable"),
        (Said({"retCode": "0", "result": {}}), "unparsable"),
        (Said({"retCode": 0, "result": None}), "unparsable"),
        (Said({"retCode": 0, "result": {"orderId": ""}}), "unparsable"),
        (Said({"retCode": 0, "result": {"orderId": "1", "orderLinkId": "another"}}), "unparsable"),
        (Said({"retCode": [1], "retMsg": "x"}), "unparsable"),
        (Said({"retCode": 10001.5}), "unparsable"),
    ],
)
async def test_what_cannot_be_read_is_unknown_with_its_signed_time(
    venue: StubVenue, connections: VenueConnections, said: Said, reason: str
) -> None:
    venue.on(CREATE, said)
    signer = StubSigner()
    outcome = await a_session(connections, signer).create_order(an_order())
    assert isinstance(outcome, Unknown)
    assert (outcome.reason, outcome.timestamp_ms) == (reason, signer.timestamp_ms)
    assert len(venue.heard) == 1


async def test_a_dropped_connection_is_unknown(venue: StubVenue, connections: VenueConnections) -> None:
    venue.on(CREATE, lambda _: None)
    outcome = await a_session(connections).create_order(an_order())
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "connection"
    assert len(venue.heard) == 1


async def test_a_silent_venue_is_unknown_after_the_read_time_out(
    venue: StubVenue, connections: VenueConnections
) -> None:
    release = threading.Event()

    def hang(_: Heard) -> Said | None:
        release.wait(5)
        return None

    venue.on(CREATE, hang)
    outcome = await a_session(connections, read_timeout_s=0.2).create_order(an_order())
    release.set()
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "read_timeout"


async def test_a_venue_that_is_away_is_unknown(connections: VenueConnections) -> None:
    nobody = VenueConnections("http://127.0.0.1:1", order_threads=1, query_threads=1)
    outcome = await a_session(nobody).order_by_link_id("bp1")
    nobody.close()
    assert isinstance(outcome, Unknown)


async def test_each_leg_of_a_batch_has_its_own_outcome(venue: StubVenue, connections: VenueConnections) -> None:
    codes = [0, 170131, 10006, 170141, 10016, 0]
    legs = [{"orderId": "9", "orderLinkId": "bp0"}, {}, {}, {}, {}, {"orderId": "", "orderLinkId": ""}]
    notes = [{"code": code, "msg": "x"} for code in codes]
    venue.on(BATCH, Said({"retCode": 0, "retMsg": "OK", "result": {"list": legs}, "retExtInfo": {"list": notes}}))
    orders = [an_order(f"bp{number}") for number in range(6)]
    outcome = await a_session(connections).create_batch(orders)
    assert isinstance(outcome, Accepted)
    assert [type(leg) for leg in outcome.reply.legs] == [Accepted, Refused, RateLimited, Duplicate, Unknown, Unknown]
    assert venue.heard[0].body == json.dumps(batch_body(orders))


@pytest.mark.parametrize("legs", [[], [{"orderId": "1"}] * 3, None])
async def test_a_batch_answer_of_another_length_says_nothing(
    venue: StubVenue, connections: VenueConnections, legs: Any
) -> None:
    notes = [{"code": 0, "msg": "OK"}] * 2
    venue.on(BATCH, Said({"retCode": 0, "retMsg": "OK", "result": {"list": legs}, "retExtInfo": {"list": notes}}))
    outcome = await a_session(connections).create_batch([an_order("a"), an_order("b")])
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "unparsable"


async def test_the_governors_later_is_waited_for_without_a_thread(
    venue: StubVenue, connections: VenueConnections
) -> None:
    venue.on(CREATE, ok({"orderId": "7", "orderLinkId": "bp1"}))
    signer = StubSigner(50, 50)
    assert isinstance(await a_session(connections, signer).create_order(an_order()), Accepted)
    assert len(signer.asked) == 3
    assert len(venue.heard) == 1


async def test_a_governor_without_room_means_not_sent(venue: StubVenue, connections: VenueConnections) -> None:
    session = a_session(connections, StubSigner(60_000), times=CallTimes(governor_patience_s=0.1))
    outcome = await session.create_order(an_order())
    assert isinstance(outcome, NotSent)
    assert outcome.error.code == "venue_rate"
    assert venue.heard == []


async def test_a_refused_signature_means_not_sent(venue: StubVenue, connections: VenueConnections) -> None:
    class Refusing:
        async def sign(self, **_: Any) -> Signature:
            raise Denied("not in the plan", code="ceiling_exceeded")

    outcome = await a_session(connections, Refusing()).create_order(an_order())
    assert isinstance(outcome, NotSent)
    assert (outcome.error.family, outcome.error.code) == ("denied", "ceiling_exceeded")
    assert venue.heard == []


async def test_an_order_given_up_before_its_signature_is_never_sent(
    venue: StubVenue, connections: VenueConnections
) -> None:
    venue.on(CREATE, ok({"orderId": "7", "orderLinkId": "bp1"}))
    asked, go_on = asyncio.Event(), asyncio.Event()

    class Slow(StubSigner):
        async def sign(self, **request: Any) -> Signature:
            asked.set()
            await go_on.wait()
            return await super().sign(**request)

    session = a_session(connections, Slow())
    waiting = asyncio.create_task(session.create_order(an_order()))
    await asyncio.wait_for(asked.wait(), 5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    venue.on(REALTIME, ok({"list": []}))
    assert isinstance(await session.order_by_link_id("bp1"), Accepted)
    assert [heard.path for heard in venue.heard] == [REALTIME]


async def test_orders_that_hang_do_not_hold_up_queries(venue: StubVenue, connections: VenueConnections) -> None:
    release = threading.Event()

    def hang(_: Heard) -> Said | None:
        release.wait(5)
        return None

    venue.on(CREATE, hang)
    venue.on(REALTIME, ok({"list": []}))
    session = a_session(connections)
    stuck = [asyncio.create_task(session.create_order(an_order(f"bp{number}"))) for number in range(4)]
    assert isinstance(await asyncio.wait_for(session.order_by_link_id("bp1"), 2), Accepted)
    release.set()
    await asyncio.gather(*stuck)


async def test_a_call_on_the_loops_own_thread_is_refused(connections: VenueConnections) -> None:
    http = RemoteSignedHTTP(
        endpoint=connections.rest,
        adapter=connections.adapter,
        signer=StubSigner(),
        loop=asyncio.get_running_loop(),
    )
    with pytest.raises(RuntimeError, match="own thread"):
        http.perform(Call(lane=Lane.POLL, recv_window_ms=5000), http.get_account_info)


def execution(exec_id: str, at: int = 1) -> dict[str, Any]:
    return {
        "execId": exec_id, "orderId": "1", "orderLinkId": "bp1", "symbol": "BTCUSDT", "side": "Buy", "execPrice": "100",
        "execQty": "1", "execFee": "0.001", "feeCurrency": "BTC", "execTime": str(at), "seq": 1,
    }  # fmt: skip


async def test_a_history_of_weeks_is_split_paged_and_told_once(venue: StubVenue, connections: VenueConnections) -> None:
    def answer(heard: Heard) -> Said:
        params = dict(part.split("=") for part in heard.query.split("&"))
        assert int(params["endTime"]) - int(params["startTime"]) <= WINDOW_MS
        rows = [execution("edge", WINDOW_MS)]
        if params["startTime"] == "0":
            rows.append(execution("old", 5))
        return ok({"list": rows, "nextPageCursor": ""})

    venue.on(EXECUTIONS, answer)
    outcome = await a_session(connections).executions(start_ms=0, end_ms=2 * WINDOW_MS)
    assert isinstance(outcome, Accepted)
    assert [row.exec_id for row in outcome.reply] == ["old", "edge"]


async def test_one_unreadable_row_makes_the_whole_list_unknown(venue: StubVenue, connections: VenueConnections) -> None:
    venue.on(EXECUTIONS, ok({"list": [execution("a"), execution("b") | {"execQty": "NaN"}]}))
    outcome = await a_session(connections).executions_by_link_id("bp1")
    assert isinstance(outcome, Unknown)


async def test_public_lists_keep_what_can_be_read(venue: StubVenue, connections: VenueConnections) -> None:
    good = {"symbol": "BTCUSDT", "bid1Price": "99.9", "ask1Price": "100.1", "lastPrice": "100", "turnover24h": "5"}
    venue.on(
        "/v5/market/tickers", ok({"category": "spot", "list": [good, {"symbol": "X"}, good | {"lastPrice": "NaN"}]})
    )
    outcome = await PublicMarket(connections=connections).tickers()
    assert isinstance(outcome, Accepted)
    assert [row.bid for row in outcome.reply.rows] == [Decimal("99.9")]
    assert len(outcome.reply.faults) == 2
    assert "x-bapi-sign" not in venue.heard[0].headers


async def test_candles_are_read_from_arrays(venue: StubVenue, connections: VenueConnections) -> None:
    venue.on("/v5/market/kline", ok({"list": [["1700000000000", "1", "2", "0.5", "1.5", "10", "15"]]}))
    outcome = await PublicMarket(connections=connections).candles("BTCUSDT")
    assert isinstance(outcome, Accepted)
    assert outcome.reply.rows[0].to_domain().close == Decimal("1.5")
