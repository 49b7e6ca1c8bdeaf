"""What the other positions were worth at a flow is worked out from points when it is asked for, and written no more.

Revision ID: 20261121_0815
Revises: 20261121_0520
"""

from __future__ import annotations

from alembic import op

revision = "20261121_0815"
down_revision = "20261121_0520"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Whoever writes it still, beside this revision, may go on; a later one drops it.
    op.alter_column("flow", "others", server_default="0", comment="unused; to be dropped", schema="reconciler")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
