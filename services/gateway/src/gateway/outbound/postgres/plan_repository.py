"""Every plan that is handed out is kept, so that an order for it needs no question to anybody."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gateway.outbound.postgres.tables import plans
from shared.contracts.rpc.plans import PlanView
from shared.runtime.database import Database
from shared.runtime.statement import Statement

_KEEP = Statement(
    insert(plans).values({c.key: sa.bindparam(c.key, type_=c.type) for c in plans.c}).on_conflict_do_nothing().inline()
)
_VIEW = Statement(sa.select(plans.c.view).where(plans.c.plan_id == sa.bindparam("plan_id", type_=plans.c.plan_id.type)))


class PostgresPlanRepository:
    """Plans by their owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, plan: PlanView) -> None:
        """Keep a plan; the same one twice changes nothing."""
        seen: dict[str, Any] = plan.model_dump(mode="json")
        values = {
            "plan_id": plan.plan_id,
            "user_id": plan.user_id,
            "account_id": plan.account_id,
            "environment": plan.environment.value,
            "kind": plan.kind,
            "index_id": plan.index_id,
            "index_version": plan.index_version,
            "position_id": plan.position_id,
            "amount": plan.amount,
            "ceilings": seen["ceilings"],
            "view": seen,
            "created_at": plan.created_at,
            "expires_at": plan.expires_at,
            "executable": plan.executable,
            "position_version": plan.position_version,
            "policy": plan.policy,
        }
        async with self._database.unit(plan.user_id) as unit:
            await _KEEP.run(unit, **values)

    async def find(self, user_id: UUID, plan_id: UUID) -> PlanView | None:
        """A plan handed to this user, as it was."""
        async with self._database.unit(user_id) as unit:
            row = await _VIEW.row(unit, plan_id=plan_id)
        return PlanView.model_validate(row["view"]) if row is not None else None


class PostgresPruning:
    """Takes away what is older than the keys are promised to live; for all users, with the relay's role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prune(self) -> int:
        """Delete what the role may see: expired rows only."""
        async with self._database.transaction() as session:
            gone = [
                await session.execute(sa.text(f"delete from gateway.{table}"))  # noqa: S608 - two literal names
                for table in ("idempotency_keys", "plans")
            ]
        return sum(int(getattr(result, "rowcount", 0)) for result in gone)
