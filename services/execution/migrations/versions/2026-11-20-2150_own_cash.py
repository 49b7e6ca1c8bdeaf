from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261120_2150"
down_revision = "20261120_2145"
branch_labels = None
depends_on = None

SCHEMA = "execution"


def upgrade() -> None:
    for table, column in (
        ("positions", "contributed"),
        ("positions", "withdrawn"),
        ("runs", "cash_part"),
        ("runs", "flow"),
    ):
        op.add_column(
            table, sa.Column(column, sa.Numeric(), nullable=False, server_default=sa.text("0")), schema=SCHEMA
        )
        op.alter_column(table, column, server_default=None, schema=SCHEMA)
    _what_positions_owned_before()


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")


def _what_positions_owned_before() -> None:
    """Until now no position had cash of its own: whatever it did not spend, or received, was the account's free money."""
    for table in ("positions", "runs"):
        op.execute(f"alter table {SCHEMA}.{table} no force row level security")
    op.execute(
        "update execution.positions set withdrawn = proceeds, "
        "contributed = case when status = 'EXECUTING' then greatest(approved_amount, invested) else invested end"
    )
    op.execute(
        "update execution.runs r set flow = case when r.state = 'trading' then r.approved else p.invested end "
        "from execution.positions p where p.position_id = r.position_id and r.kind = 'buy'"
    )
    op.execute(
        "update execution.runs r set flow = -p.proceeds "
        "from execution.positions p where p.position_id = r.position_id and r.kind = 'close' and r.run_id = p.run_id"
    )
    for table in ("positions", "runs"):
        op.execute(f"alter table {SCHEMA}.{table} force row level security")
