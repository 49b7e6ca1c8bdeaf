"""What a position had paid out when its last flow was recorded.

Revision ID: 20261121_0515
Revises: 20261121_0130
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261121_0515"
down_revision = "20261121_0130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Flows so far were recorded with their books: what those had paid out by then is in them."""
    column = sa.Column("border_withdrawn", sa.Numeric, nullable=False, server_default="0")
    op.add_column("position", column, schema="reconciler")
    op.execute("alter table reconciler.position no force row level security")
    op.execute("update reconciler.position set border_withdrawn = withdrawn where flows > 0")
    op.execute("alter table reconciler.position force row level security")


def downgrade() -> None:
    raise NotImplementedError("revisions are not taken back")
