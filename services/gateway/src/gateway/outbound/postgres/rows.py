"""Rows to domain values and back; amounts stay exact decimals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from gateway.domain.accepted import Accepted, RememberedAnswer
from gateway.domain.activity import ActivityEntry
from gateway.domain.plan import Ceiling, Plan, obstacle
from gateway.domain.position import Deviation, Fill, Leg, Position, Valuation
from shared.trading.money import plain
from shared.trading.policy import LegPolicy
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

Row = Mapping[str, Any]
Noun = TypeVar("Noun", Position, Leg, Fill, Valuation, Deviation, ActivityEntry)
_TYPED: dict[str, dict[str, Any]] = {
    "Position": {"status": PositionStatus, "environment": VenueEnvironment},
    "Leg": {"status": LegStatus, "side": Side},
    "Fill": {"side": Side},
    "Valuation": {},
    "Deviation": {},
    "ActivityEntry": {},
}


def noun(kind: type[Noun], row: Row) -> Noun:
    """A row as a domain value; columns that it does not know are left out."""
    facts = {field.name: row[field.name] for field in fields(kind)}
    for name, typed in _TYPED[kind.__name__].items():
        facts[name] = typed(facts[name])
    return kind(**facts)


def plan(row: Row) -> Plan:
    """A plan as it was handed out."""
    return Plan(
        plan_id=row["plan_id"],
        user_id=row["user_id"],
        account_id=row["account_id"],
        environment=VenueEnvironment(row["environment"]),
        kind=row["kind"],
        index_id=row["index_id"],
        index_version=row["index_version"],
        position_id=row["position_id"],
        amount=row["amount"],
        ceilings=tuple(_ceiling(item) for item in row["ceilings"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        executable=row["executable"],
        position_version=row["position_version"],
        policy=LegPolicy(row["policy"]),
        obstacles=tuple(obstacle(leg["symbol"], leg["reason"] or leg["check"]) for leg in row["unsold"] or ()),
    )


def _ceiling(item: Mapping[str, Any]) -> Ceiling:
    limit, reference, priced_at = (item.get(name) for name in ("limit_price", "reference_price", "priced_at"))
    return Ceiling(
        symbol=item["symbol"],
        side=Side(item["side"]),
        max_quantity=Decimal(item["max_quantity"]),
        max_notional=Decimal(item["max_notional"]),
        limit_price=None if limit is None else Decimal(limit),
        reference_price=None if reference is None else Decimal(reference),
        priced_at=None if priced_at is None else datetime.fromisoformat(priced_at),
    )


def remembered(row: Row) -> RememberedAnswer:
    """An answer under its key."""
    answer = row["answer"]
    return RememberedAnswer(
        fingerprint=row["fingerprint"],
        accepted=Accepted(
            position_id=UUID(answer["position_id"]),
            plan_id=UUID(answer["plan_id"]),
            account_id=UUID(answer["account_id"]),
            environment=VenueEnvironment(answer["environment"]),
            index_id=answer["index_id"],
            status=PositionStatus(answer["status"]),
            amount=Decimal(answer["amount"]),
            accepted_at=row["created_at"],
        ),
    )


def answer(accepted: Accepted) -> dict[str, str]:
    """An answer as JSON; its moment is the row's own."""
    return {
        "position_id": str(accepted.position_id),
        "plan_id": str(accepted.plan_id),
        "account_id": str(accepted.account_id),
        "environment": str(accepted.environment),
        "index_id": accepted.index_id,
        "status": str(accepted.status),
        "amount": plain(accepted.amount),
    }
