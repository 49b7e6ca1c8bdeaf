"""A new attempt takes the place of the one before it, and nothing else does: what the signer counts then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from keys.domain.allowance import CountDown, PlanCeiling, RunAllowance, SignedOrder, count_down
from keys.domain.errors import CeilingExceeded, PriceBeyondPlan, SlippageBeyondLimit, TradingHalted
from keys.domain.guards import Guards, StoredGuards
from keys.domain.halts import Extent, Halt
from keys.domain.limits import DEFAULT_LIMITS
from keys.domain.orders import LinkKeys, OrderTerms
from shared.trading.link_id import LinkId
from shared.trading.policy import RETRIES_MAX
from shared.trading.status import Side, VenueEnvironment

D = Decimal
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY_ID = UUID(int=5)
ADA = UUID(int=9)
LINKS = LinkKeys(key=b"k")
CEILING = PlanCeiling(
    symbol="BTCUSDT",
    side=Side.BUY,
    max_quantity=D(10),
    max_notional=D(1010),
    limit_price=D(101),
    reference_price=D(100),
    retries=True,
    signed_quantity=D(10),
    signed_notional=D(1010),
)
FIRST = SignedOrder(symbol="BTCUSDT", side=Side.BUY, quantity=D(10), notional=D(1010))


def an_order(
    attempt: int = 1, *, quantity: str = "6", price: str = "101", symbol: str = "BTCUSDT", side: Side = Side.BUY
) -> OrderTerms:
    link = LinkId(environment=VenueEnvironment.PAPER, position=1, run=2, leg=0, attempt=attempt)
    return OrderTerms(
        link=link,
        link_text=link.encode(b"k"),
        symbol=symbol,
        side=side,
        quantity=D(quantity),
        price=D(price),
        before_text=LINKS.before(link),
    )


def counted(order: OrderTerms, *, ceiling: PlanCeiling = CEILING, first: SignedOrder | None = FIRST) -> CountDown:
    allowance = RunAllowance(
        expires_at=NOW + timedelta(minutes=10),
        ceilings={(ceiling.symbol, ceiling.side): ceiling},
        approved_amount=D(1010),
    )
    earlier = {} if first is None or order.before_text is None else {order.before_text: first}
    return count_down([order], key_id=KEY_ID, allowances={(1, 2): allowance}, signed={}, now=NOW, earlier=earlier)


def guards(*halts: Halt) -> Guards:
    return Guards.of(
        StoredGuards(halts=halts),
        environment=VenueEnvironment.PAPER,
        user_id=ADA,
        account_hash=b"\x01",
        default=DEFAULT_LIMITS[VenueEnvironment.PAPER],
    )


def test_an_attempt_for_the_remainder_is_signed_although_the_ceiling_is_used_up_and_no_sum_grows() -> None:
    count = counted(an_order())
    assert count.fresh
    assert count.replacing == {count.fresh[0].link_text}
    assert count.ceilings[(1, 2)][("BTCUSDT", Side.BUY)] == CEILING
    assert guards().reserve(count, now=NOW) is None


@pytest.mark.parametrize(
    "order",
    [
        an_order(quantity="10.1"),
        an_order(attempt=RETRIES_MAX + 1),
        an_order(attempt=0),
    ],
    ids=["more than before", "too many", "a first attempt"],
)
def test_whatever_is_more_than_the_attempt_before_counts_like_any_other_order(order: OrderTerms) -> None:
    with pytest.raises(CeilingExceeded):
        counted(order)


def test_without_the_policy_or_an_attempt_that_was_signed_before_nothing_is_free() -> None:
    with pytest.raises(CeilingExceeded):
        counted(an_order(), ceiling=replace(CEILING, retries=False))
    with pytest.raises(CeilingExceeded):
        counted(an_order(), first=None)
    with pytest.raises(CeilingExceeded):
        counted(an_order(), first=replace(FIRST, symbol="ETHUSDT"))


def test_a_price_beyond_the_plan_is_refused_also_for_a_smaller_rest() -> None:
    with pytest.raises(PriceBeyondPlan):
        counted(an_order(price="101.01"))


def test_an_attempt_that_replaces_another_one_is_halted_and_bounded_like_the_first() -> None:
    count = counted(an_order())
    halt = Halt(
        halt_id=UUID(int=7),
        user_id=ADA,
        symbol=None,
        extent=Extent.OPENING,
        reason="I want to look first.",
        by_operator=False,
        raised_by=ADA,
        raised_at=NOW,
    )
    with pytest.raises(TradingHalted):
        guards(halt).check_halts(count.fresh)
    far = counted(an_order(), ceiling=replace(CEILING, reference_price=D(90)))
    with pytest.raises(SlippageBeyondLimit):
        guards().reserve(far, now=NOW)


def test_selling_again_what_was_bought_passes_a_halt_of_opening_orders() -> None:
    sell = replace(CEILING, side=Side.SELL, limit_price=None, reference_price=None, signed_quantity=D(0))
    order = an_order(attempt=0, side=Side.SELL)
    count = counted(order, ceiling=sell)
    guards(
        Halt(
            halt_id=UUID(int=7),
            user_id=None,
            symbol=None,
            extent=Extent.OPENING,
            reason="The venue behaves oddly.",
            by_operator=True,
            raised_by=UUID(int=1),
            raised_at=NOW,
        )
    ).check_halts(count.fresh)
    assert guards().reserve(count, now=NOW) is None
