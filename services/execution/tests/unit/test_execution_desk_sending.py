"""What a desk may send, when, and when it leaves the venue alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from kit.one_desk import (
    ACCOUNT,
    T0,
    TIMES,
    Venue,
    an_intent,
    at,
)

from execution.application.ports import Account
from execution.application.send_orders import Patience, SendOrders
from execution.domain.attempt import Attempt
from execution.domain.venue_facts import Fact, Reply, ReplyFact, ReplyKind
from execution.outbound.bybit_venue import BybitVenue
from execution.outbound.keys_client import CREATE, AccountSigner
from shared.contracts.rpc.signing import Lane, Signature, SignRequest
from shared.runtime.bybit.outcomes import Unknown
from shared.runtime.settings import VenueHost
from shared.testing import FakeClock
from shared.trading.errors import Unavailable
from shared.trading.status import VenueEnvironment


def sender(venue: Venue, clock: FakeClock) -> SendOrders:
    return SendOrders(venue=venue, clock=clock, batch_size=10)  # type: ignore[arg-type]


async def test_a_holder_that_was_stopped_sends_nothing_after_its_bound() -> None:
    venue, clock, heard = Venue(), FakeClock(at(540)), list[Fact]()

    async def lost(_: Sequence[Attempt]) -> Sequence[Attempt]:
        return []

    await sender(venue, clock).execute(ACCOUNT, [an_intent()], heard.extend, Patience(until=at(600), prolong=lost))
    assert venue.sent == []
    (fact,) = heard
    assert isinstance(fact, ReplyFact)
    assert fact.reply.reason == "too_late: held_up"


async def test_whoever_still_holds_the_desk_sends_late_orders_after_committing_a_later_bound() -> None:
    venue, clock, heard = Venue(), FakeClock(at(20)), list[Fact]()

    async def prolong(late: Sequence[Attempt]) -> Sequence[Attempt]:
        return [attempt.prolonged(at(30)) for attempt in late]

    await sender(venue, clock).execute(ACCOUNT, [an_intent()], heard.extend, Patience(until=at(600), prolong=prolong))
    assert [attempt.send_before for attempt in venue.sent] == [at(30)]


async def test_every_send_is_checked_also_the_one_after_a_refusal_for_now() -> None:
    venue, clock, heard = Venue(replies=[Reply(kind=ReplyKind.NOT_NOW, reason="slow")]), FakeClock(T0), list[Fact]()

    async def prolong(_: Sequence[Attempt]) -> Sequence[Attempt]:
        return []

    class Jumping(FakeClock):
        def now(self) -> datetime:
            return at(60) if venue.sent else at(1)

    await sender(venue, Jumping(clock.now())).execute(
        ACCOUNT, [an_intent()], heard.extend, Patience(until=at(600), prolong=prolong)
    )
    assert len(venue.sent) == 1
    assert isinstance(heard[0], ReplyFact)
    assert heard[0].reply.reason == "too_late: slow"


class Asker:
    def __init__(self) -> None:
        self.requests: list[SignRequest] = []

    async def ask(self, _: Any, request: SignRequest, **__: Any) -> Signature:
        self.requests.append(request)
        return Signature(headers={}, timestamp_ms=1)


async def test_a_signature_names_the_orders_bound_and_none_is_asked_for_once_nobody_waits() -> None:
    asker = Asker()
    signer = AccountSigner(asker, ACCOUNT)  # type: ignore[arg-type]
    call: dict[str, Any] = {"recv_window_ms": 1500, "lane": Lane.BUY}
    create = {"method": "POST", "path": f"{CREATE}-batch", "payload": '{"request":[{"orderLinkId":"link"}]}', **call}
    with signer.bounded([an_intent()]):
        await signer.sign(**create)
        await signer.sign(method="GET", path="/v5/order/realtime", payload="category=spot", **call)
    assert [request.not_after for request in asker.requests] == [at(10), None]
    with pytest.raises(Unavailable):
        await signer.sign(**create)


async def test_while_the_venue_is_paused_orders_are_refused_for_now_and_no_question_leaves() -> None:
    asker, clock = Asker(), FakeClock(T0)
    host = VenueHost(rest="http://127.0.0.1:9", private_stream="ws://127.0.0.1:9", public_stream="ws://127.0.0.1:9")
    venue = BybitVenue(
        {VenueEnvironment.PAPER: host},
        asker=asker,  # type: ignore[arg-type]
        clock=clock,
        recv_window=TIMES.recv_window,
        sessions_max=2,
    )
    try:
        venue._breaker(VenueEnvironment.PAPER).heard(Unknown(reason="http_403", http_status=403))
        (reply,) = await venue.create(ACCOUNT, [an_intent()])
        assert (reply.kind, reply.reason, reply.retry_after_s) == (ReplyKind.NOT_NOW, "venue_paused", 600)
        with pytest.raises(Unavailable):
            await venue.look_up(ACCOUNT, "link")
        with pytest.raises(Unavailable):
            await venue.spendable(ACCOUNT, "USDT")
        assert asker.requests == []
        accounts = [Account(user_id=uuid4(), account_id=uuid4(), environment=ACCOUNT.environment) for _ in range(3)]
        for account in accounts:
            venue._session(account)
        assert list(venue._sessions) == [account.account_id for account in accounts[1:]]
    finally:
        venue.close()
