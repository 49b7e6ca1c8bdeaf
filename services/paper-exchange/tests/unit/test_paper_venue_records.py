"""What the venue does beside trading goes through the journal: one record each, and a restart tells all of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.refusal import Refused
from paper_exchange.outbound.record_codec import decode_record, encode_record
from paper_exchange.outbound.state_dump import state_bytes


def told_again(floor: Any, make_floor: Callable[[], Any], *, records: int | None = None) -> Any:
    """Another floor that knows the journal alone."""
    other = make_floor()
    for record in floor.journal.records[:records]:
        other.ledger.apply(decode_record(encode_record(record)))
    fresh = type(floor.exchange)(
        ledger=other.ledger, market=other.market, journal=other.journal, feed=other.feed,
        milestones=floor.exchange.milestones, clock=other.clock,
    )  # fmt: skip
    other.exchange = fresh
    return other


def bought(floor: Any, **fields: str) -> Any:
    account = floor.account(USDT="1000")
    floor.place(account, symbol="BTCUSDT", side="Buy", orderType="Market", qty="100", orderLinkId="one", **fields)
    return account


def test_halts_rules_and_delistings_stand_after_a_restart(floor: Any, make_floor: Callable[[], Any]) -> None:
    floor.events.halt(["ETHUSDT", "BTCUSDT"])
    floor.events.resume(["BTCUSDT"])
    floor.events.change_rules("BTCUSDT", {"lot_size": Decimal("0.01"), "min_amount": Decimal(20)})
    floor.events.change_rules("BTCUSDT", {"min_amount": Decimal(30)})
    floor.events.delist("DOGEUSDT")
    other = told_again(floor, make_floor)
    assert state_bytes(other.ledger) == state_bytes(floor.ledger)
    assert (other.market.listings, other.market.halted, other.market.delisted) == (
        floor.market.listings, {"ETHUSDT", "DOGEUSDT"}, {"DOGEUSDT"},
    )  # fmt: skip
    rules = other.market.listings["BTCUSDT"]
    assert (rules.lot_size, rules.min_amount) == (Decimal("0.01"), Decimal(30))
    with pytest.raises(Refused) as refused:
        other.market.listing("DOGEUSDT")
    assert refused.value.ret_code == 170121


def test_a_reset_takes_the_notices_back(floor: Any) -> None:
    before = dict(floor.market.listings)
    floor.events.halt(["ETHUSDT"])
    floor.events.change_rules("BTCUSDT", {"lot_size": Decimal("0.01")})
    floor.events.delist("DOGEUSDT")
    floor.exchange.reset()
    assert (floor.market.listings, floor.market.halted, floor.market.delisted) == (before, set(), set())


def test_a_halt_that_stands_already_is_no_news(floor: Any) -> None:
    floor.events.halt(["ETHUSDT"])
    floor.events.halt(["ETHUSDT"])
    floor.events.resume(["BTCUSDT"])
    assert len(floor.journal.records) == 1


def test_a_conversion_is_one_record_so_that_a_kill_leaves_no_half_of_it(
    floor: Any, make_floor: Callable[[], Any]
) -> None:
    account = bought(floor)
    amount, before = account.holdings["BTC"].wallet, len(floor.journal.records)
    assert floor.events.convert("BTC", "NEW", Decimal(1000)) == 1
    for records in (before, before + 1):
        holdings = told_again(floor, make_floor, records=records).ledger.accounts[account.uid].holdings
        new = holdings["NEW"].wallet if "NEW" in holdings else Decimal(0)
        assert holdings["BTC"].wallet * 1000 + new == amount * 1000
    assert len(floor.journal.records) == before + 1
    assert [entry.change for entry in account.log[-2:]] == [-amount, amount * 1000]
    assert len({entry.entry_id for entry in account.log}) == len(account.log)
    assert floor.feed.told[-1] == ("wallet", "BTC,NEW")


def test_a_delisting_ends_the_orders_in_the_same_record(floor: Any, make_floor: Callable[[], Any]) -> None:
    account = floor.account(USDT="1000")
    order = floor.place(account, symbol="DOGEUSDT", side="Buy", orderType="Limit", qty="100", price="0.2")
    waiting = floor.place(
        account, match=False, symbol="DOGEUSDT", side="Buy", orderType="Limit", qty="100", price="0.2"
    )
    before = len(floor.journal.records)
    assert floor.events.delist("DOGEUSDT") == 2
    assert len(floor.journal.records) == before + 1
    assert [(one.status, one.cancel_type) for one in (order, waiting)] == [("Cancelled", "CancelByAdmin")] * 2
    assert account.holdings["USDT"].locked == 0
    assert not told_again(floor, make_floor).ledger.open_orders()
    floor.match_all()
    floor.tick()
    assert order.status == "Cancelled"


def test_the_live_view_stays_forgotten(floor: Any, make_floor: Callable[[], Any]) -> None:
    account = bought(floor)
    assert account.recently_closed
    floor.events.forget_live_view()
    assert not account.recently_closed
    other = told_again(floor, make_floor)
    assert not other.ledger.accounts[account.uid].recently_closed
    assert state_bytes(other.ledger) == state_bytes(floor.ledger)


def test_forgotten_link_ids_stay_forgotten(floor: Any, make_floor: Callable[[], Any]) -> None:
    account = bought(floor)
    bought_again = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "100", "orderLinkId": "one"}
    with pytest.raises(Refused):
        floor.place(account, **bought_again)
    before = len(floor.journal.records)
    floor.events.forget_links(account.uid, ["one", "never used", "one"])
    floor.events.forget_links(account.uid, ["never used"])
    assert len(floor.journal.records) == before + 1
    other = told_again(floor, make_floor)
    assert "one" not in other.ledger.accounts[account.uid].by_link_id
    assert state_bytes(other.ledger) == state_bytes(floor.ledger)
    floor.place(account, **bought_again)
    assert state_bytes(told_again(floor, make_floor).ledger) == state_bytes(floor.ledger)


def test_another_notice_would_be_seen(floor: Any) -> None:
    other = Ledger(floor.ledger.listings)
    floor.events.halt(["ETHUSDT"])
    assert state_bytes(other) != state_bytes(floor.ledger)
