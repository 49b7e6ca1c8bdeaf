"""What others do on an account enters the books once, on the user's own coins, and touches no position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.application.book_flows import BookFlows, FlowRecord
from execution.application.ports import Account
from execution.application.told import FlowsTold, IncidentTold
from execution.domain.account_flow import LogLine, flow_lines, flow_of_line, flow_of_match
from execution.domain.journal import LedgerAccount, imbalance
from execution.domain.venue_facts import ExecutionFact
from shared.trading.errors import Unavailable
from shared.trading.flow import FlowKind, flow_kind, pair_of
from shared.trading.status import AttemptState, Side, VenueEnvironment

D = Decimal
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNT = Account(user_id=UUID(int=2), account_id=UUID(int=1), environment=VenueEnvironment.PAPER)
OWNER = {"user_id": ACCOUNT.user_id, "account_id": ACCOUNT.account_id}


def a_match(
    exec_id: str = "m1", *, symbol: str = "BTCUSDT", side: Side = Side.SELL, link: str = "", **changes: Any
) -> ExecutionFact:
    return replace(
        ExecutionFact(
            exec_id=exec_id,
            link_id=link,
            venue_order_id="v",
            symbol=symbol,
            side=side,
            price=D(100),
            quantity=D("0.5"),
            fee=D("0.05"),
            fee_asset="",
            at=NOW,
        ),
        **changes,
    )


def a_line(line_id: str = "l1", kind: str = "TRANSFER_OUT", asset: str = "BTC", change: str = "-0.25") -> LogLine:
    return LogLine(line_id=line_id, venue_type=kind, asset=asset, change=D(change), at=NOW)


class FakeVenue:
    """Tells matches and lines; counts questions."""

    def __init__(self, matches: Sequence[ExecutionFact] = (), lines: Sequence[LogLine] = ()) -> None:
        self.matches, self.lines, self.asked = list(matches), list(lines), 0
        self.away = False

    async def executions_since(self, account: Account, since: datetime) -> Sequence[ExecutionFact]:
        self.asked += 1
        if self.away:
            raise Unavailable(code="venue_unavailable")
        return [match for match in self.matches if match.at >= since]

    async def log_since(self, account: Account, since: datetime) -> Sequence[LogLine]:
        self.asked += 1
        return [line for line in self.lines if line.at >= since]


def bookings(counter: Any, venue: FakeVenue) -> Any:
    book = BookFlows(books=counter.books, venue=venue, linking=counter.bookkeeper._linking, clock=counter.clock)  # type: ignore[arg-type]

    async def of(*flow_ids: str) -> None:
        await book.execute(FlowRecord(account=ACCOUNT, flow_ids=flow_ids, since=NOW))

    return of


def own(counter: Any, asset: str) -> D:
    return sum(
        (
            line.amount
            for line in counter.state.lines
            if line.ledger is LedgerAccount.UNASSIGNED and line.asset == asset
        ),
        D(0),
    )


async def test_a_manual_sale_and_a_withdrawal_come_off_the_users_own_coins_once(counter: Any) -> None:
    counter.holds("1")
    venue = FakeVenue([a_match()], [a_line()])
    book = bookings(counter, venue)
    for _ in range(3):
        await book("trade:m1", "log:l1")
    assert own(counter, "BTC") == D("-0.75")
    assert own(counter, "USDT") == D("49.95"), "0.5 at 100, less the fee in USDT"
    assert imbalance(counter.state.lines) == {}
    assert all(line.position_id is None for line in counter.state.lines)
    assert counter.holding().quantity == 1, "no position's coins"
    [told] = [told for told in counter.state.told if isinstance(told, FlowsTold)]
    assert [(flow.flow_id, flow.kind) for flow in told.flows] == [
        ("trade:m1", FlowKind.TRADE),
        ("log:l1", FlowKind.TRANSFER_OUT),
    ]
    assert venue.asked == 2, "what is booked is not asked for again"


async def test_only_what_the_venue_confirms_and_was_not_ours_is_booked(counter: Any) -> None:
    attempt = counter.sent(counter.bought, AttemptState.FILLED)
    venue = FakeVenue([a_match("m1", link=attempt.link_id), a_match("m2", link="a-look-alike")])
    await bookings(counter, venue)("trade:m1", "trade:m2", "trade:never", "log:never")
    assert set(counter.state.flows_) == {"trade:m2"}


async def test_a_pair_whose_coins_nobody_knows_calls_a_person(counter: Any) -> None:
    await bookings(counter, FakeVenue([a_match(symbol="ODDPAIR")]))("trade:m1")
    assert counter.state.lines == []
    assert [told.code for told in counter.state.told if isinstance(told, IncidentTold)] == ["pair_not_known"]


async def test_without_the_venues_answer_nothing_is_booked(counter: Any) -> None:
    venue = FakeVenue([a_match()])
    venue.away = True
    with pytest.raises(Unavailable):
        await bookings(counter, venue)("trade:m1")
    assert counter.state.lines == []


@given(
    side=st.sampled_from(list(Side)),
    quantity=st.decimals("0.0001", "1000", places=4),
    price=st.decimals("0.01", "90000", places=2),
    fee=st.decimals("0", "10", places=6),
    fee_asset=st.sampled_from(["", "BTC", "USDT", "MNT"]),
)
def test_every_flow_sums_to_zero_in_each_coin(side: Side, quantity: D, price: D, fee: D, fee_asset: str) -> None:
    match = a_match(side=side, quantity=quantity, price=price, fee=fee, fee_asset=fee_asset)
    flow = flow_of_match(match, **OWNER, booked_at=NOW)
    assert flow is not None
    lines = flow_lines(flow)
    assert imbalance(lines) == {}
    moved = sum(line.amount for line in lines if line.ledger is LedgerAccount.UNASSIGNED and line.asset == "BTC")
    paid_in = fee_asset or ("BTC" if side is Side.BUY else "USDT")
    assert moved == (quantity if side is Side.BUY else -quantity) - (fee if paid_in == "BTC" else 0)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("TRANSFER_IN", FlowKind.TRANSFER_IN),
        ("TRANSFER_OUT", FlowKind.TRANSFER_OUT),
        ("INTEREST", FlowKind.INTEREST),
        ("CURRENCY_SELL", FlowKind.CONVERSION),
        ("AIRDROP", FlowKind.AIRDROP),
        ("FEE_REFUND", FlowKind.AIRDROP),
        ("BONUS_TRANSFER_IN", FlowKind.AIRDROP),
        ("FLEXIBLE_STAKING_SUBSCRIPTION", FlowKind.EARN),
        ("SETTLEMENT", FlowKind.DERIVATIVES),
        ("LIQUIDATION", FlowKind.FORCED),
        ("AUTO_BUY_LIABILITY_INS_LOAN", FlowKind.FORCED),
        ("TRANSFER_IN_INS_LOAN", FlowKind.LOAN),
        ("SOMETHING_NEW", FlowKind.OTHER),
    ],
)
def test_the_venues_words_have_one_kind_each(word: str, kind: FlowKind) -> None:
    assert flow_kind(word) is kind
    assert flow_of_line(a_line(kind=word), **OWNER, booked_at=NOW).kind is kind


def test_a_pair_is_split_at_its_quote_coin() -> None:
    assert pair_of("BTCUSDT") == ("BTC", "USDT")
    assert pair_of("USDEUSDT") == ("USDE", "USDT")
    assert pair_of("ETHBTC") == ("ETH", "BTC")
    assert pair_of("MNTUSDC") == ("MNT", "USDC")
    assert pair_of("USDT") is None
