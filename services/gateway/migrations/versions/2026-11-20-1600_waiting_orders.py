from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261120_1600"
down_revision = "20261120_1430"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "close_requests",
        sa.Column("position_version", sa.Integer(), server_default="0", nullable=False, comment="when it was taken"),
        schema="gateway",
    )
    op.create_index(
        op.f("ix_close_requests_position_id"), "close_requests", ["position_id"], unique=False, schema="gateway"
    )
    _let_the_relay_find_waiting_positions()


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")


def _let_the_relay_find_waiting_positions() -> None:
    """Which positions of all users wait for execution's first word; nothing else of them is shown."""
    columns = "position_id, user_id, status, created_at"
    op.execute(f"grant select ({columns}) on gateway.synthetic_positions to gateway_relay")
    op.execute(
        "create policy see_pending on gateway.synthetic_positions for select to gateway_relay "
        "using (status = 'PENDING')"
    )
    op.create_index(
        "ix_synthetic_positions_pending",
        "synthetic_positions",
        ["created_at"],
        unique=False,
        schema="gateway",
        postgresql_where=sa.text("status = 'PENDING'"),
    )
