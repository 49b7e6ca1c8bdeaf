"""Schema `execution`: what its tables are made of."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

from shared.runtime.database import NAMING

metadata = sa.MetaData(schema="execution", naming_convention=NAMING)

MONEY = sa.Numeric()
ID = UUID(as_uuid=True)
MOMENT = TIMESTAMP(timezone=True)


def owned(name: str, *columns: Any) -> sa.Table:
    """A table of users' rows: every one names its user and its venue account."""
    return sa.Table(
        name,
        metadata,
        sa.Column("user_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        *columns,
    )


def money(name: str) -> sa.Column[Any]:
    """A column with an amount that is always known."""
    return sa.Column(name, MONEY, nullable=False)
