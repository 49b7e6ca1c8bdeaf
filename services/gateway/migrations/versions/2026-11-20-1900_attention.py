from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261120_1900"
down_revision = "20261120_1600"
branch_labels = None
depends_on = None

COLUMNS = "client_order_id, user_id, position_id, symbol, side, quantity, limit_price, filled_quantity, reason, status"


def upgrade() -> None:
    _let_the_relay_see_what_needs_attention()


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")


def _let_the_relay_see_what_needs_attention() -> None:
    """Which orders of all users wait for a person; no other leg is shown, and of these what identifies the order."""
    op.execute(f"grant select ({COLUMNS}) on gateway.position_legs to gateway_relay")
    op.execute(
        "create policy see_attention on gateway.position_legs for select to gateway_relay "
        "using (status = 'NEEDS_ATTENTION')"
    )
    op.create_index(
        "ix_position_legs_attention",
        "position_legs",
        ["position_id"],
        unique=False,
        schema="gateway",
        postgresql_where=sa.text("status = 'NEEDS_ATTENTION'"),
    )
