"""What accepting an order asks the gateway's tables, compiled once."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from gateway.domain.rebalancing import RebalanceMode
from gateway.outbound.postgres.tables import (
    MOMENT,
    close_requests,
    idempotency_keys,
    plans,
    rebalancings,
    synthetic_positions,
)
from shared.runtime.outbox import Outbox
from shared.runtime.statement import Statement


def _given(table: sa.Table, *names: str) -> dict[str, sa.BindParameter[object]]:
    return {name: sa.bindparam(name, type_=table.c[name].type) for name in names}


_REMEMBERED = ("user_id", "key", "fingerprint", "answer", "created_at")


def _remember() -> ReturningInsert[Any]:
    """Keeps an answer, unless one stands under the key that is not forgotten; waits while a twin is being accepted."""
    table = idempotency_keys
    given = {name: sa.bindparam(f"answer_{name}", type_=table.c[name].type) for name in _REMEMBERED}
    row = insert(table).values(given)
    again = row.on_conflict_do_update(
        index_elements=["user_id", "key"],
        set_={name: row.excluded[name] for name in ("fingerprint", "answer", "created_at")},
        where=table.c.created_at < sa.bindparam("forgotten", type_=MOMENT),
    )
    return again.returning(table.c.key)


_OPENED = (
    "position_id",
    "user_id",
    "account_id",
    "environment",
    "plan_id",
    "index_id",
    "index_version",
    "status",
    "approved_amount",
    "created_at",
    "updated_at",
)
# Without the view: it is as long as the plan, and acceptance looks at it only to say why nothing can be sold.
_UNSOLD = sa.case(
    (sa.and_(plans.c.kind == "close", sa.not_(plans.c.executable)), plans.c.view["legs"]),
    else_=sa.null(),
).label("unsold")
PLAN = Statement(
    sa.select(*(column for column in plans.c if column.key != "view"), _UNSOLD).where(
        plans.c.plan_id == sa.bindparam("plan_id", type_=sa.Uuid())
    )
)
ANSWER = Statement(
    sa.select(idempotency_keys).where(
        idempotency_keys.c.user_id == sa.bindparam("owner", type_=sa.Uuid()),
        idempotency_keys.c.key == sa.bindparam("name", type_=sa.Text()),
    )
)
REMEMBER = Statement(_remember())
CLOSE = Statement(
    insert(close_requests)
    .values(_given(close_requests, "plan_id", "user_id", "position_id", "accepted_at", "position_version"))
    .on_conflict_do_nothing()
    .returning(close_requests.c.plan_id)
)
_ITS_POSITION = sa.select(synthetic_positions).where(
    synthetic_positions.c.position_id == sa.bindparam("position", type_=sa.Uuid())
)
POSITION = Statement(_ITS_POSITION)
POSITION_HELD = Statement(_ITS_POSITION.with_for_update())
CLOSING = Statement(
    sa.select(
        sa.exists().where(
            close_requests.c.position_id == sa.bindparam("position", type_=sa.Uuid()),
            close_requests.c.position_version >= sa.bindparam("version", type_=sa.Integer()),
            close_requests.c.accepted_at > sa.bindparam("since", type_=MOMENT),
        )
    )
)
ITSELF = Statement(
    sa.select(
        sa.exists().where(
            rebalancings.c.position_id == sa.bindparam("position", type_=sa.Uuid()),
            rebalancings.c.fence == sa.bindparam("held", type_=sa.Integer()),
            rebalancings.c.mode == RebalanceMode.AUTOMATIC.value,
        )
    )
)
COUNT_COMMAND = Statement(
    sa.update(synthetic_positions)
    .where(synthetic_positions.c.position_id == sa.bindparam("position", type_=sa.Uuid()))
    .values(commands=synthetic_positions.c.commands + 1)
    .returning(synthetic_positions.c.commands)
)


def opening(outbox: Outbox) -> Statement:
    """The answer; if it is the first under its key, the position; and if the plan has opened none before, the command."""
    table = synthetic_positions
    remembered = _remember().cte("remembered")
    first = sa.exists(sa.select(remembered.c.key))
    position = sa.select(*(sa.bindparam(name, type_=table.c[name].type) for name in _OPENED)).where(first)
    opened = (
        insert(table)
        .from_select(list(_OPENED), position)
        .on_conflict_do_nothing()
        .returning(table.c.position_id)
        .cte("opened")
    )
    new = sa.exists(sa.select(opened.c.position_id))
    told = sa.select(first.label("remembered"), new.label("opened"), outbox.wake)
    return Statement(told.add_cte(outbox.said_if(new)))
