"""One builder per noun of the gateway's neighbours: views as they come over the bus."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from gateway.domain.position import Position
from shared.contracts.account import KeyView
from shared.contracts.execution import FillView, LegView, PositionView
from shared.contracts.market import ConstituentView, IndexVersionView
from shared.contracts.orders import Ceiling
from shared.contracts.rpc import plans
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

ACCOUNT = UUID("aaaaaaaa-0000-4000-8000-000000000001")


def a_key(user_id: UUID, **other: Any) -> KeyView:
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "key_id": ACCOUNT,
        "user_id": user_id,
        "label": "Paper account",
        "environment": VenueEnvironment.PAPER,
        "venue_uid": "1000001",
        "hint": "abcd…wxyz",
        "permissions": {"Spot": ["SpotTrade"]},
        "read_only": False,
        "ips": [],
        "status": "active",
        "warnings": [],
        "created_at": now,
        "checked_at": now,
    }
    return KeyView(**{**facts, **other})


def an_index(version: int = 1, environment: VenueEnvironment = VenueEnvironment.PAPER) -> IndexVersionView:
    coin = ConstituentView(
        asset="BTC",
        symbol="BTCUSDT",
        source_id="bitcoin",
        name="Bitcoin",
        market_cap=Decimal(2_000_000_000_000),
        price=Decimal(100_000),
        weight=Decimal(1),
        rank=1,
    )
    return IndexVersionView(
        index_id="top-10",
        name="Top 10",
        description="The ten largest coins.",
        environment=environment,
        version=version,
        weighting="market_cap",
        weight_cap=Decimal("0.3"),
        as_of=datetime.now(UTC),
        constituents=[coin],
        exclusions=[],
    )


def a_plan(user_id: UUID, *, amount: Decimal = Decimal(250), life_s: float = 60, **other: Any) -> plans.PlanView:
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "plan_id": uuid4(),
        "user_id": user_id,
        "account_id": ACCOUNT,
        "environment": VenueEnvironment.PAPER,
        "kind": "buy",
        "index_id": "top-10",
        "index_version": 3,
        "amount": amount,
        "legs": [],
        "total_notional": amount,
        "total_fee": Decimal("0.25"),
        "cash_after": Decimal(0),
        "available": Decimal(10_000),
        "minimum_amount": Decimal("57.3"),
        "price_band": Decimal("0.01"),
        "ceilings": [
            Ceiling(
                symbol="BTCUSDT",
                side=Side.BUY,
                max_quantity=Decimal("0.0025"),
                max_notional=Decimal("252.5"),
                limit_price=Decimal(101_000),
            )
        ],
        "warnings": [],
        "created_at": now,
        "expires_at": now + timedelta(seconds=life_s),
    }
    return plans.PlanView(**{**facts, **other})


def a_plan_leg(price: str = "100000", **other: Any) -> plans.PlanLeg:
    facts: dict[str, Any] = {
        "number": 0,
        "symbol": "BTCUSDT",
        "base_asset": "BTC",
        "side": Side.SELL,
        "target_weight": Decimal(1),
        "effective_weight": Decimal(1),
        "quantity": Decimal("0.0025"),
        "estimated_price": Decimal(price),
        "limit_price": Decimal(price),
        "notional": Decimal(250),
        "max_notional": Decimal(250),
        "fee": Decimal("0.25"),
        "fee_asset": "USDT",
        "price_at": datetime.now(UTC),
        "check": "ok",
    }
    return plans.PlanLeg(**{**facts, **other})


def a_leg(position_id: UUID, run_id: UUID, number: int = 0, **other: Any) -> LegView:
    facts: dict[str, Any] = {
        "leg_id": UUID(int=position_id.int ^ (number + 1)),
        "position_id": position_id,
        "run_id": run_id,
        "number": number,
        "symbol": "BTCUSDT",
        "base_asset": "BTC",
        "side": Side.BUY,
        "status": LegStatus.FILLED,
        "target_weight": Decimal(1),
        "quantity": Decimal("0.0025"),
        "limit_price": Decimal("101000.5"),
        "filled_quantity": Decimal("0.0025"),
        "average_price": Decimal("100000.1"),
        "notional": Decimal("250.00025"),
        "fee": Decimal("0.0000025"),
        "fee_asset": "BTC",
        "residual": Decimal(0),
        "version": 3,
    }
    return LegView(**{**facts, **other})


def a_position(user_id: UUID, accepted: dict[str, Any], *, version: int, **other: Any) -> PositionView:
    position_id, run_id = UUID(accepted["position_id"]), UUID(accepted["plan_id"])
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "position_id": position_id,
        "user_id": user_id,
        "account_id": ACCOUNT,
        "environment": VenueEnvironment.PAPER,
        "index_id": "top-10",
        "index_version": 3,
        "status": PositionStatus.ACTIVE,
        "complete": True,
        "reasons": [],
        "run_id": run_id,
        "run_kind": "buy",
        "approved_amount": Decimal(250),
        "invested": Decimal("250.00025"),
        "proceeds": Decimal(0),
        "legs": [a_leg(position_id, run_id)],
        "created_at": now,
        "updated_at": now,
        "version": version,
    }
    return PositionView(**{**facts, **other})


def a_known_position(**other: Any) -> Position:
    """As the gateway keeps it: bought and standing."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    facts: dict[str, Any] = {
        "position_id": uuid4(),
        "user_id": uuid4(),
        "account_id": uuid4(),
        "environment": VenueEnvironment.PAPER,
        "plan_id": uuid4(),
        "index_id": "top-10",
        "index_version": 1,
        "status": PositionStatus.ACTIVE,
        "complete": True,
        "reasons": [],
        "blocked_reason": None,
        "policy": "HOLD",
        "run_id": uuid4(),
        "run_kind": "buy",
        "approved_amount": Decimal(250),
        "invested": Decimal("249.10"),
        "proceeds": Decimal(0),
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    return Position(**{**facts, **other})


def a_fill(accepted: dict[str, Any], exec_id: str = "e-1") -> FillView:
    position_id, run_id = UUID(accepted["position_id"]), UUID(accepted["plan_id"])
    return FillView(
        exec_id=exec_id,
        position_id=position_id,
        leg_id=UUID(int=position_id.int ^ 1),
        run_id=run_id,
        symbol="BTCUSDT",
        side=Side.BUY,
        price=Decimal("100000.1"),
        quantity=Decimal("0.0025"),
        fee=Decimal("0.0000025"),
        fee_asset="BTC",
        at=datetime.now(UTC),
        client_order_id="bp0",
        venue_order_id="v-1",
    )


@dataclass(frozen=True)
class Builders:
    """One builder per noun, as the fixture `build`."""

    key = staticmethod(a_key)
    index = staticmethod(an_index)
    plan = staticmethod(a_plan)
    plan_leg = staticmethod(a_plan_leg)
    leg = staticmethod(a_leg)
    position = staticmethod(a_position)
    fill = staticmethod(a_fill)
    account: UUID = ACCOUNT
